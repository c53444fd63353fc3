import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface StepServerOptions {
  /** Requests without it are refused. */
  readonly key?: string;
  /** Context windows by model; that of the others is large. */
  readonly contextTokens?: Readonly<Record<string, number>>;
  /** Of a server that was stopped and comes back. */
  readonly port?: number;
}

/**
 * A vLLM on a loopback port whose answers a test gives word by word. For what a real model cannot be made to do on demand: pause, break, refuse.
 */
export class StepServer {
  readonly url: string;
  /** Bodies of the chat requests so far. */
  readonly chats: ChatBody[] = [];
  /** Of any kind. */
  requestCount = 0;
  readonly #server: Server;
  readonly #options: StepServerOptions;
  readonly #arrived: ChatExchange[] = [];
  readonly #awaited: ((exchange: ChatExchange) => void)[] = [];

  static async start(models: readonly string[] = ['step-model'], options: StepServerOptions = {}): Promise<StepServer> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve));
    return new StepServer(server, models, options);
  }

  private constructor(server: Server, models: readonly string[], options: StepServerOptions) {
    this.#server = server;
    this.#options = options;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on('request', (request, response) => void this.#answer(request, response, models));
  }

  /** The next chat request, when it comes. */
  nextChat(): Promise<ChatExchange> {
    const waiting = this.#arrived.shift();
    return waiting ? Promise.resolve(waiting) : new Promise((resolve) => this.#awaited.push(resolve));
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse, models: readonly string[]): Promise<void> {
    this.requestCount++;
    const { key, contextTokens = {} } = this.#options;
    if (key !== undefined && request.headers.authorization !== `Bearer ${key}`) {
      return sendJson(response, 401, { error: { message: 'Invalid API key', type: 'Unauthorized', code: 401 } });
    }
    // As a proxy it gets whole addresses.
    const { pathname } = new URL(request.url ?? '/', 'http://127.0.0.1');
    if (pathname === '/v1/models') {
      return sendJson(response, 200, {
        object: 'list',
        data: models.map((id) => {
          return { id, object: 'model', owned_by: 'vllm', max_model_len: contextTokens[id] ?? 4_000_000 };
        }),
      });
    }
    if (pathname === '/version') return sendJson(response, 200, { version: '0.32.0' });
    if (pathname !== '/v1/chat/completions') return sendJson(response, 404, { detail: 'Not Found' });
    let text = '';
    for await (const chunk of request) text += String(chunk);
    const body = JSON.parse(text) as ChatBody;
    if (!models.includes(body.model)) {
      const message = `The model \`${body.model}\` does not exist.`;
      return sendJson(response, 404, { error: { message, type: 'NotFoundError', param: 'model', code: 404 } });
    }
    this.chats.push(body);
    const exchange = new ChatExchange(body, response);
    const waiting = this.#awaited.shift();
    if (waiting) waiting(exchange);
    else this.#arrived.push(exchange);
  }
}

export interface ChatBody {
  readonly model: string;
  readonly messages: readonly { readonly role: string; readonly content: string }[];
  readonly temperature?: number;
}

/** One chat request and the answer that the test gives to it. */
export class ChatExchange {
  readonly body: ChatBody;
  /** Settles when the client has closed the connection before the end of the answer. */
  readonly closedByClient: Promise<void>;
  readonly #response: ServerResponse;

  constructor(body: ChatBody, response: ServerResponse) {
    this.body = body;
    this.#response = response;
    this.closedByClient = new Promise((resolve) => response.once('close', () => !response.writableEnded && resolve()));
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
    response.flushHeaders();
  }

  text(delta: string): void {
    this.#event({ choices: [{ index: 0, delta: { content: delta }, finish_reason: null }] });
  }

  finish(outputTokens = 3): void {
    this.#event({ choices: [{ index: 0, delta: { content: '' }, finish_reason: 'stop' }] });
    this.#event({
      choices: [],
      usage: { prompt_tokens: 5, total_tokens: 5 + outputTokens, completion_tokens: outputTokens },
    });
    this.#response.end('data: [DONE]\n\n');
  }

  /** The server dies. */
  cut(): void {
    this.#response.destroy();
  }

  #event(value: object): void {
    this.#response.write(`data: ${JSON.stringify({ object: 'chat.completion.chunk', ...value })}\n\n`);
  }
}

function sendJson(response: ServerResponse, status: number, value: object): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(value));
}
