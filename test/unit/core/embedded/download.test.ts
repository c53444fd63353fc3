import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chmod, mkdtemp, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BackendError, type BackendErrorKind } from '../../../../src/core/clients/errors.ts';
import type { EmbeddedModel } from '../../../../src/core/embedded/catalogue.ts';
import { downloadModel, type DownloadRequest } from '../../../../src/core/embedded/download.ts';
import { redirectTarget } from '../../../../src/core/embedded/downloadSource.ts';
import { fetchModel } from '../../../../src/core/embedded/modelFiles.ts';
import type { CoreHost } from '../../../../src/core/host.ts';
import { createTestHost } from '../../../support/testHost.ts';

const content = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 7919) % 251));
const etag = '"v1"';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

describe('downloadModel', () => {
  let server: http.Server;
  let origin: string;
  let folder: string;
  let target: string;
  let handler: Handler;
  let requests: IncomingMessage[];

  before(async () => {
    server = http.createServer((request, response) => {
      requests.push(request);
      handler(request, response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  beforeEach(async () => {
    requests = [];
    handler = serve();
    folder = await mkdtemp(join(tmpdir(), 'a2ia-download-'));
    target = join(folder, 'models', 'model.gguf');
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const modelFrom = (...sources: string[]): EmbeddedModel => ({
    id: 'tiny',
    displayName: 'Tiny',
    license: 'MIT',
    fileName: 'model.gguf',
    sizeBytes: content.length,
    sha256: createHash('sha256').update(content).digest('hex'),
    sources,
  });
  const request = (overrides: Partial<DownloadRequest> = {}): DownloadRequest => ({
    model: modelFrom(`${origin}/model`),
    targetPath: target,
    signal: new AbortController().signal,
    proxyAgentFor: () => Promise.resolve(undefined),
    onProgress: () => undefined,
    ...overrides,
  });
  const failure = async (
    overrides: Partial<DownloadRequest>,
    kind: BackendErrorKind,
    message = /./,
  ): Promise<BackendError> => {
    const error: unknown = await downloadModel(request(overrides)).then(
      () => assert.fail('it succeeded'),
      (thrown: unknown) => thrown,
    );
    assert.ok(error instanceof BackendError, String(error));
    assert.equal(error.kind, kind, error.message);
    assert.match(error.message, message);
    assert.match(error.hint, /a2ia\.embedded\.modelPath/);
    return error;
  };
  const assertComplete = async () => {
    assert.ok((await readFile(target)).equals(content));
    assert.deepEqual(await readdir(join(folder, 'models')), ['model.gguf'], 'nothing is left over');
  };
  /** Once the bytes are on the disk: what is still in a buffer when a connection breaks is lost. */
  const cutAt = (bytes: number) => (receivedBytes: number) =>
    void (receivedBytes === bytes && server.closeAllConnections());
  const partSize = async () => (await stat(`${target}.part`)).size;

  it('downloads, and reports progress', async () => {
    const progress: number[] = [];
    await downloadModel(request({ onProgress: (receivedBytes) => progress.push(receivedBytes) }));
    await assertComplete();
    assert.equal(progress.at(-1), content.length);
    assert.deepEqual(
      progress,
      [...progress].sort((a, b) => a - b),
    );
    assert.equal(requests[0]?.headers.range, undefined);
  });

  it('goes on where a cut connection stopped, in the same call', async () => {
    handler = (incoming, response) => serve(requests.length === 1 ? { stallAt: 100_000 } : {})(incoming, response);
    await downloadModel(request({ onProgress: cutAt(100_000) }));
    await assertComplete();
    assert.equal(requests[1]?.headers.range, 'bytes=100000-');
    assert.equal(requests[1]?.headers['if-range'], etag);
  });

  it('goes on in the next call, and in the next after a process died', async () => {
    handler = (incoming, response) =>
      requests.length === 1 ? serve({ stallAt: 70_000 })(incoming, response) : response.destroy();
    await failure({ onProgress: cutAt(70_000) }, 'download', /broke|cannot be reached/);
    assert.equal(await partSize(), 70_000);
    requests = [];
    handler = serve();
    const progress: number[] = [];
    await downloadModel(request({ onProgress: (receivedBytes) => progress.push(receivedBytes) }));
    await assertComplete();
    assert.deepEqual(
      requests.map((incoming) => incoming.headers.range),
      ['bytes=70000-'],
    );
    assert.ok((progress[0] ?? 0) > 70_000);

    await rm(target);
    // No process has this number: the largest that Linux gives is 4194304.
    await writeFile(`${target}.99999999-1.part`, content.subarray(0, 50_000));
    requests = [];
    await downloadModel(request());
    await assertComplete();
    assert.deepEqual(
      requests.map((incoming) => incoming.headers.range),
      ['bytes=50000-'],
    );
  });

  it('leaves the part of a living process alone', async () => {
    const others = `${target}.${process.ppid}-1.part`;
    await downloadModel(request());
    await rm(target);
    await writeFile(others, content.subarray(0, 50_000));
    await downloadModel(request());
    assert.equal((await stat(others)).size, 50_000);
    assert.equal(requests.at(-1)?.headers.range, undefined);
  });

  it('survives two downloads of one file at once', async () => {
    await Promise.all([downloadModel(request()), downloadModel(request())]);
    await assertComplete();
  });

  it('starts over when the file changed meanwhile', async () => {
    await leavePart(content.map((byte) => 255 - byte).subarray(0, 120_000), '"v0"');
    await downloadModel(request());
    await assertComplete();
    assert.deepEqual(
      requests.map((incoming) => incoming.headers['if-range']),
      ['"v0"'],
    );
  });

  it('starts over when the source ignores ranges', async () => {
    await leavePart(content.subarray(0, 120_000), etag);
    handler = (_incoming, response) => response.writeHead(200, { 'content-length': content.length }).end(content);
    await downloadModel(request());
    await assertComplete();
  });

  it('starts over when what was left turns out wrong at the end', async () => {
    await leavePart(Buffer.alloc(120_000, 1), undefined);
    await downloadModel(request());
    await assertComplete();
    assert.deepEqual(
      requests.map((incoming) => incoming.headers.range),
      ['bytes=120000-', undefined],
    );
  });

  it('does without the network when all is there already', async () => {
    await leavePart(content, etag);
    await downloadModel(request());
    await assertComplete();
    assert.equal(requests.length, 0);
  });

  it('refuses a file with the wrong checksum, and deletes it', async () => {
    handler = (_incoming, response) => response.end(Buffer.alloc(content.length));
    await failure({}, 'download', /checksum/);
    assert.deepEqual(await readdir(join(folder, 'models')), []);
  });

  it('takes the next source when one fails', async () => {
    handler = (incoming, response) => {
      if (incoming.url === '/gone') response.writeHead(404).end();
      else if (incoming.url === '/wrong') response.end(Buffer.alloc(content.length));
      else if (incoming.url === '/login') response.end('<html>Sign in</html>');
      else serve()(incoming, response);
    };
    const sources = ['/gone', '/wrong', '/login', '/model'].map((path) => origin + path);
    await downloadModel(request({ model: modelFrom(...sources) }));
    await assertComplete();
    const error = await failure(
      { targetPath: join(folder, 'b', 'x'), model: modelFrom(...sources.slice(0, 3)) },
      'download',
    );
    assert.match(error.message, /status 404.*checksum.*20 bytes instead of 300000/);
  });

  it('follows redirects, and not for ever', async () => {
    handler = (incoming, response) => {
      const hop = Number(incoming.url?.slice(1));
      if (hop === 0) serve()(incoming, response);
      else response.writeHead(302, { location: `/${hop - 1}` }).end();
    };
    await downloadModel(request({ model: modelFrom(`${origin}/5`) }));
    await assertComplete();
    await failure(
      { targetPath: join(folder, 'x'), model: modelFrom(`${origin}/6`) },
      'download',
      /redirects without end/,
    );
  });

  it('gives encryption up only towards this machine', () => {
    const to = (location: string) => redirectTarget(new URL('https://hub.example/a'), location).href;
    assert.equal(to('/b'), 'https://hub.example/b');
    assert.equal(to('https://cdn.example/b'), 'https://cdn.example/b');
    assert.equal(to('http://127.0.0.1:8080/b'), 'http://127.0.0.1:8080/b');
    assert.throws(() => to('http://cdn.example/b'), /without encryption/);
    assert.throws(() => to('file:///etc/passwd'), /without encryption/);
  });

  it('asks for the proxy of each address', async () => {
    const asked: string[] = [];
    const agent = new http.Agent();
    await downloadModel(
      request({
        proxyAgentFor: (url) => {
          asked.push(url.href);
          return Promise.resolve(agent);
        },
      }),
    );
    assert.deepEqual(asked, [`${origin}/model`]);
    agent.destroy();
  });

  it('says how much room is needed when the disk is full, before it asks for anything', async () => {
    const error = await failure({ freeBytes: () => Promise.resolve(1_000_000 / 10) }, 'diskFull');
    assert.match(error.message, /needs 0\.3 MB more .* 0\.1 MB are free/);
    assert.equal(requests.length, 0);
  });

  it('keeps what it has when the disk gets full on the way', async () => {
    const openFile: DownloadRequest['openFile'] = async (path, flags) => {
      const handle = await open(path, flags);
      const write = handle.write.bind(handle) as (chunk: Buffer, offset: number, length: number) => Promise<unknown>;
      const limited = async (chunk: Buffer, offset: number, length: number) => {
        const { size } = await handle.stat();
        if (size >= 50_000) throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
        return write(chunk, offset, Math.min(length, 50_000 - size));
      };
      return Object.assign(handle, { write: limited });
    };
    await failure({ openFile }, 'diskFull', /needs 0\.[23] MB more/);
    assert.equal(await partSize(), 50_000);
    await downloadModel(request());
    await assertComplete();
    assert.equal(requests.at(-1)?.headers.range, 'bytes=50000-');
  });

  it('says that there is no connection, and what else is possible', async () => {
    const closed = http.createServer();
    await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
    const { port } = closed.address() as AddressInfo;
    await new Promise((resolve) => closed.close(resolve));
    const error = await failure(
      { model: modelFrom(`http://127.0.0.1:${port}/model`) },
      'download',
      /cannot be reached/,
    );
    assert.match(error.hint, /network.*Ollama/);
    assert.ok(error.retryable);
    assert.deepEqual(await readdir(join(folder, 'models')), []);
  });

  it('gives up on a source that falls silent', async () => {
    handler = (incoming, response) => serve({ stallAt: 40_000 })(incoming, response);
    await failure({ idleTimeoutMs: 150 }, 'download', /sent nothing for 0\.15 s/);
    handler = () => undefined;
    await failure({ idleTimeoutMs: 50 }, 'download', /sent nothing for 0\.05 s/);
  });

  it('stops at an abort and keeps what arrived', async () => {
    const abort = new AbortController();
    handler = serve({ stallAt: 90_000 });
    const reason = new Error('enough');
    const download = downloadModel(
      request({ signal: abort.signal, onProgress: (receivedBytes) => receivedBytes === 90_000 && abort.abort(reason) }),
    );
    await assert.rejects(download, (error) => error === reason);
    assert.equal(await partSize(), 90_000);
  });

  it('names a folder that is none', async () => {
    await writeFile(join(folder, 'file'), '');
    await failure({ targetPath: join(folder, 'file', 'model.gguf') }, 'download', /cannot write to/);
  });

  it('names a folder that cannot be written to, and asks for nothing', async function () {
    if (process.platform === 'win32') {
      console.log('      skipped: Windows has no read-only folders in this sense');
      this.skip();
    }
    await chmod(folder, 0o555);
    await asSomebody(() => failure({}, 'download', /cannot write to .*EACCES/));
    await chmod(folder, 0o755);
    assert.equal(requests.length, 0);
  });

  it('asks once and downloads once for requests that come together, as long as one of them waits', async () => {
    let asked = 0;
    let shown = 0;
    const host = hostWith({
      confirmDownload: () => Promise.resolve(++asked > 0),
      duringDownload: (_model, download) => download(() => shown++),
    });
    const model = modelFrom(`${origin}/model`);
    const impatient = new AbortController();
    const first = fetchModel(model, target, host, impatient.signal);
    const second = fetchModel(model, target, host, new AbortController().signal);
    impatient.abort(new Error('enough'));
    await assert.rejects(first, /enough/);
    await second;
    await assertComplete();
    assert.equal(asked, 1);
    assert.equal(requests.length, 1);
    assert.ok(shown > 0);
  });

  it('shows a download until it ends, however it ends', async () => {
    const shown: string[] = [];
    const host = hostWith({
      confirmDownload: () => Promise.resolve(true),
      duringDownload: async (_model, download) => {
        shown.push('begins');
        await download(() => undefined).finally(() => shown.push('ends'));
      },
    });
    handler = (_incoming, response) => response.writeHead(404).end();
    await assert.rejects(fetchModel(modelFrom(`${origin}/gone`), target, host, new AbortController().signal), /404/);
    assert.deepEqual(shown, ['begins', 'ends']);
  });

  function hostWith(engine: Partial<CoreHost['engine']>): CoreHost {
    const host = createTestHost();
    return { ...host, engine: { ...host.engine, ...engine } };
  }

  async function leavePart(bytes: Uint8Array, tag: string | undefined): Promise<void> {
    handler = (_incoming, response) => response.destroy();
    await failure({}, 'download');
    await writeFile(`${target}.part`, bytes);
    if (tag) await writeFile(`${target}.part.etag`, JSON.stringify({ source: `${origin}/model`, etag: tag }));
    requests = [];
    handler = serve();
  }
});

/** The superuser may write everywhere, so for a while it becomes somebody who may not. */
async function asSomebody<T>(work: () => Promise<T>): Promise<T> {
  if (process.getuid?.() !== 0) return work();
  process.seteuid?.(65_534);
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
  }
}

/** A server that does it right, unless told to fall silent after so many bytes of the file. */
function serve({ stallAt }: { stallAt?: number } = {}): Handler {
  return (request, response) => {
    const range = /^bytes=(\d+)-$/.exec(request.headers.range ?? '');
    const isCurrent = request.headers['if-range'] === undefined || request.headers['if-range'] === etag;
    const from = range && isCurrent ? Number(range[1]) : 0;
    response.writeHead(from > 0 ? 206 : 200, {
      etag,
      'content-length': content.length - from,
      ...(from > 0 ? { 'content-range': `bytes ${from}-${content.length - 1}/${content.length}` } : {}),
    });
    if (stallAt === undefined) response.end(content.subarray(from));
    else response.write(content.subarray(from, stallAt));
  };
}
