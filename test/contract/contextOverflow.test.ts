import assert from 'node:assert/strict';
import { dialects } from '../support/dialects.ts';
import { errorOf, expectAnswer, failing } from '../support/errorAnswers.ts';
import { expectError } from '../support/expectations.ts';

/** Every way to say that a prompt does not fit: [who, status, body, tokens of the prompt, of the window]. */
const overflows: readonly (readonly [string, number, object, (number | undefined)?, number?])[] = [
  [
    'vLLM to 0.10',
    400,
    {
      object: 'error',
      message:
        "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens (4500 in the messages, 500 in the completion). Please reduce the length of the messages or completion.",
      type: 'BadRequestError',
      param: null,
      code: 400,
    },
    4500,
    4096,
  ],
  [
    'vLLM 0.10 to 0.15',
    400,
    {
      error: {
        message:
          "This model's maximum context length is 4096 tokens. However, your request has 5000 input tokens. Please reduce the length of the input messages.",
        type: 'BadRequestError',
        code: 400,
      },
    },
    5000,
    4096,
  ],
  [
    'vLLM 0.10 to 0.15, of the answer',
    400,
    {
      error: {
        message:
          "'max_tokens' or 'max_completion_tokens' is too large: 4000. This model's maximum context length is 4096 tokens and your request has 100 input tokens (4000 > 4096 - 100).",
        type: 'BadRequestError',
        code: 400,
      },
    },
    100,
    4096,
  ],
  [
    'vLLM 0.16',
    400,
    {
      error: {
        message:
          "You passed 5000 input tokens and requested 16 output tokens. However, the model's context length is only 4096 tokens, resulting in a maximum input length of 4080 tokens. Please reduce the length of the input prompt. (parameter=input_tokens, value=5000)",
        type: 'BadRequestError',
        param: 'input_tokens',
        code: 400,
      },
    },
    5000,
    4096,
  ],
  [
    'vLLM 0.16, in characters',
    400,
    {
      error: {
        message:
          "You passed 90000 input characters and requested 16 output tokens. However, the model's context length is only 4096 tokens, resulting in a maximum input length of 4080 tokens.",
        type: 'BadRequestError',
        code: 400,
      },
    },
    undefined,
    4096,
  ],
  [
    'vLLM from 0.18 on',
    400,
    {
      error: {
        message:
          "This model's maximum context length is 4096 tokens. However, you requested 16 output tokens and your prompt contains at least 4081 input tokens, for a total of at least 4097 tokens. Please reduce the length of the input prompt or the number of requested output tokens. (parameter=input_tokens, value=4081)",
        type: 'BadRequestError',
        param: 'input_tokens',
        code: 400,
      },
    },
    4081,
    4096,
  ],
  [
    'llama-server',
    400,
    {
      error: {
        code: 400,
        message: 'request (9000 tokens) exceeds the available context size (4096 tokens), try increasing it',
        type: 'exceed_context_size_error',
        n_prompt_tokens: 9000,
        n_ctx: 4096,
      },
    },
    9000,
    4096,
  ],
  [
    'older llama-server',
    400,
    {
      error: {
        code: 400,
        message:
          'the request exceeds the available context size. try increasing the context size or enable context shift',
        type: 'invalid_request_error',
      },
    },
  ],
  [
    'llama-server’s batch',
    500,
    {
      error: {
        code: 500,
        message: 'input is too large to process. increase the physical batch size',
        type: 'server_error',
      },
    },
  ],
  [
    'Ollama from 0.30 on',
    400,
    {
      error:
        '{"error":{"code":400,"message":"request (9000 tokens) exceeds the available context size (4096 tokens)","type":"exceed_context_size_error","n_prompt_tokens":9000,"n_ctx":4096}}',
    },
    9000,
    4096,
  ],
  ['Ollama to 0.2x', 400, { error: 'the input length exceeds the context length' }],
  [
    'Ollama without shift',
    400,
    {
      error:
        'the prompt is longer than the context length currently available to the model; shorten the prompt, or raise the context length',
    },
  ],
  [
    'SGLang',
    400,
    {
      object: 'error',
      message: "The input (5000 tokens) is longer than the model's context length (4096 tokens).",
      type: 'BadRequestError',
      code: 400,
    },
    5000,
    4096,
  ],
  [
    'SGLang, with the answer',
    400,
    {
      object: 'error',
      message:
        "Requested token count exceeds the model's maximum context length of 4096 tokens. You requested a total of 5000 tokens: 4500 tokens from the input messages and 500 tokens for the completion.",
      code: 400,
    },
    4500,
    4096,
  ],
  [
    'TGI, of both',
    422,
    {
      error:
        'Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000 `inputs` tokens and 100 `max_new_tokens`',
      error_type: 'validation',
    },
    5000,
    4096,
  ],
  [
    'TGI, of the prompt',
    422,
    {
      error: 'Input validation error: `inputs` must have less than 4095 tokens. Given: 5000',
      error_type: 'validation',
    },
    5000,
    4095,
  ],
  [
    'Anthropic',
    400,
    {
      type: 'error',
      error: { type: 'invalid_request_error', message: 'prompt is too long: 210000 tokens > 200000 maximum' },
    },
    210_000,
    200_000,
  ],
  [
    'Anthropic, with the answer',
    400,
    {
      type: 'error',
      error: {
        type: 'invalid_request_error',
        message:
          'input length and `max_tokens` exceed context limit: 195000 + 8192 > 200000, decrease input length or `max_tokens` and try again',
      },
    },
    195_000,
    200_000,
  ],
  [
    'Anthropic, by size',
    413,
    { type: 'error', error: { type: 'request_too_large', message: 'Request exceeds the maximum size' } },
  ],
  [
    'OpenAI',
    400,
    {
      error: {
        message:
          "This model's maximum context length is 128000 tokens. However, your messages resulted in 130000 tokens. Please reduce the length of the messages.",
        type: 'invalid_request_error',
        param: 'messages',
        code: 'context_length_exceeded',
      },
    },
    130_000,
    128_000,
  ],
  [
    'OpenAI’s code alone',
    400,
    { error: { message: 'Your input is too long.', type: 'invalid_request_error', code: 'context_length_exceeded' } },
  ],
  ['OpenAI’s Responses', 400, { error: { message: 'Your input exceeds the context window of this model.' } }],
  ['LM Studio', 400, { error: 'Cannot truncate prompt with n_keep (5000) >= n_ctx (4096)' }, 5000, 4096],
  [
    'LM Studio, loaded small',
    400,
    {
      error:
        'Trying to keep the first 5000 tokens when context the overflows. However, the model is loaded with context length of only 4096 tokens, which is not enough. Try to load the model with a larger context length',
    },
    5000,
    4096,
  ],
  ['LM Studio, in between', 400, { error: 'Context size has been exceeded.' }],
  [
    'a gateway’s limit',
    400,
    {
      error: {
        message: 'Input tokens exceed the configured limit of 32000 tokens. Your messages resulted in 40000 tokens.',
      },
    },
    40_000,
    32_000,
  ],
  [
    'xAI',
    400,
    { error: "This model's maximum prompt length is 131072 but the request contains 537812 tokens." },
    537_812,
    131_072,
  ],
  [
    'LiteLLM around vLLM',
    400,
    {
      error: {
        message:
          'litellm.ContextWindowExceededError: litellm.BadRequestError: ContextWindowExceededError: Hosted_vllmException - {"error":{"message":"This model\'s maximum context length is 2048 tokens. However, your prompt contains at least 2049 input tokens, which exceeds this limit even without any output tokens.","type":"BadRequestError","code":400}}\n\nLiteLLM: model group \'team/smollm2\' failed with the error above.',
        type: 'invalid_request_error',
        param: null,
        code: '400',
      },
    },
    2049,
    2048,
  ],
];

