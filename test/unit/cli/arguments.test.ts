import assert from 'node:assert/strict';
import { parseCommand, usage } from '../../../src/cli/arguments.ts';
import { UsageError } from '../../../src/cli/usageError.ts';
import { schema } from '../../../src/core/settings/schema.ts';

const parse = (args: readonly string[], environment: Record<string, string> = {}) => parseCommand(args, environment);
const parseAsk = (args: readonly string[], environment: Record<string, string> = {}) => {
  const command = parse(['ask', ...args], environment);
  assert.ok(command.name === 'ask');
  return command;
};

describe('parseCommand', () => {
  it('takes the words of a question together, and files in their order', () => {
    const { question, files } = parseAsk(['--file', 'a', 'Why', 'is', '--file', 'b', 'it?']);
    assert.equal(question, 'Why is it?');
    assert.deepEqual(files, ['a', 'b']);
    assert.equal(parseAsk([]).question, undefined);
  });

  it('takes what follows -- for words', () => {
    assert.equal(parseAsk(['--', '--why?']).question, '--why?');
  });

  it('flags come before the environment', () => {
    const environment = { A2IA_BACKEND: 'ollama', A2IA_VLLM_URL: 'http://a:1', A2IA_MODEL: 'm' };
    const { settings } = parseAsk(['--backend', 'vllm', '--vllm-url', 'http://b:2'], environment);
    assert.deepEqual([settings.backend, settings.vllmUrl, settings.model], ['vllm', 'http://b:2', 'm']);
    assert.ok(settings.explicit.has('a2ia.vllmUrl'));
  });

  const names: readonly (readonly [variable: string, key: string])[] = [
    ['A2IA_BACKEND', 'a2ia.backend'],
    ['A2IA_OLLAMA_URL', 'a2ia.ollamaUrl'],
    ['A2IA_OPENAI_COMPATIBLE_URL', 'a2ia.openaiCompatibleUrl'],
    ['A2IA_OPENAI_URL', 'a2ia.openaiUrl'],
    ['A2IA_EMBEDDED_MODEL_PATH', 'a2ia.embedded.modelPath'],
    ['A2IA_EMBEDDED_CONTEXT_TOKENS', 'a2ia.embedded.contextTokens'],
    ['A2IA_FIRST_BYTE_TIMEOUT_MS', 'a2ia.firstByteTimeoutMs'],
    ['A2IA_TOP_P', 'a2ia.topP'],
  ];
  for (const [variable, key] of names) {
    it(`${variable} is ${key}`, () => {
      const type = schema.find((spec) => spec.key === key)?.type;
      const value = type === 'number' ? '1' : type === 'choice' ? 'vllm' : 'http://box:1';
      const environment = { [variable]: key === 'a2ia.embedded.contextTokens' ? '512' : value };
      assert.deepEqual([...parseAsk([], environment).settings.explicit], [key]);
    });
  }

  it('every setting can come from the environment, under a name of its own', () => {
    const anyName = new Proxy<Record<string, string>>({}, { get: (_, name) => (asked.push(String(name)), undefined) });
    const asked: string[] = [];
    parseAsk([], anyName);
    assert.equal(new Set(asked).size, schema.length);
    for (const name of asked) assert.match(name, /^A2IA_[A-Z_]+$/);
  });

  it('numbers and objects of the environment are read as JSON', () => {
    const environment = { A2IA_TEMPERATURE: '0.5', A2IA_MODELS: '{"vllm":"m"}', A2IA_MODEL: '7' };
    const { settings } = parseAsk([], environment);
    assert.deepEqual([settings.temperature, settings.models, settings.model], [0.5, { vllm: 'm' }, '7']);
  });

  it('an empty variable is not set', () => {
    assert.equal(parseAsk([], { A2IA_TEMPERATURE: '', A2IA_BACKEND: '' }).settings.explicit.size, 0);
  });

  const wrong: readonly (readonly [args: readonly string[], environment: Record<string, string>, says: RegExp])[] = [
    [[], {}, /Say what to do/],
    [['chat'], {}, /no command "chat"/],
    [['ask', '--vllm-url'], {}, /--vllm-url/],
    [['ask', '--nope'], {}, /--nope/],
    [['models', 'x'], {}, /models takes no "x"/],
    [['ask', '--backend', 'gpt'], {}, /^--backend is "gpt"; allowed is one of/],
    [['ask'], { A2IA_BACKEND: 'gpt' }, /^A2IA_BACKEND is "gpt"/],
    [['ask'], { A2IA_TEMPERATURE: 'hot' }, /^A2IA_TEMPERATURE is "hot"; allowed is a number/],
    [['ask'], { A2IA_OPENAI_COMPATIBLE_URL: 'ftp://x' }, /^A2IA_OPENAI_COMPATIBLE_URL is/],
    [['ask'], { A2IA_MODELS: '[1]' }, /^A2IA_MODELS is \[1\]/],
  ];
  for (const [args, environment, says] of wrong) {
    it(`wrong usage: ${JSON.stringify([args, environment])}`, () => {
      assert.throws(
        () => parse(args, environment),
        (error) => error instanceof UsageError && says.test(error.message),
      );
    });
  }

  it('names every wrong value at once', () => {
    assert.throws(() => parseAsk(['--backend', 'x'], { A2IA_TEMPERATURE: 'y' }), /--backend[^]*A2IA_TEMPERATURE/);
  });

  it('help and version win over everything else that is right', () => {
    assert.equal(parse(['--help']).name, 'help');
    assert.equal(parse(['help']).name, 'help');
    assert.equal(parse(['ask', '-h']).name, 'help');
    assert.equal(parse(['--version']).name, 'version');
  });

  it('usage has every flag that is understood', () => {
    const flags = ['backend', 'model', 'ollama-url', 'vllm-url', 'openai-compatible-url', 'system', 'file', 'download'];
    for (const flag of [...flags, 'json', 'verbose', 'help', 'version']) {
      assert.ok(usage.includes(`--${flag}`), flag);
      if (flag !== 'help' && flag !== 'version') {
        const isSwitch = ['download', 'json', 'verbose'].includes(flag);
        const value = flag === 'backend' ? 'vllm' : 'http://box:1';
        assert.doesNotThrow(() => parseAsk([`--${flag}`, ...(isSwitch ? [] : [value])]), flag);
      }
    }
  });
});
