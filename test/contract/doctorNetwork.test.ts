import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import https from 'node:https';
import net, { type AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import { connectionError } from '../../src/core/clients/connectionFailures.ts';
import { refusedFinding } from '../../src/core/doctor/fixes.ts';
import type { Target } from '../../src/core/doctor/target.ts';
import { answering, dialects, never, type Dialect } from '../support/dialects.ts';
import { endsWith, examine, freePort, situationOf, stepOf } from '../support/doctor.ts';
import { certificate, certificateFile, ScriptedServer, type ServerOptions } from '../support/scriptedServer.ts';
import { createTestHost } from '../support/testHost.ts';

const [ollama, vllm] = dialects as [Dialect, Dialect];

const onOllama = (url: string, more = {}) => ({ 'a2ia.backend': 'ollama', 'a2ia.ollamaUrl': url, ...more });
const onVllm = (url: string, more = {}) => ({ 'a2ia.backend': 'vllm', 'a2ia.vllmUrl': url, ...more });

const healthy = (dialect: Dialect, options: ServerOptions = {}) =>
  ScriptedServer.start(
    {
      ...dialect.routes(['qwen2.5-coder:7b']),
      [dialect.chatPath]: answering(dialect, dialect.text('Hi'), dialect.finish('length')),
    },
    options,
  );

async function canListen(address: string): Promise<boolean> {
  const server = net.createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(0, address, () => server.close(() => resolve(true)));
  });
}

describe('Doctor: the address', () => {
  it('cannot be used: names it, asks nobody', async () => {
    const report = await examine(onVllm('ftp://gpu-box/models'));
    const step = endsWith(report, 'address', 'failed');
    assert.match(step.detail, /a2ia\.vllmUrl is "ftp:\/\/gpu-box\/models"/);
    assert.deepEqual(step.nextStep, { do: 'openSetting', key: 'a2ia.vllmUrl' });
  });

  it('0.0.0.0: works, and says what to write', async () => {
    const server = await healthy(vllm);
    const report = await examine(onVllm(`http://0.0.0.0:${server.port}`));
    await server.close();
    assert.equal(report.works, true);
    const { state, fix } = stepOf(report, 'address');
    assert.equal(state, 'warning');
    assert.equal(fix, `Change a2ia.vllmUrl to ${server.url}.`);
  });

  for (const [title, dialect, path, better] of [
    ['/v1 twice', vllm, '/v1/v1', '/v1'],
    ['a whole endpoint', vllm, '/v1/chat/completions', '/v1'],
    ['/v1 for Ollama’s own API', ollama, '/v1', ''],
    ['/api for Ollama’s own API', ollama, '/api', ''],
  ] as const) {
    it(`${title}: what it should be`, async () => {
      const server = await healthy(dialect);
      const setting = { 'a2ia.backend': dialect.backend, [dialect.urlSetting]: server.url + path };
      const report = await examine(setting);
      await server.close();
      assert.equal(stepOf(report, 'address').state, 'warning');
      assert.equal(stepOf(report, 'address').fix, `Change ${dialect.urlSetting} to ${server.url}${better}.`);
      if (!report.works) assert.equal(endsWith(report, 'server', 'failed').fix, stepOf(report, 'address').fix);
    });
  }

  it('a path under which no server is: finds it at the root', async () => {
    const server = await healthy(vllm);
    const report = await examine(onVllm(`${server.url}/llm`));
    await server.close();
    assert.equal(endsWith(report, 'server', 'failed').fix, `Change a2ia.vllmUrl to ${server.url}.`);
  });

  it('without /v1, and with: both work', async () => {
    const server = await healthy(vllm);
    for (const url of [server.url, `${server.url}/v1`]) assert.equal((await examine(onVllm(url))).works, true);
    await server.close();
  });

  it('of a workspace, not agreed to: nothing is sent, not even a connection', async () => {
    const server = await healthy(vllm);
    const report = await examine(onVllm(server.url), { host: createTestHost({ refused: [server.url] }) });
    await server.close();
    assert.match(endsWith(report, 'address', 'failed').detail, /not agreed/);
    assert.equal(server.sockets.size, 0);
    assert.equal(server.requests.length, 0);
  });
});

