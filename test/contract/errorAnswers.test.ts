import assert from 'node:assert/strict';
import type { BackendErrorKind } from '../../src/core/clients/errors.ts';
import { dialectOf, dialects, type Dialect } from '../support/dialects.ts';
import { errorOf, expectAnswer, failing, type Expected } from '../support/errorAnswers.ts';
import { expectError } from '../support/expectations.ts';
import { answerOf, bodyOf, clientOf, transcripts } from '../support/transcripts.ts';

// ---- Recorded answers -------------------------------------------------------------------------------------------------------------------------------

/** Every recorded error, and what it is. */
const recorded: Readonly<Record<string, Expected>> = {
  'ollama chat-bad-json': { kind: 'badRequest' },
  'ollama chat-empty-body': { kind: 'badRequest' },
  'ollama chat-no-model': { kind: 'badRequest' },
  'ollama chat-options-wrong-type': { kind: 'badRequest' },
  'ollama chat-think-unsupported': { kind: 'unsupported', feature: 'reasoning' },
  'ollama chat-tools-unsupported': { kind: 'unsupported', feature: 'tools' },
  'ollama chat-truncate-false': { kind: 'contextOverflow' },
  'ollama chat-unknown-model': { kind: 'modelNotFound' },
  'ollama delete-unknown': { kind: 'modelNotFound' },
  'ollama forbidden-origin': { kind: 'forbidden' },
  'ollama generate-suffix-unsupported': { kind: 'unsupported', feature: 'fillInTheMiddle' },
  'ollama method-not-allowed': { kind: 'notAModelServer' },
  'ollama not-found': { kind: 'notAModelServer' },
  'ollama pull-insecure-name': { kind: 'modelNotFound' },
  'ollama show-unknown': { kind: 'modelNotFound' },
  'ollama v1-chat-tools-unsupported': { kind: 'unsupported', feature: 'tools' },
  'ollama v1-chat-unknown-model': { kind: 'modelNotFound' },
  'ollama v1-messages-no-max-tokens': { kind: 'badRequest' },
  'ollama v1-messages-unknown-model': { kind: 'modelNotFound' },
  'vllm auth-messages-missing': { kind: 'unauthorized' },
  'vllm auth-messages-x-api-key': { kind: 'unauthorized' },
  'vllm auth-missing': { kind: 'unauthorized' },
  'vllm auth-missing-models': { kind: 'unauthorized' },
  'vllm chat-bad-json': { kind: 'badRequest' },
  'vllm chat-empty-messages': { kind: 'badRequest' },
  'vllm chat-image-to-text-model': { kind: 'unsupported', feature: 'images' },
  'vllm chat-max-tokens-negative': { kind: 'badRequest' },
  'vllm chat-max-tokens-zero': { kind: 'badRequest' },
  'vllm chat-no-messages': { kind: 'badRequest' },
  'vllm chat-prompt-too-long': { kind: 'contextOverflow', promptTokens: 2049, contextTokens: 2048 },
  'vllm chat-temperature-out-of-range': { kind: 'badRequest' },
  'vllm chat-tools-named': { kind: 'unsupported', feature: 'tools' },
  'vllm chat-tools-no-parser': { kind: 'unsupported', feature: 'tools' },
  'vllm chat-tools-required': { kind: 'unsupported', feature: 'tools' },
  'vllm chat-unknown-model': { kind: 'modelNotFound' },
  'vllm completions-suffix': { kind: 'unsupported', feature: 'fillInTheMiddle' },
  'vllm embeddings-unsupported': { kind: 'notAModelServer' },
  'vllm messages-no-max-tokens': { kind: 'badRequest' },
  'vllm messages-unknown-model': { kind: 'modelNotFound' },
  'vllm method-not-allowed': { kind: 'notAModelServer' },
  'vllm not-found': { kind: 'notAModelServer' },
  'vllm ollama-probe': { kind: 'notAModelServer' },
  'llama-server chat-bad-json': { kind: 'badRequest' },
  'llama-server chat-bad-schema': { kind: 'badRequest' },
  'llama-server chat-image-to-text-model': { kind: 'unsupported', feature: 'images' },
  'llama-server chat-max-tokens-negative': { kind: 'badRequest' },
  'llama-server chat-no-messages': { kind: 'badRequest' },
  'llama-server embeddings-off': { kind: 'unsupported' },
  'llama-server infill': { kind: 'unsupported', feature: 'fillInTheMiddle' },
  'llama-server messages-too-long': { kind: 'contextOverflow', promptTokens: 4031, contextTokens: 1024 },
  'llama-server metrics-off': { kind: 'unsupported' },
  'llama-server not-found': { kind: 'notAModelServer' },
  'llama-server ollama-probe': { kind: 'notAModelServer' },
  'llama-server ollama-show': { kind: 'notAModelServer' },
  'llama-server ollama-tags': { kind: 'notAModelServer' },
  'llama-server root': { kind: 'notAModelServer' },
  'litellm chat-bad-json': { kind: 'badRequest' },
  'litellm chat-tools-unsupported': { kind: 'unsupported', feature: 'tools' },
  'litellm chat-tools-unsupported-native': { kind: 'unsupported', feature: 'tools' },
  'litellm chat-unknown-model': { kind: 'modelNotFound' },
  'litellm chat-wrong-key': { kind: 'unauthorized' },
  'litellm messages-unknown-model': { kind: 'modelNotFound' },
  'litellm models-no-key': { kind: 'serverError' },
};

