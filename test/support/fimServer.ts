import { vllmFim } from './fimDialects.ts';
import { ScriptedServer, type Exchange } from './scriptedServer.ts';

/** A vLLM that completes code: each request waits for the test to answer it. */
export class FimServer {
  readonly server: ScriptedServer;
  #seen = 0;

  static async start(models: readonly string[] = ['qwen2.5-coder-1.5b']): Promise<FimServer> {
    return new FimServer(await ScriptedServer.start(vllmFim.dialect.routes(models)));
  }

  private constructor(server: ScriptedServer) {
    this.server = server;
    server.on(vllmFim.path, () => undefined);
  }

  get url(): string {
    return this.server.url;
  }

  /** So many asked for code until now. */
  get count(): number {
    return this.server.requestsTo(vllmFim.path).length;
  }

  /** The next request for code. */
  async next(): Promise<Gap> {
    return new Gap(await this.server.exchange(vllmFim.path, this.#seen++));
  }

  close(): Promise<void> {
    return this.server.close();
  }
}

/** A gap to be filled. */
export class Gap {
  readonly prompt: string;
  readonly #exchange: Exchange;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
    this.prompt = (JSON.parse(exchange.request.body) as { prompt: string }).prompt;
  }

  /** When the client has left, or the answer is over. */
  get closed(): Promise<void> {
    return this.#exchange.closed;
  }

  fill(text: string): void {
    this.#exchange.send(vllmFim.text(text) + vllmFim.finish(), vllmFim.dialect.contentType);
  }

  fail(status: number, body: object): void {
    this.#exchange.json(body, status);
  }
}