describe('Doctor: name and connection', () => {
  it('an unknown name', async () => {
    const report = await examine(onVllm('http://no-such-machine.invalid:8000'));
    const step = endsWith(report, 'dns', 'failed');
    assert.match(step.detail, /no machine called no-such-machine\.invalid/);
    assert.match(step.fix ?? '', /a2ia\.vllmUrl.*(looked up on|answers on) this machine/);
  });

  it('host.docker.internal where Docker does not know it', async () => {
    const report = await examine(onVllm('http://host.docker.internal.invalid:8000'));
    assert.match(endsWith(report, 'dns', 'failed').fix ?? '', /--add-host=host\.docker\.internal:host-gateway/);
  });

  it('nothing listens: how to start it, as a button too', async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    const step = endsWith(await examine(onOllama(url)), 'tcp', 'failed');
    assert.equal(step.detail, `Nothing listens at ${url}.`);
    assert.match(step.fix ?? '', /ollama serve/);
    assert.deepEqual(step.nextStep, { do: 'startServer', command: 'ollama serve' });
    assert.doesNotMatch(step.fix ?? '', /127\.0\.0\.1 is/);
  });

  for (const [remoteName, says] of [
    ['ssh-remote', /the remote machine gpu-box \(by SSH\).*ssh -R \d+:127\.0\.0\.1:\d+ gpu-box/],
    ['wsl', /127\.0\.0\.1 is WSL, not Windows.*OLLAMA_HOST=0\.0\.0\.0.*networkingMode=mirrored/],
    ['dev-container', /127\.0\.0\.1 is the container gpu-box.*host\.docker\.internal:\d+/],
  ] as const) {
    it(`nothing listens in ${remoteName}: which machine 127.0.0.1 is`, async () => {
      const situation = situationOf(remoteName);
      const report = await examine(onOllama(`http://127.0.0.1:${await freePort()}`), { situation });
      assert.equal(report.where, situation.where);
      assert.match(endsWith(report, 'tcp', 'failed').fix ?? '', says);
    });
  }

  it('another machine refuses: perhaps the server listens for that machine alone', async () => {
    const url = new URL('http://gpu-box.example:11434');
    const error = connectionError(
      { backend: 'ollama', url, urlSetting: 'a2ia.ollamaUrl' },
      Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }),
    );
    const options = { situation: situationOf(undefined) };
    const target = { url, backend: 'ollama', urlSetting: 'a2ia.ollamaUrl', options } as Target;
    const { fix } = await refusedFinding(target, error, ['203.0.113.9'], never);
    assert.match(fix ?? '', /runs on gpu-box\.example.*OLLAMA_HOST=0\.0\.0\.0/);
  });

  it('a server on IPv6 only', async function () {
    if (!(await canListen('::1'))) {
      console.log('      skipped: this machine has no IPv6 loopback');
      this.skip();
    }
    const server = await healthy(vllm, { address: '::1' });
    const report = await examine(onVllm(`http://127.0.0.1:${server.port}`));
    const byName = await examine(onVllm(`http://localhost:${server.port}`));
    await server.close();
    const step = endsWith(report, 'tcp', 'failed');
    assert.match(step.fix ?? '', new RegExp(`on IPv6 only.*change a2ia\\.vllmUrl to http://\\[::1\\]:${server.port}`));
    assert.equal(byName.works, true);
    assert.match(stepOf(byName, 'tcp').detail, /::1 accepts.*127\.0\.0\.1 does not/);
  });

  it('Ollama for its own machine alone, asked by the machine’s address', async function () {
    const own = Object.values(networkInterfaces())
      .flatMap((entries) => entries ?? [])
      .find(({ family, internal }) => family === 'IPv4' && !internal)?.address;
    if (!own) {
      console.log('      skipped: this machine has no address but its loopback');
      this.skip();
    }
    const server = await healthy(ollama);
    const report = await examine(onOllama(`http://${own}:${server.port}`));
    await server.close();
    const step = endsWith(report, 'tcp', 'failed');
    assert.match(step.fix ?? '', /at 127\.0\.0\.1 only: change a2ia\.ollamaUrl to http:\/\/127\.0\.0\.1/);
    assert.match(step.fix ?? '', /OLLAMA_HOST=0\.0\.0\.0/);
  });

  it('vLLM that is still loading its model', async function () {
    if (process.platform !== 'linux') {
      console.log('      skipped: only Linux shows processes as files');
      this.skip();
    }
    const port = await freePort();
    const program = 'process.stdout.write("up"); setInterval(() => undefined, 1000)';
    // As its command line looks; the first argument of `node -e` stands where Python’s script would.
    const starting = spawn(process.execPath, ['-e', program, '/opt/venv/bin/vllm', 'serve', 'm', '--port', `${port}`]);
    await once(starting.stdout, 'data');
    const report = await examine(onVllm(`http://127.0.0.1:${port}`));
    const other = await examine(onVllm(`http://127.0.0.1:${await freePort()}`));
    starting.kill();
    await once(starting, 'close');
    const step = endsWith(report, 'tcp', 'failed');
    assert.match(step.fix ?? '', new RegExp(`vLLM is running \\(process ${starting.pid}\\).*check again`));
    assert.deepEqual(step.nextStep, { do: 'retry' });
    assert.match(endsWith(other, 'tcp', 'failed').fix ?? '', /vLLM opens its port only when the model is loaded/);
  });

  it('is given up when it is cancelled', async () => {
    const controller = new AbortController();
    const server = await ScriptedServer.start({ '*': () => controller.abort() });
    await assert.rejects(examine(onVllm(server.url), { signal: controller.signal }), { name: 'AbortError' });
    await server.close();
  });
});

