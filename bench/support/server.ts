import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { dialects, llamaServerFacts } from '../../test/support/dialects.ts';
import { fimDialects } from '../../test/support/fimDialects.ts';
import type { FromServer, ToServer } from './serverProcess.ts';

/**
 * A model server that has its answers ready, as a process of its own. The name of the model says what to answer: `5000x12` is 5,000 deltas of 12 characters,
 * as fast as the client takes them; `slow` one small delta every 2 ms without end.
 */

/** What is given to the socket at once. */
const batchBytes = 64 * 1024;
const slowIntervalMs = 2;

const server = http.createServer((request, response) => void answer(request, response));
server.keepAliveTimeout = 0;
/** Then it says so, and is asked in its own way. */
const isLlamaServer = process.argv[2] === 'llama-server';
let last: http.ServerResponse | undefined;

async function answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
  const dialect = dialects.find(({ chatPath }) => chatPath === request.url);
  const gap = fimDialects.find(({ path }) => path === request.url);
  const body = await text(request);
  if (gap) {
    report({ type: 'asked', atNs: process.hrtime.bigint() });
    response.once('close', () => report({ type: 'closed', atNs: process.hrtime.bigint() }));
    response.writeHead(200, { 'content-type': gap.dialect.contentType });
    return writeSlowly(response, gap.text(' '));
  }
  const fact = isLlamaServer ? llamaServerFacts(['m'])[request.url ?? ''] : undefined;
  if (fact) return void response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(fact));
  // What a client asks beside the chat, for example how long a model's answers may be.
  if (!dialect) return void response.writeHead(404).end();
  const { model } = JSON.parse(body) as { model: string };
  last = response;
  response.once('close', () => report({ type: 'closed', atNs: process.hrtime.bigint() }));
  response.writeHead(200, { 'content-type': dialect.contentType });
  if (model === 'slow') return writeSlowly(response, dialect.text('word '));
  const [deltas = 0, chars = 0] = model.split('x').map(Number);
  await writeFast(response, dialect.text('word '.repeat(chars / 5 + 1).slice(0, chars)), deltas);
  response.end(dialect.finish());
}

async function writeFast(response: http.ServerResponse, frame: string, frames: number): Promise<void> {
  const framesInBatch = Math.ceil(batchBytes / frame.length);
  const batch = Buffer.from(frame.repeat(framesInBatch));
  for (let left = frames; left > 0 && !response.destroyed; left -= framesInBatch) {
    const isTaken = response.write(left >= framesInBatch ? batch : frame.repeat(left));
    if (!isTaken) await drained(response);
  }
}

function drained(response: http.ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done).off('close', done);
      resolve();
    };
    response.on('drain', done).on('close', done);
  });
}

function writeSlowly(response: http.ServerResponse, frame: string): void {
  const timer = setInterval(() => response.write(frame), slowIntervalMs);
  response.once('close', () => clearInterval(timer));
}

function report(message: FromServer): void {
  process.send?.(message);
}

process.on('message', (message: ToServer) => {
  if (message !== 'state') return;
  const socket = last?.socket;
  const givenToSystemBytes = socket ? socket.bytesWritten - socket.writableLength : 0;
  server.getConnections((_error, connections) => report({ type: 'state', connections, givenToSystemBytes }));
});
process.on('disconnect', () => process.exit());

server.listen(0, '127.0.0.1', () => report({ type: 'listening', port: (server.address() as AddressInfo).port }));
