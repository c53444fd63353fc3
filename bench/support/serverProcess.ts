import { fork } from 'node:child_process';
import path from 'node:path';

export type FromServer =
  | { readonly type: 'listening'; readonly port: number }
  /** A request for code has arrived whole. */
  | { readonly type: 'asked'; readonly atNs: bigint }
  /** An answer is over, whoever ended it. Times are on the monotonic clock, which all processes of a machine share. */
  | { readonly type: 'closed'; readonly atNs: bigint }
  | { readonly type: 'state'; readonly connections: number; readonly givenToSystemBytes: number };
export type ToServer = 'state';

type Message<T extends FromServer['type']> = Extract<FromServer, { type: T }>;

export interface ServerProcess {
  readonly url: string;
  next<T extends FromServer['type']>(type: T): Promise<Message<T>>;
  /** Open connections, and what the system has taken of the newest answer. */
  state(): Promise<Message<'state'>>;
  stop(): void;
}

export async function startServer(kind: 'any' | 'llama-server' = 'any'): Promise<ServerProcess> {
  const child = fork(path.join(import.meta.dirname, 'server.ts'), [kind], { serialization: 'advanced' });
  const next = <T extends FromServer['type']>(type: T) =>
    new Promise<Message<T>>((resolve, reject) => {
      const take = (message: FromServer) => {
        if (message.type !== type) return;
        child.off('message', take).off('exit', fail);
        resolve(message as Message<T>);
      };
      const fail = () => reject(new Error('The server of the bench has ended.'));
      child.on('message', take).on('exit', fail);
    });
  const { port } = await next('listening');
  return {
    url: `http://127.0.0.1:${port}`,
    next,
    state: () => {
      child.send('state' satisfies ToServer);
      return next('state');
    },
    stop: () => void child.kill(),
  };
}
