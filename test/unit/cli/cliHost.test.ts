import assert from 'node:assert/strict';
import path from 'node:path';
import { createCliHost } from '../../../src/cli/cliHost.ts';
import { settingsWith } from '../../support/dialects.ts';

const hostWith = (environment: Record<string, string>, settings: Record<string, unknown> = {}) =>
  createCliHost({ settings: settingsWith(settings), environment, downloadAgreed: false, verbose: false });

const keys = {
  A2IA_OLLAMA_API_KEY: 'of-ollama',
  A2IA_VLLM_API_KEY: 'of-vllm',
  A2IA_OPENAI_COMPATIBLE_API_KEY: 'of-compatible',
  A2IA_OPENAI_API_KEY: 'of-openai',
  A2IA_ANTHROPIC_API_KEY: 'of-anthropic',
};

describe('Keys of the command line', () => {
  const settings = { 'a2ia.vllmUrl': 'http://box:8000/v1', 'a2ia.openaiCompatibleUrl': 'https://box:8443' };
  const cases: readonly (readonly [origin: string, key: string | undefined])[] = [
    ['http://127.0.0.1:11434', 'of-ollama'],
    ['http://box:8000', 'of-vllm'],
    ['https://box:8443', 'of-compatible'],
    ['https://api.openai.com', 'of-openai'],
    ['https://api.anthropic.com', 'of-anthropic'],
    ['https://box:8000', undefined],
    ['http://box:8001', undefined],
    ['http://box', undefined],
    ['https://api.openai.com.evil.example', undefined],
    ['http://api.openai.com', undefined],
  ];
  for (const [origin, key] of cases) {
    it(`${origin} gets ${key ?? 'none'}`, async () => {
      assert.equal(await hostWith(keys, settings).credentialFor(origin), key);
    });
  }

  it('come from A2IA’s own variables only', async () => {
    const foreign = { OPENAI_API_KEY: 'x', ANTHROPIC_API_KEY: 'y', OLLAMA_API_KEY: 'z' };
    for (const origin of ['https://api.openai.com', 'https://api.anthropic.com', 'http://127.0.0.1:11434']) {
      assert.equal(await hostWith(foreign).credentialFor(origin), undefined);
    }
  });
});

describe('The folder of models of the command line', () => {
  it('is where A2IA_MODELS_DIR says, else among the data of the user', () => {
    assert.equal(hostWith({ A2IA_MODELS_DIR: '/models' }).engine.modelsDir, '/models');
    const { modelsDir } = hostWith({ XDG_DATA_HOME: '/data', LOCALAPPDATA: '/data' }).engine;
    assert.ok(modelsDir.endsWith(path.join('a2ia', 'models')), modelsDir);
    if (process.platform !== 'darwin') assert.ok(modelsDir.startsWith('/data'), modelsDir);
  });
});

describe('A download on the command line', () => {
  it('is agreed to by --download, and never by a script that did not say so', async () => {
    const model = { displayName: 'Tiny', sizeBytes: 1_000_000, license: 'MIT' } as Parameters<
      ReturnType<typeof hostWith>['engine']['confirmDownload']
    >[0];
    const agreed = createCliHost({ settings: settingsWith({}), environment: {}, downloadAgreed: true, verbose: false });
    assert.equal(await agreed.engine.confirmDownload(model, '/x'), true);
    assert.equal(await hostWith({}).engine.confirmDownload(model, '/x'), false);
  });
});
