import { once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** A company's proxy on a loopback port: whatever name it is asked for, it goes to one server of the test. Remembers what it was asked. */
export class ForwardProxy {
  /** `GET http://name/path` and `CONNECT name:port`, as they came. */
  readonly asked: string[] = [];
  /** What identifies the client to the proxy. */
  readonly authorizations: (string | undefined)[] = [];
  readonly url: string;
  readonly #server: http.Server;
  readonly #targetPort: number;
  readonly #sockets = new Set<Duplex>();

  static async start(targetPort: number): Promise<ForwardProxy> {
    const server = http.createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new ForwardProxy(server, targetPort);
  }

  private constructor(server: http.Server, targetPort: number) {
    this.#server = server;
    this.#targetPort = targetPort;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on('connection', (socket) => this.#remember(socket));
    server.on('request', (request, response) => this.#forward(request, response));
    server.on('connect', (request, socket: Socket) => this.#tunnel(request, socket));
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #forward(incoming: http.IncomingMessage, response: http.ServerResponse): void {
    this.asked.push(`${incoming.method} ${incoming.url}`);
    this.authorizations.push(incoming.headers['proxy-authorization']);
    const { pathname, search } = new URL(incoming.url ?? '/', 'http://none');
    const outgoing = http.request({
      host: '127.0.0.1',
      port: this.#targetPort,
      path: pathname + search,
      method: incoming.method ?? 'GET',
      headers: incoming.headers,
      agent: false,
    });
    outgoing.on('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    outgoing.on('error', () => response.destroy());
    incoming.pipe(outgoing);
  }

  #tunnel(request: http.IncomingMessage, socket: Socket): void {
    this.asked.push(`CONNECT ${request.url}`);
    this.authorizations.push(request.headers['proxy-authorization']);
    const target = net.connect(this.#targetPort, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      target.pipe(socket).pipe(target);
    });
    this.#remember(target);
    target.on('error', () => socket.destroy());
  }

  #remember(socket: Duplex): void {
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => this.#sockets.delete(socket));
  }
}
