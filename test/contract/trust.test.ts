import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { BackendRegistry } from '../../src/core/clients/registry.ts';
import { answering, collect, dialects, never, question, settingsWith } from '../support/dialects.ts';
import { expectError, rejection } from '../support/expectations.ts';
import { certificate, ScriptedServer } from '../support/scriptedServer.ts';
import { createTestHost } from '../support/testHost.ts';

let folder: string;

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'a2ia-trust-'));
});
after(() => rm(folder, { recursive: true, force: true }));

const fileWith = async (name: string, text: string) => {
  const file = path.join(folder, name);
  await writeFile(file, text);
  return file;
};

for (const dialect of dialects) {
  describe(`${dialect.backend}: whom it trusts`, () => {
    it('case 6: a self-signed certificate is named, with the setting that accepts it', async () => {
      const server = await ScriptedServer.start({}, { tls: true });
      const { error } = await collect(dialect.client(server.url).chat(question(), never));
      await server.close();
      const { message, hint, nextStep } = expectError(error, 'tls');
      assert.match(message, /localhost, signed by itself, valid to .+, SHA-256 ([0-9A-F]{2}:){31}[0-9A-F]{2}\./);
      assert.match(hint, /a2ia\.caFile/);
      assert.deepEqual(nextStep, { do: 'openSetting', key: 'a2ia.caFile' });
      assert.equal(server.requests.length, 0);
    });

    it('case 6: with its certificate in the CA file it works', async () => {
      const routes = { [dialect.chatPath]: answering(dialect, dialect.text('safe'), dialect.finish()) };
      const server = await ScriptedServer.start(routes, { tls: true });
      const host = createTestHost({ caFile: await fileWith('server.pem', `A comment.\n${certificate()}`) });
      const { text, error } = await collect(dialect.client(server.url, { host }).chat(question(), never));
      await server.close();
      assert.equal(error, undefined);
      assert.equal(text, 'safe');
    });

    it('sends nothing to an origin that the user has not agreed to', async () => {
      const server = await ScriptedServer.start(dialect.routes(['m']));
      const client = dialect.client(server.url, { host: createTestHost({ refused: [server.url] }) });
      expectError((await collect(client.chat(question(), never))).error, 'declined');
      await rejection(client.listModels(never), 'declined');
      assert.equal((await client.probe(never)).state, 'unavailable');
      await server.close();
      assert.equal(server.requests.length, 0);
    });
  });
}

describe('the CA file', () => {
  const chatWith = async (caFile: string) => {
    const [dialect] = dialects;
    assert.ok(dialect);
    const server = await ScriptedServer.start({}, { tls: true });
    const { error } = await collect(
      dialect.client(server.url, { host: createTestHost({ caFile }) }).chat(question(), never),
    );
    await server.close();
    return expectError(error, 'config');
  };

  it('that is not there is named', async () => {
    const error = await chatWith(path.join(folder, 'missing.pem'));
    assert.match(error.message, /missing\.pem.*is not there/);
  });

  it('without a certificate, or with a broken one, is named', async () => {
    assert.match((await chatWith(await fileWith('key.pem', 'no certificate'))).message, /holds no certificate/);
    const broken = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
    assert.match((await chatWith(await fileWith('broken.pem', broken))).message, /cannot be read/);
  });
});

describe('automatic detection', () => {
  it('asks no server that the user has not agreed to', async () => {
    const server = await ScriptedServer.start(dialects[1]?.routes(['m']));
    const registry = new BackendRegistry(createTestHost({ refused: [server.url] }));
    const settings = settingsWith({ 'a2ia.vllmUrl': server.url, 'a2ia.ollamaUrl': 'http://127.0.0.1:9' });
    const findings = await registry.survey(settings, never);
    const vllm = findings.find(({ client }) => client.backend === 'vllm');
    assert.equal(vllm?.status.state, 'unavailable');
    registry.dispose();
    await server.close();
    assert.equal(server.requests.length, 0);
  });

  it('asks neither that server nor the user when nobody asked for it', async () => {
    const server = await ScriptedServer.start(dialects[1]?.routes(['m']));
    const asked: string[] = [];
    const host = {
      ...createTestHost({ refused: [server.url] }),
      mayContact: (origin: string) => {
        asked.push(origin);
        return Promise.resolve(true);
      },
    };
    const registry = new BackendRegistry(host);
    const settings = settingsWith({ 'a2ia.vllmUrl': server.url, 'a2ia.ollamaUrl': 'http://127.0.0.1:9' });
    const findings = await registry.survey(settings, never, { isQuiet: true });
    const unasked = findings.filter(({ isUnasked }) => isUnasked).map(({ client }) => client.backend);
    assert.deepEqual(unasked, ['vllm']);
    assert.deepEqual(registry.unasked(settings), [server.url]);
    assert.deepEqual(registry.unasked({ ...settings, backend: 'ollama' }), []);
    registry.dispose();
    await server.close();
    assert.equal(server.requests.length, 0);
    assert.ok(!asked.includes(server.url));
  });
});
