import assert from 'node:assert/strict';
import path from 'node:path';
import { createCliHost } from '../../src/cli/cliHost.ts';
import { answering, collect, dialects, never, question, settingsWith, type Dialect } from '../support/dialects.ts';
import { expectError } from '../support/expectations.ts';
import { ForwardProxy } from '../support/forwardProxy.ts';
import { ScriptedServer } from '../support/scriptedServer.ts';

const caFile = path.join(import.meta.dirname, '..', 'fixtures', 'tls', 'cert.pem');

const isProxyVariable = (name: string) => /^(https?|all|no)_proxy$/i.test(name);

/** The command line's own host. Its proxies are those of this process's environment, from which `variables` replace all that is there. */
const hostWith = (variables: Readonly<Record<string, string>>, settings: Record<string, unknown> = {}) => {
  for (const name of Object.keys(process.env).filter(isProxyVariable)) delete process.env[name];
  Object.assign(process.env, variables);
  return createCliHost({
    settings: settingsWith(settings),
    environment: process.env,
    downloadAgreed: false,
    verbose: false,
  });
};

const saved = Object.entries(process.env).filter(([name]) => isProxyVariable(name));

for (const dialect of dialects) {
  describe(`${dialect.backend}: through a proxy`, () => {
    let server: ScriptedServer | undefined;
    let proxy: ForwardProxy | undefined;
    afterEach(async () => {
      for (const name of Object.keys(process.env).filter(isProxyVariable)) delete process.env[name];
      Object.assign(process.env, Object.fromEntries(saved));
      await proxy?.close();
      await server?.close();
    });

    const start = async (options?: { tls: true }) => {
      const routes = { [dialect.chatPath]: answering(dialect, dialect.text('far'), dialect.finish()) };
      server = await ScriptedServer.start(routes, options);
      proxy = await ForwardProxy.start(server.port);
      return { server, proxy };
    };
    const ask = (url: string, host: ReturnType<typeof hostWith>, by: Dialect = dialect) =>
      collect(by.client(url, { host }).chat(question(), never));

    it('HTTP_PROXY serves http addresses of other machines', async () => {
      const { proxy } = await start();
      const { text, error } = await ask('http://gpu-box.example:8000', hostWith({ HTTP_PROXY: proxy.url }));
      assert.equal(error, undefined);
      assert.equal(text, 'far');
      assert.equal(proxy.asked.at(-1), `POST http://gpu-box.example:8000${dialect.chatPath}`);
      assert.ok(proxy.asked.every((line) => line.includes(' http://gpu-box.example:8000/')));
    });

    it('HTTPS_PROXY serves https addresses, by a tunnel in which the certificate is checked', async () => {
      const { proxy } = await start({ tls: true });
      const environment = { HTTPS_PROXY: proxy.url.replace('http://', 'http://me:pass@') };
      expectError((await ask('https://gpu-box.example', hostWith(environment))).error, 'tls');
      const { text } = await ask('https://gpu-box.example', hostWith(environment, { 'a2ia.caFile': caFile }));
      assert.equal(text, 'far');
      assert.equal(proxy.asked.at(-1), 'CONNECT gpu-box.example:443');
      assert.equal(proxy.authorizations.at(-1), `Basic ${btoa('me:pass')}`);
    });

    it('NO_PROXY and this machine are reached directly', async () => {
      const { server, proxy } = await start();
      const { text } = await ask(server.url, hostWith({ HTTP_PROXY: proxy.url }));
      assert.equal(text, 'far');
      const excluded = hostWith({ HTTP_PROXY: proxy.url, NO_PROXY: '.example' });
      expectError((await ask('http://gpu-box.example:8000', excluded)).error, 'dns');
      assert.deepEqual(proxy.asked, []);
    });
  });
}
