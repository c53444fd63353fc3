import { backendIds } from '../clients/llmClient.ts';

/**
 * The only list of A2IA's settings. `npm run manifest` writes package.json's `contributes.configuration` and the list of restricted keys from it,
 * README's table repeats it, and the architecture test fails when one of them differs.
 */
export type SettingSpec = {
  readonly key: `a2ia.${string}`;
  readonly description: string;
  /** `machine`: user settings only, a workspace cannot set it (paths of files that are run or loaded). Otherwise `window`. */
  readonly scope?: 'machine';
  /** A value from an untrusted workspace is ignored: where prompts go, what answers, and what it is told. */
  readonly restricted?: true;
} & SettingType;

type SettingType =
  | {
      readonly type: 'choice';
      readonly default: string;
      readonly choices: readonly { readonly value: string; readonly description: string }[];
    }
  | {
      readonly type: 'number';
      /** null: not set, and then not sent. */
      readonly default: number | null;
      readonly minimum: number;
      readonly maximum: number;
      readonly integer?: true;
    }
  | { readonly type: 'text'; readonly default: string; readonly multiline?: true }
  | { readonly type: 'url'; readonly default: string }
  | { readonly type: 'textList'; readonly default: readonly string[] }
  /** `ollama/qwen2.5-coder:7b`: a backend, and a model of it. */
  | { readonly type: 'backendModel'; readonly default: '' }
  | { readonly type: 'modelByBackend'; readonly default: Readonly<Record<string, string>> };

const dayMs = 86_400_000;

export const schema: readonly SettingSpec[] = [
  {
    key: 'a2ia.backend',
    type: 'choice',
    default: 'auto',
    restricted: true,
    description: 'Who answers.',
    choices: [
      {
        value: 'auto',
        description: 'The first that is there: Ollama, vLLM, an OpenAI-compatible server, else the embedded model.',
      },
      { value: 'ollama', description: 'Ollama, at `#a2ia.ollamaUrl#`.' },
      { value: 'vllm', description: 'vLLM, on this machine or another, at `#a2ia.vllmUrl#`.' },
      {
        value: 'openai-compatible',
        description:
          'llama-server, LM Studio, SGLang or any other OpenAI-compatible server, at `#a2ia.openaiCompatibleUrl#`.',
      },
      { value: 'openai', description: 'OpenAI. Prompts leave this machine.' },
      { value: 'anthropic', description: 'Anthropic. Prompts leave this machine.' },
      { value: 'embedded', description: 'A small model inside A2IA, on the CPU. Needs no server.' },
    ],
  },
  {
    key: 'a2ia.model',
    type: 'text',
    default: '',
    restricted: true,
    description: 'The model to use. Empty: one that is loaded, else the first that the backend lists.',
  },
  {
    key: 'a2ia.models',
    type: 'modelByBackend',
    default: {},
    restricted: true,
    description:
      'The model to use on one backend; it wins over `#a2ia.model#`. For example `{"ollama": "qwen2.5-coder:7b"}`.',
  },
  {
    key: 'a2ia.ollamaUrl',
    type: 'url',
    default: 'http://127.0.0.1:11434',
    restricted: true,
    description:
      'Where Ollama listens, as seen from where the workspace is (in a remote window: from the remote machine).',
  },
  {
    key: 'a2ia.ollama.contextTokens',
    type: 'number',
    default: null,
    minimum: 4,
    maximum: 1_048_576,
    integer: true,
    description:
      'Context window to ask Ollama for, in tokens (`num_ctx`); a longer one takes more memory. Not set: the one that the model is loaded with, else the longest useful one that stays on the GPU; where that is not known, Ollama’s own, often 4096.',
  },
  {
    key: 'a2ia.vllmUrl',
    type: 'url',
    default: 'http://127.0.0.1:8000',
    restricted: true,
    description: 'Where vLLM listens. The path `/v1` may be left out.',
  },
  {
    key: 'a2ia.openaiCompatibleUrl',
    type: 'url',
    default: '',
    restricted: true,
    description:
      'Where the OpenAI-compatible server listens. Empty: A2IA looks on this machine at the ports of llama-server (8080, 9931), LM Studio (1234), SGLang (30000) and LiteLLM (4000).',
  },
  {
    key: 'a2ia.openaiUrl',
    type: 'url',
    default: 'https://api.openai.com/v1',
    restricted: true,
    description: 'Where OpenAI’s API is.',
  },
  {
    key: 'a2ia.anthropicUrl',
    type: 'url',
    default: 'https://api.anthropic.com',
    restricted: true,
    description: 'Where Anthropic’s API is.',
  },
  {
    key: 'a2ia.caFile',
    type: 'text',
    default: '',
    scope: 'machine',
    description:
      'A PEM file of certificates to trust beside the system’s: a company’s authority, or a server’s own certificate.',
  },
  {
    key: 'a2ia.embedded.modelPath',
    type: 'text',
    default: '',
    scope: 'machine',
    description:
      'A GGUF file of your own for the embedded backend. Empty: a model of the catalogue, downloaded after you agree.',
  },
  {
    key: 'a2ia.embedded.threads',
    type: 'number',
    default: 0,
    minimum: 0,
    maximum: 256,
    integer: true,
    description:
      'CPU threads of the embedded engine. 0: one less than there are cores. With as many threads as cores generation collapses as soon as anything else runs.',
  },
  {
    key: 'a2ia.embedded.contextTokens',
    type: 'number',
    default: 4096,
    minimum: 256,
    maximum: 1_048_576,
    integer: true,
    description: 'Context window of the embedded engine, in tokens; at most what the model was trained for.',
  },
  {
    key: 'a2ia.firstByteTimeoutMs',
    type: 'number',
    default: 600_000,
    minimum: 0,
    maximum: dayMs,
    integer: true,
    description:
      'How long to wait for the first byte of an answer, in milliseconds, loading the model and reading the prompt included. 0: no limit.',
  },
  {
    key: 'a2ia.idleTimeoutMs',
    type: 'number',
    default: 300_000,
    minimum: 0,
    maximum: dayMs,
    integer: true,
    description: 'The longest silence inside an answer, in milliseconds. 0: no limit.',
  },
  {
    key: 'a2ia.gpuMemory',
    type: 'choice',
    default: 'auto',
    description: 'GPU memory in the status bar.',
    choices: [
      { value: 'auto', description: 'Where this machine has a GPU.' },
      { value: 'always', description: 'On every machine.' },
      { value: 'never', description: 'Nowhere: the GPU is read only when you ask for it.' },
    ],
  },
  {
    key: 'a2ia.systemPrompt',
    type: 'text',
    default: '',
    multiline: true,
    // Else a folder that is only looked at could tell the model what to say of it.
    restricted: true,
    description: 'Sent as the system message. Empty: a short one of A2IA’s own.',
  },
  {
    key: 'a2ia.temperature',
    type: 'number',
    default: null,
    minimum: 0,
    maximum: 2,
    description: 'Sampling temperature. Not set: the server’s own default.',
  },
  {
    key: 'a2ia.topP',
    type: 'number',
    default: null,
    minimum: 0,
    maximum: 1,
    description: 'Nucleus sampling. Not set: the server’s own default.',
  },
  {
    key: 'a2ia.seed',
    type: 'number',
    default: null,
    minimum: 0,
    maximum: 2_147_483_647,
    integer: true,
    description: 'Seed of the sampler. Not set: the server’s own default.',
  },
  {
    key: 'a2ia.maxOutputTokens',
    type: 'number',
    default: null,
    minimum: 1,
    maximum: 1_048_576,
    integer: true,
    description: 'Longest answer, in tokens. Not set: the server’s own limit.',
  },
  {
    key: 'a2ia.completion.mode',
    type: 'choice',
    default: 'off',
    // Else a folder that is only looked at could have its files sent.
    restricted: true,
    description: 'Whether code is completed as you write it.',
    choices: [
      { value: 'off', description: 'Never. Nothing of it is loaded.' },
      { value: 'automatic', description: 'When you pause while typing.' },
      {
        value: 'onRequest',
        description:
          'When you ask for it: **Trigger Inline Suggestion** (`Alt+\\` on Windows and Linux, `Option+\\` on macOS).',
      },
    ],
  },
  {
    key: 'a2ia.completion.model',
    type: 'backendModel',
    default: '',
    restricted: true,
    description:
      'Who completes code: a backend, a slash, and its model, for example `ollama/qwen2.5-coder:1.5b-base`. **A2IA: Choose Completion Model** writes it. Empty: the best that is found.',
  },
  {
    key: 'a2ia.completion.excludedLanguages',
    type: 'textList',
    default: ['plaintext', 'markdown', 'dotenv'],
    restricted: true,
    description: 'Languages that are never completed and never given along, by their identifiers.',
  },
];

