import assert from 'node:assert/strict';
import { manifestConfiguration, schema } from '../../../../src/core/settings/schema.ts';
import {
  backendModelText,
  configuredModel,
  describeProblem,
  normalizeUrl,
  parseSettings,
} from '../../../../src/core/settings/settings.ts';

const parse = (values: Readonly<Record<string, unknown>>) => parseSettings((key) => values[key]);

describe('parseSettings', () => {
  it('gives the defaults of the schema where nothing is set, and calls none of them explicit', () => {
    const { settings, problems } = parse({});
    assert.deepEqual(problems, []);
    assert.equal(settings.backend, 'auto');
    assert.equal(settings.ollamaUrl, 'http://127.0.0.1:11434');
    assert.equal(settings.openaiCompatibleUrl, '');
    assert.equal(settings.explicit.size, 0);
  });

  it('leaves generation settings out that are not set: they are not to be sent', () => {
    const generation = ['temperature', 'topP', 'seed', 'maxOutputTokens', 'ollamaContextTokens'];
    for (const name of generation) assert.ok(!(name in parse({}).settings), name);
    const { settings } = parse({ 'a2ia.temperature': 0, 'a2ia.seed': 0 });
    assert.equal(settings.temperature, 0);
    assert.equal(settings.seed, 0);
  });

  it('takes null for not set, as the settings editor writes it', () => {
    const { settings, problems } = parse({ 'a2ia.temperature': null, 'a2ia.vllmUrl': null });
    assert.deepEqual(problems, []);
    assert.ok(!('temperature' in settings));
    assert.ok(!settings.explicit.has('a2ia.vllmUrl'));
  });

  it('remembers what a person set, though it is the default', () => {
    const { settings } = parse({ 'a2ia.vllmUrl': 'http://127.0.0.1:8000' });
    assert.deepEqual([...settings.explicit], ['a2ia.vllmUrl']);
  });

  const wrong: readonly (readonly [key: string, value: unknown, allowed: RegExp])[] = [
    ['a2ia.backend', 'chatgpt', /^one of auto, ollama, vllm, openai-compatible, openai, anthropic, embedded$/],
    ['a2ia.backend', 7, /^one of auto/],
    ['a2ia.model', 7, /^text$/],
    ['a2ia.models', ['a'], /^an object such as .* with the keys ollama, vllm/],
    ['a2ia.models', { lmstudio: 'a' }, /^an object/],
    ['a2ia.models', { ollama: 7 }, /^an object/],
    ['a2ia.temperature', 'hot', /^a number from 0 to 2$/],
    ['a2ia.temperature', 2.1, /^a number from 0 to 2$/],
    ['a2ia.temperature', Number.NaN, /^a number/],
    ['a2ia.seed', 1.5, /^a whole number from 0 to 2147483647$/],
    ['a2ia.idleTimeoutMs', -1, /^a whole number from 0/],
    ['a2ia.vllmUrl', 8000, /^an address such as http:\/\/127\.0\.0\.1:8000/],
    ['a2ia.vllmUrl', 'ftp://box', /^an address/],
    ['a2ia.vllmUrl', 'http://', /^an address/],
    ['a2ia.completion.model', 'qwen2.5-coder', /^a backend, a slash and its model, .* embedded$/],
    ['a2ia.completion.model', 'ollama/', /^a backend/],
    ['a2ia.completion.mode', 'always', /^one of off, automatic, onRequest$/],
    ['a2ia.completion.excludedLanguages', 'markdown', /^a list of texts such as \["plaintext"/],
    ['a2ia.openaiCompatibleUrl', 'http://me:secret@box:8080', /without a name or password/],
  ];
  for (const [key, value, allowed] of wrong) {
    it(`names ${key} = ${JSON.stringify(value)}, takes its default, and keeps the rest`, () => {
      const { settings, problems } = parse({ 'a2ia.systemPrompt': 'Be brief.', [key]: value });
      const { settings: defaults } = parse({ 'a2ia.systemPrompt': 'Be brief.' });
      assert.equal(problems.length, 1);
      assert.equal(problems[0]?.key, key);
      assert.deepEqual(problems[0]?.value, value);
      assert.match(problems[0]?.allowed ?? '', allowed);
      assert.deepEqual(settings, defaults);
    });
  }

  it('names every wrong value, not only the first', () => {
    const { problems } = parse({ 'a2ia.backend': 1, 'a2ia.temperature': 'hot', 'a2ia.vllmUrl': [] });
    assert.deepEqual(
      problems.map(({ key }) => key),
      ['a2ia.backend', 'a2ia.vllmUrl', 'a2ia.temperature'],
    );
  });

  it('takes a backend and its model apart, whose name may hold slashes', () => {
    const { completion } = parse({ 'a2ia.completion.model': 'vllm/Qwen/Qwen2.5-Coder-7B' }).settings;
    assert.deepEqual(completion.model, { backend: 'vllm', model: 'Qwen/Qwen2.5-Coder-7B' });
    assert.equal(backendModelText({ backend: 'vllm', model: 'a/b' }), 'vllm/a/b');
    assert.ok(!('model' in parse({ 'a2ia.completion.model': '' }).settings.completion));
  });

  it('takes an empty address for not given', () => {
    assert.equal(parse({ 'a2ia.ollamaUrl': '  ' }).settings.ollamaUrl, 'http://127.0.0.1:11434');
  });
});

describe('normalizeUrl', () => {
  const cases: readonly (readonly [given: string, used: string | undefined])[] = [
    ['http://127.0.0.1:8000', 'http://127.0.0.1:8000'],
    [' http://box:8000/ ', 'http://box:8000'],
    ['http://box/llm/v1///', 'http://box/llm/v1'],
    ['127.0.0.1:8000', 'http://127.0.0.1:8000'],
    ['gpu-box', 'http://gpu-box'],
    ['HTTP://Box:80', 'http://box'],
    ['http://0.0.0.0:8000', 'http://127.0.0.1:8000'],
    ['http://[::1]:8000', 'http://[::1]:8000'],
    ['https://api.openai.com/v1', 'https://api.openai.com/v1'],
    ['file:///etc/passwd', undefined],
    ['http://me@box', undefined],
    ['http://box:port', undefined],
    ['not an address', undefined],
  ];
  for (const [given, used] of cases) it(`${given} is ${used ?? 'none'}`, () => assert.equal(normalizeUrl(given), used));
});

describe('describeProblem', () => {
  it('names key, value and what is allowed', () => {
    const [problem] = parse({ 'a2ia.temperature': 'hot' }).problems;
    assert.ok(problem);
    assert.equal(describeProblem(problem), 'a2ia.temperature is "hot"; allowed is a number from 0 to 2.');
  });

  it('cuts a long value, and shows no password', () => {
    const long = describeProblem({ key: 'k', value: 'x'.repeat(5000), allowed: 'text' });
    assert.ok(long.length < 120, long);
    const secret = describeProblem({ key: 'k', value: 'http://me:secret@box', allowed: 'an address' });
    assert.ok(!secret.includes('secret'), secret);
  });
});

describe('configuredModel', () => {
  it('is that of the backend before the general one', () => {
    const { settings } = parse({ 'a2ia.model': 'any', 'a2ia.models': { vllm: 'big', ollama: '' } });
    assert.equal(configuredModel(settings, 'vllm'), 'big');
    assert.equal(configuredModel(settings, 'ollama'), 'any');
    assert.equal(configuredModel(parse({}).settings, 'vllm'), undefined);
  });
});

describe('The schema', () => {
  it('has a default for every key that its own check accepts', () => {
    for (const spec of schema) {
      const { problems } = parse({ [spec.key]: spec.default });
      assert.deepEqual(problems, [], spec.key);
    }
  });

  it('gives a manifest in its own order, with every key once', () => {
    const { properties } = manifestConfiguration() as { properties: Record<string, { order: number }> };
    assert.deepEqual(
      Object.entries(properties).map(([key, { order }]) => [key, order]),
      schema.map(({ key }, order) => [key, order]),
    );
    assert.equal(new Set(schema.map(({ key }) => key)).size, schema.length);
  });
});