/** Other errors with such words in them: throwing context away would be wrong. */
const noOverflows: readonly (readonly [number, object])[] = [
  [400, { error: "Unknown field 'context_length'." }],
  [400, { error: { message: "'context' is required", type: 'invalid_request_error' } }],
  [400, { error: { message: 'The context window setting must be a whole number.' } }],
  [400, { error: { message: 'Invalid value for context_shift: expected a boolean.' } }],
  [400, { error: { message: "This model's maximum context length is set by your administrator." } }],
  [
    400,
    { error: { message: "Invalid 'messages[0].name': string too long. Expected a string with maximum length 64." } },
  ],
  [400, { error: { message: 'max_tokens must be at least 1, got 0. (parameter=max_tokens, value=0)' } }],
  [422, { error: 'Input validation error: `best_of` must be > 0 and <= 2', error_type: 'validation' }],
  [500, { error: 'option "num_ctx" must be of type integer' }],
];

for (const dialect of dialects) {
  describe(`${dialect.backend}: prompts that do not fit`, () => {
    for (const [who, status, body, promptTokens, contextTokens] of overflows) {
      it(`case 64: as ${who} says it`, async () => {
        // A count below the window speaks of the answer too, as Ollama never does: its client trusts its own numbers then.
        const isForeign = dialect.backend === 'ollama' && (promptTokens ?? Infinity) <= (contextTokens ?? 0);
        if (isForeign) return void expectError(await errorOf(dialect, failing(status, body)), 'contextOverflow');
        const error = expectAnswer(await errorOf(dialect, failing(status, body)), {
          kind: 'contextOverflow',
          ...(promptTokens === undefined ? {} : { promptTokens }),
          ...(contextTokens === undefined ? {} : { contextTokens }),
        });
        assert.notEqual(error.serverMessage, undefined);
      });
    }

    it('case 64: and errors that only mention context are something else', async () => {
      for (const [status, body] of noOverflows) {
        expectError(await errorOf(dialect, failing(status, body)), 'badRequest');
      }
    });
  });
}
