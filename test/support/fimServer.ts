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

  /** What they asked, as prompts. */
  get prompts(): readonly string[] {
    return this.server.requestsTo(vllmFim.path).map(({ body }) => (JSON.parse(body) as { prompt: string }).prompt);
  }

  /** The next request for code whose prompt holds that text. An editor asks by itself too, for example after a suggestion was accepted. */
  async next(text: string): Promise<Gap> {
    for (;;) {
      const gap = new Gap(await this.server.exchange(vllmFim.path, this.#seen++));
      if (gap.prompt.includes(text)) return gap;
    }
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