describe('Doctor: encryption', () => {
  it('https to a server that speaks http', async () => {
    const server = await healthy(vllm);
    const report = await examine(onVllm(server.url.replace('http:', 'https:')));
    await server.close();
    assert.equal(endsWith(report, 'tls', 'failed').fix, `Change a2ia.vllmUrl to ${server.url}.`);
  });

  it('http to a server that speaks https', async () => {
    const server = await healthy(vllm, { tls: true });
    const report = await examine(onVllm(server.url.replace('https:', 'http:')));
    await server.close();
    assert.equal(endsWith(report, 'server', 'failed').fix, `Change a2ia.vllmUrl to ${server.url}.`);
    assert.equal(server.requests.length, 0);
  });

  it('a self-signed certificate: names it and the setting that accepts it, sends nothing', async () => {
    const server = await healthy(vllm, { tls: true });
    const host = createTestHost({ keys: { [server.url]: 'never-over-this' } });
    const report = await examine(onVllm(server.url), { host });
    await server.close();
    const step = endsWith(report, 'tls', 'failed');
    const { fingerprint256, validTo } = new X509Certificate(certificate());
    assert.ok(step.detail.includes(fingerprint256), step.detail);
    assert.ok(step.detail.includes(validTo), step.detail);
    assert.match(step.detail, /DEPTH_ZERO_SELF_SIGNED_CERT.*for localhost, issued by localhost/);
    assert.match(step.fix ?? '', /a2ia\.caFile/);
    assert.deepEqual(step.nextStep, { do: 'openSetting', key: 'a2ia.caFile' });
    assert.equal(server.requests.length, 0);
  });

  it('the same, where the user trusts it: works', async () => {
    const server = await healthy(vllm, { tls: true });
    const host = createTestHost({ agent: new https.Agent({ ca: certificate() }) });
    const report = await examine(onVllm(server.url), { host });
    await server.close();
    assert.equal(report.works, true, JSON.stringify(report, undefined, 2));
    assert.match(stepOf(report, 'tls').detail, /trusted by an authority of your own/);
  });

  it('the same, where a2ia.caFile names it: works', async () => {
    const server = await healthy(vllm, { tls: true });
    const host = createTestHost({ caFile: certificateFile });
    const report = await examine(onVllm(server.url), { host });
    await server.close();
    assert.equal(report.works, true, JSON.stringify(report, undefined, 2));
  });

  it('a2ia.caFile names a file that is not there: says so, and not that the certificate is trusted', async () => {
    const server = await healthy(vllm, { tls: true });
    const host = createTestHost({ caFile: '/nonexistent/a2ia-test/ca.pem' });
    const report = await examine(onVllm(server.url), { host });
    await server.close();
    const step = endsWith(report, 'tls', 'failed');
    assert.match(step.detail, /\/nonexistent\/a2ia-test\/ca\.pem.*is not there/);
    assert.deepEqual(step.nextStep, { do: 'openSetting', key: 'a2ia.caFile' });
  });

  it('a server that closes instead of agreeing on encryption', async () => {
    const server = net.createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const report = await examine(onVllm(`https://127.0.0.1:${port}`));
    server.close();
    assert.match(endsWith(report, 'tls', 'failed').detail, /agrees on no encryption/);
  });
});

describe('Doctor: a proxy in the way', () => {
  const proxyAt = (url: string) => ({ url: new URL(url), source: 'HTTP_PROXY', exclusions: 'NO_PROXY' });

  it('accepts no connection: names it and how to leave it out', async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    const report = await examine(onVllm('http://gpu-box.invalid:8000'), { proxy: proxyAt(url) });
    const step = endsWith(report, 'tcp', 'failed');
    assert.match(step.detail, /proxy 127\.0\.0\.1:\d+, which HTTP_PROXY names, accepts no connection/);
    assert.match(step.fix ?? '', /add it to NO_PROXY/);
  });

  it('is not known by its name', async () => {
    const report = await examine(onVllm('http://gpu-box.invalid:8000'), {
      proxy: proxyAt('http://proxy.invalid:3128'),
    });
    assert.match(endsWith(report, 'dns', 'failed').detail, /proxy\.invalid, which HTTP_PROXY names as proxy/);
  });

  for (const status of [407, 403, 502]) {
    it(`refuses with ${status}: names it, and that the server is reached without`, async () => {
      const page = '<html><head><title>Blocked</title></head></html>';
      const refusing = await ScriptedServer.start({ '*': (exchange) => exchange.send(page, 'text/html', status) });
      const server = await healthy(vllm);
      const { HttpProxyAgent } = await import('http-proxy-agent');
      const host = createTestHost({ agent: new HttpProxyAgent(refusing.url) });
      const report = await examine(onVllm(server.url), { host, proxy: proxyAt(refusing.url) });
      await Promise.all([server.close(), refusing.close()]);
      const step = endsWith(report, 'server', 'failed');
      assert.match(
        step.fix ?? '',
        /through the proxy 127\.0\.0\.1:\d+ \(HTTP_PROXY\).*reached without: add 127\.0\.0\.1 to NO_PROXY/,
      );
    });
  }
});