/** The keys that an untrusted workspace cannot set. */
export const restrictedKeys: readonly string[] = schema.filter((spec) => spec.restricted).map((spec) => spec.key);

/** `contributes.configuration` of package.json. */
export function manifestConfiguration(): object {
  const properties = Object.fromEntries(schema.map((spec, order) => [spec.key, { ...manifestProperty(spec), order }]));
  return { title: 'A2IA', properties };
}

function manifestProperty(spec: SettingSpec): object {
  const common = {
    scope: spec.scope ?? 'window',
    default: spec.default,
    markdownDescription: spec.description,
  };
  switch (spec.type) {
    case 'choice':
      return {
        type: 'string',
        enum: spec.choices.map((choice) => choice.value),
        markdownEnumDescriptions: spec.choices.map((choice) => choice.description),
        ...common,
      };
    case 'number': {
      const type = spec.integer ? 'integer' : 'number';
      return {
        type: spec.default === null ? [type, 'null'] : type,
        minimum: spec.minimum,
        maximum: spec.maximum,
        ...common,
      };
    }
    case 'text':
      return { type: 'string', ...(spec.multiline ? { editPresentation: 'multilineText' } : {}), ...common };
    case 'url':
    case 'backendModel':
      return { type: 'string', ...common };
    case 'textList':
      return { type: 'array', items: { type: 'string' }, uniqueItems: true, ...common };
    case 'modelByBackend':
      return {
        type: 'object',
        properties: Object.fromEntries(backendIds.map((id) => [id, { type: 'string' }])),
        additionalProperties: false,
        ...common,
      };
  }
}