/** A server that loads is waited for: retries.test.ts. */
const waitedFor = 'llama-server loading-health';

describe('Recorded errors', () => {
  it('are all expected to be something', () => {
    const names = transcripts.filter(({ status }) => status >= 400).map((one) => `${one.server} ${one.case}`);
    assert.deepEqual([...names].sort(), [...Object.keys(recorded), waitedFor].sort());
  });
});

for (const dialect of dialects) {
  const own = transcripts.filter((one) => one.status >= 400 && clientOf(one) === dialect);
  if (own.length === 0) continue;
  describe(`${dialect.backend}: recorded errors`, () => {
    for (const transcript of own) {
      const name = `${transcript.server} ${transcript.case}`;
      const expected = recorded[name];
      if (!expected) continue;
      it(`case 63: ${name} is ${expected.kind}`, async () => {
        const error = expectAnswer(await errorOf(dialect, answerOf(transcript)), expected);
        assert.equal(error.status, transcript.status);
        const said = error.serverMessage ?? '';
        // Its own words, out of whatever they were wrapped in.
        const body = bodyOf(transcript);
        assert.equal(said === '', body === '');
        assert.ok(body.replaceAll('\\"', '"').replaceAll('\\n', '\n').includes(said), said);
        assert.doesNotMatch(said, /^\s*[{[]"/);
      });
    }
  });
}

// ---- Shapes and words of servers that could not be recorded -----------------------------------------------------------------------------------------

/** The shapes in which servers say what is wrong. */
const shapes: readonly (readonly [name: string, shape: (words: string, type: string) => string | object])[] = [
  ['an object', (message, type) => ({ error: { message, type, param: null, code: null } })],
  ['an object with its code as text', (message, type) => ({ error: { message, type, code: '418' } })],
  ['a text', (message) => ({ error: message })],
  ['a text with a type, as of TGI', (message, type) => ({ error: message, error_type: type })],
  [
    'flat, as of older vLLM and SGLang',
    (message, type) => ({ object: 'error', message, type, param: null, code: 400 }),
  ],
  ['a detail', (message) => ({ detail: message })],
  ['a list of details', (msg, type) => ({ detail: [{ loc: ['body', 'messages', 0], msg, type }] })],
  ['JSON in a detail', (message) => ({ detail: JSON.stringify({ error: { message } }) })],
  [
    'JSON in a text, as of Ollama',
    (message, type) => ({ error: JSON.stringify({ error: { code: 400, message, type } }) }),
  ],
  [
    'JSON in a gateway’s sentence',
    (message) => ({
      error: { message: `litellm.BadRequestError: Hosted_vllmException - ${JSON.stringify({ error: { message } })}` },
    }),
  ],
  [
    'an object with a request’s id, as of Anthropic',
    (message, type) => ({ type: 'error', error: { type, message }, request_id: 'req_1' }),
  ],
  ['plain text', (message) => message],
];

const kindOfStatus: readonly (readonly [number, BackendErrorKind])[] = [
  [400, 'badRequest'],
  [401, 'unauthorized'],
  [404, 'notAModelServer'],
  [422, 'badRequest'],
  [500, 'serverError'],
];

for (const dialect of dialects) {
  describe(`${dialect.backend}: shapes of errors`, () => {
    for (const [name, shape] of shapes) {
      it(`case 63: ${name}: the kind by its status, and the server’s own words`, async () => {
        for (const [status, kind] of kindOfStatus) {
          const words = 'The flux “capacitor” {is} low.';
          const error = expectError(await errorOf(dialect, failing(status, shape(words, 'strange_error'))), kind);
          assert.equal(error.status, status);
          assert.equal(error.backend, dialect.backend);
          assert.ok(error.serverMessage?.endsWith(words), error.serverMessage);
          assert.ok(!error.serverMessage?.includes('{"'), error.serverMessage);
        }
      });
    }

    it('case 63: an empty body: the kind by its status', async () => {
      for (const [status, kind] of kindOfStatus) {
        const error = expectError(await errorOf(dialect, failing(status, '')), kind);
        assert.equal(error.serverMessage, undefined);
      }
    });

    it('case 63: words that are no words: the kind by its status', async () => {
      for (const body of [
        '{"error":null}',
        '{"error":{}}',
        '[]',
        'null',
        '17',
        '{',
        '{"error":{"message":{"a":1}}}',
        '"\ud800"',
      ]) {
        expectError(await errorOf(dialect, failing(400, body)), 'badRequest');
      }
    });

    it('case 63: what was asked is not repeated from an error that quotes it', async () => {
      const message =
        "[{'type': 'missing', 'loc': ('body', 'model'), 'msg': 'Field required', 'input': {'messages': [{'content': 'my secret'}]}}]";
      const error = expectError(await errorOf(dialect, failing(400, { object: 'error', message })), 'badRequest');
      assert.match(error.serverMessage ?? '', /Field required/);
      assert.doesNotMatch(error.serverMessage ?? '', /secret/);
    });
  });
}

/** The table of failures beyond what was recorded: [status, body, what it is], for the client of the server that says it. */
const catalogue: readonly (readonly [Dialect['backend'], number, string | object, Expected])[] = [
  ['ollama', 404, { error: 'model "nope" not found, try pulling it first' }, { kind: 'modelNotFound' }],
  [
    'ollama',
    500,
    { error: 'model requires more system memory (8.4 GiB) than is available (6.1 GiB)' },
    { kind: 'outOfMemory' },
  ],
  [
    'ollama',
    500,
    { error: 'llama-server reported out-of-memory during startup: exit status 1' },
    { kind: 'outOfMemory' },
  ],
  ['ollama', 500, { error: 'llama runner process has terminated: signal: killed' }, { kind: 'outOfMemory' }],
  [
    'ollama',
    500,
    { error: 'llama runner process has terminated: cudaMalloc failed: out of memory' },
    { kind: 'outOfMemory' },
  ],
  ['ollama', 500, { error: 'unable to load full model on GPU' }, { kind: 'outOfMemory' }],
  ['ollama', 500, { error: 'llama runner process has terminated: exit status 2' }, { kind: 'loadFailed' }],
  ['ollama', 500, { error: 'llama-server process has terminated: exit status 2' }, { kind: 'loadFailed' }],
  ['ollama', 500, { error: 'timed out waiting for llama runner to start - progress 0.00 - ' }, { kind: 'loadFailed' }],
  [
    'ollama',
    500,
    {
      error:
        'model runner has unexpectedly stopped, this may be due to resource limitations or an internal error, check ollama server logs for details',
    },
    { kind: 'loadFailed' },
  ],
  [
    'ollama',
    500,
    { error: 'model failed to load, this may be due to resource limitations or an internal error' },
    { kind: 'loadFailed' },
  ],
  [
    'ollama',
    500,
    { error: 'unable to load model: this model may be incompatible with your version of Ollama.' },
    { kind: 'loadFailed' },
  ],
  [
    'ollama',
    401,
    { error: 'unauthorized', signin_url: 'https://ollama.com/connect?name=a&key=b' },
    { kind: 'unauthorized' },
  ],
  [
    'ollama',
    503,
    { error: 'server busy, please try again.  maximum pending requests exceeded' },
    { kind: 'overloaded' },
  ],
  ['ollama', 499, { error: 'request canceled' }, { kind: 'streamCut' }],
  ['ollama', 400, { error: '"all-minilm" does not support chat' }, { kind: 'unsupported', feature: 'chat' }],
  ['ollama', 502, { error: 'upstream unreachable' }, { kind: 'gateway' }],
  [
    'vllm',
    400,
    { error: { message: 'Client disconnected', type: 'BadRequestError', code: 400 } },
    { kind: 'streamCut' },
  ],
  [
    'vllm',
    400,
    { object: 'error', message: 'At most 0 image(s) may be provided in one request.' },
    { kind: 'unsupported', feature: 'images' },
  ],
  [
    'vllm',
    400,
    { error: { message: 'suffix is not currently supported' } },
    { kind: 'unsupported', feature: 'fillInTheMiddle' },
  ],
  [
    'vllm',
    400,
    {
      error: {
        message:
          'As of transformers v4.44, default chat template is no longer allowed, so you must provide a chat template if the tokenizer does not define one.',
      },
    },
    { kind: 'unsupported', feature: 'chat' },
  ],
  ['vllm', 500, { error: { message: 'CUDA error: out of memory', code: 500 } }, { kind: 'outOfMemory' }],
  [
    'vllm',
    500,
    { error: { message: 'EngineCore encountered an issue. See stack trace for the root cause.' } },
    { kind: 'serverError' },
  ],
  ['vllm', 503, '', { kind: 'overloaded' }],
  [
    'openai-compatible',
    401,
    { error: { message: 'Invalid API Key', type: 'authentication_error', code: 401 } },
    { kind: 'unauthorized' },
  ],
  [
    'openai-compatible',
    500,
    { error: { message: 'tools param requires --jinja flag', code: 500 } },
    { kind: 'unsupported', feature: 'tools' },
  ],
  [
    'openai-compatible',
    200,
    { error: 'Unexpected endpoint or method. (POST /v1/chat/completions)' },
    { kind: 'notAModelServer' },
  ],
  ['openai-compatible', 400, { error: 'Failed to load model: insufficient system resources' }, { kind: 'outOfMemory' }],
  [
    'openai-compatible',
    404,
    { error: { message: 'No models loaded.', code: 'model_not_found' } },
    { kind: 'modelNotFound' },
  ],
  [
    'openai-compatible',
    500,
    {
      error: {
        message:
          'litellm.InternalServerError: InternalServerError: OpenAIException - Connection error.. Received Model Group=team/v1',
        code: '500',
      },
    },
    { kind: 'gateway' },
  ],
  [
    'openai-compatible',
    400,
    { error: { message: "'response_format.type' must be 'json_schema' or 'text'" } },
    { kind: 'badRequest' },
  ],
  [
    'openai',
    404,
    {
      error: { message: 'The model `gpt-9` does not exist or you do not have access to it.', code: 'model_not_found' },
    },
    { kind: 'modelNotFound' },
  ],
  [
    'openai',
    401,
    { error: { message: 'Incorrect API key provided: sk-1***9.', code: 'invalid_api_key' } },
    { kind: 'unauthorized' },
  ],
  [
    'openai',
    429,
    { error: { message: 'Rate limit reached', type: 'tokens', code: 'rate_limit_exceeded' } },
    { kind: 'overloaded' },
  ],
  [
    'openai',
    400,
    {
      error: {
        message:
          "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
        code: 'unsupported_parameter',
      },
    },
    { kind: 'badRequest' },
  ],
  [
    'openai',
    400,
    {
      error: {
        message: "Unsupported value: 'temperature' does not support 0.2 with this model.",
        code: 'unsupported_value',
      },
    },
    { kind: 'badRequest' },
  ],
  [
    'anthropic',
    401,
    { type: 'error', error: { type: 'authentication_error', message: 'invalid x-api-key' } },
    { kind: 'unauthorized' },
  ],
  ['anthropic', 403, { type: 'error', error: { type: 'permission_error', message: 'no' } }, { kind: 'forbidden' }],
  [
    'anthropic',
    404,
    { type: 'error', error: { type: 'not_found_error', message: 'model: claude-9' } },
    { kind: 'modelNotFound' },
  ],
  [
    'anthropic',
    429,
    { type: 'error', error: { type: 'rate_limit_error', message: 'slow down' } },
    { kind: 'overloaded' },
  ],
  [
    'anthropic',
    529,
    { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } },
    { kind: 'overloaded' },
  ],
  [
    'anthropic',
    400,
    {
      type: 'error',
      error: { type: 'invalid_request_error', message: 'Your credit balance is too low to access the Anthropic API.' },
    },
    { kind: 'quota' },
  ],
];

for (const dialect of dialects) {
  describe(`${dialect.backend}: failures`, () => {
    for (const [, status, body, expected] of catalogue.filter(([backend]) => backend === dialect.backend)) {
      const words = typeof body === 'string' ? body || 'nothing' : JSON.stringify(body);
      it(`case 63: ${status} ${words.slice(0, 80)} is ${expected.kind}`, async () => {
        const error = expectAnswer(await errorOf(dialect, failing(status, body)), expected);
        assert.equal(error.status, status);
      });
    }
  });
}

describe('ollama: models that are not there', () => {
  it('case 55: says how to fetch one', async () => {
    const error = await errorOf(dialectOf('ollama'), failing(404, { error: "model 'qwen3:4b' not found" }));
    const { hint } = expectError(error, 'modelNotFound');
    assert.match(hint, /ollama pull qwen3:4b/);
  });

  it('case 63: a model of the cloud says where to sign in', async () => {
    const signInUrl = 'https://ollama.com/connect?name=a&key=b';
    const error = await errorOf(dialectOf('ollama'), failing(401, { error: 'unauthorized', signin_url: signInUrl }));
    assert.ok(expectError(error, 'unauthorized').hint.includes(signInUrl));
  });
});
