import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import path from 'node:path';
import { watchRequest } from './markerKeys.ts';

/** A real HTTP server on the loopback interface whose answers a test writes down, and which remembers what it was asked. */

export interface ReceivedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
  /** Which connection it came on, to see whether one was reused. */
  readonly socket: Socket;
}

export type Handler = (exchange: Exchange) => unknown;

export interface ServerOptions {
  /** `127.0.0.1` unless given; `::1` for IPv6. */
  readonly address?: string;
  /** Any free one unless given. */
  readonly port?: number;
  /** Speaks https with the self-signed certificate of test/fixtures/tls. */
  readonly tls?: true;
}

const tlsFolder = path.join(import.meta.dirname, '..', 'fixtures', 'tls');
export const certificateFile = path.join(tlsFolder, 'cert.pem');
export const certificate = () => readFileSync(certificateFile, 'utf8');
export const certificateKey = () => readFileSync(path.join(tlsFolder, 'key.pem'), 'utf8');

/** One request and the means to answer it badly. */
export class Exchange {
  readonly request: ReceivedRequest;
  readonly response: http.ServerResponse;
  /** Settles when the connection or the answer is over, whoever ended it. */
  readonly closed: Promise<void>;

  constructor(request: ReceivedRequest, response: http.ServerResponse) {
    this.request = request;
    this.response = response;
    this.closed = new Promise((resolve) => response.once('close', resolve));
    response.on('error', () => undefined);
  }

  json(value: unknown, status = 200): void {
    this.send(JSON.stringify(value), 'application/json', status);
  }

  send(body: string | Buffer, contentType: string, status = 200, headers: http.OutgoingHttpHeaders = {}): void {
    this.response.writeHead(status, { 'content-type': contentType, ...headers });
    this.response.end(body);
  }

  /** Sends the headers alone. */
  start(contentType: string, status = 200): this {
    this.response.writeHead(status, { 'content-type': contentType });
    this.response.flushHeaders();
    return this;
  }

  /** Settles when the bytes are with the system, or the client is gone. */
  async write(bytes: string | Uint8Array): Promise<void> {
    await new Promise<void>((resolve) => {
      this.response.write(bytes, () => resolve());
    });
  }

  /** One write for every piece, each its own packet as far as the system lets it. */
  async writePieces(pieces: Iterable<Uint8Array>): Promise<void> {
    this.response.socket?.setNoDelay(true);
    for (const piece of pieces) {
      await this.write(piece);
      await new Promise(setImmediate);
    }
  }

  end(): void {
    this.response.end();
  }

  /** Cuts the connection, without the end of the body. What was written before arrives. */
  cut(): void {
    this.response.socket?.destroySoon();
  }
}

export class ScriptedServer {
  readonly requests: ReceivedRequest[] = [];
  readonly exchanges: Exchange[] = [];
  readonly sockets = new Set<Socket>();
  readonly url: string;
  readonly port: number;
  readonly #server: http.Server;
  readonly #routes: Map<string, Handler>;
  #waiting: (() => void)[] = [];

  private constructor(server: http.Server, routes: Map<string, Handler>, url: string) {
    this.#server = server;
    this.#routes = routes;
    this.url = url;
    this.port = (server.address() as AddressInfo).port;
  }

  /** Routes: a path, with its query, to its handler. `*` answers the rest, which is 404 otherwise. */
  static async start(routes: Record<string, Handler> = {}, options: ServerOptions = {}): Promise<ScriptedServer> {
    const address = options.address ?? '127.0.0.1';
    const server = options.tls
      ? https.createServer({ key: certificateKey(), cert: certificate() })
      : http.createServer();
    // Connections that stay open until the test says otherwise.
    server.keepAliveTimeout = 0;
    server.listen(options.port ?? 0, address);
    await once(server, 'listening');
    const port = (server.address() as AddressInfo).port;
    const host = address.includes(':') ? `[${address}]` : address;
    const scripted = new ScriptedServer(
      server,
      new Map(Object.entries(routes)),
      `${options.tls ? 'https' : 'http'}://${host}:${port}`,
    );
    server.on('connection', (socket) => scripted.#remember(socket));
    server.on('request', (request, response) => void scripted.#answer(request, response));
    return scripted;
  }

  on(routePath: string, handler: Handler): this {
    this.#routes.set(routePath, handler);
    return this;
  }

  requestsTo(routePath: string): ReceivedRequest[] {
    return this.requests.filter((request) => request.path === routePath);
  }

  /** The n-th exchange on a path, as soon as it is there. */
  async exchange(routePath: string, position = 0): Promise<Exchange> {
    for (;;) {
      const found = this.exchanges.filter((exchange) => exchange.request.path === routePath)[position];
      if (found) return found;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** Settles when no connection is open. */
  async allClosed(): Promise<void> {
    for (const socket of this.sockets) await new Promise((resolve) => socket.once('close', resolve));
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, 'close');
  }

  #remember(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => this.sockets.delete(socket));
  }

  async #answer(incoming: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of incoming) chunks.push(chunk as Buffer);
    } catch {
      return;
    }
    const request: ReceivedRequest = {
      method: incoming.method ?? '',
      path: incoming.url ?? '',
      headers: incoming.headers,
      body: Buffer.concat(chunks).toString('utf8'),
      socket: incoming.socket,
    };
    watchRequest(new URL(this.url).protocol.slice(0, -1), request);
    const exchange = new Exchange(request, response);
    this.requests.push(request);
    this.exchanges.push(exchange);
    for (const resolve of this.#waiting.splice(0)) resolve();
    const handler = this.#routes.get(request.path) ?? this.#routes.get('*');
    if (handler) await handler(exchange);
    else exchange.json({ error: 'no such path in this test' }, 404);
  }
}
