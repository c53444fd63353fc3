import { contextOverflow } from './contextOverflow.ts';
import type { BackendErrorInit, Feature } from './errors.ts';
import type { FailureContext } from './failures.ts';
import type { ServerWords } from './serverWords.ts';

/**
 * What an error answer means, by its words first and by its status second. The words are those of real servers (Ollama 0.17, vLLM 0.32, llama-server b11434,
 * LiteLLM 1.109) and, for versions that could not be run, of their sources and documents.
 */

export interface Failure {
  readonly said: ServerWords;
  /** Of the answer; for an error inside a stream what its code or type would be, and 500 where it has none. */
  readonly status: number;
  readonly context: FailureContext;
}

export type Explanation = Pick<
  BackendErrorInit,
  'kind' | 'message' | 'hint' | 'nextStep' | 'retryable' | 'feature' | 'promptTokens' | 'contextTokens'
>;

/** Undefined: the rule does not apply. */
type Rule = (failure: Failure) => Explanation | undefined;

export function explain(failure: Failure): Explanation {
  for (const rule of rules) {
    const explanation = rule(failure);
    if (explanation) return explanation;
  }
  return explainUnknown(failure);
}

/** First match wins: the specific before the general. */
const rules: readonly Rule[] = [
  overflow,
  shortOfMemory,
  failedLoad,
  quotaUsedUp,
  unsupported,
  unknownModel,
  unauthorized,
  forbidden,
  busy,
  gateway,
  cancelledBetween,
  wrongOption,
  unknownPath,
];

function overflow({ said, status }: Failure): Explanation | undefined {
  const found = contextOverflow(said) ?? (status === 413 ? { promptIsLonger: false } : undefined);
  if (!found) return undefined;
  const { promptTokens, contextTokens } = found;
  const numbers = {
    ...(promptTokens === undefined ? {} : { promptTokens }),
    ...(contextTokens === undefined ? {} : { contextTokens }),
  };
  if (promptTokens !== undefined && contextTokens !== undefined && promptTokens <= contextTokens) {
    return {
      kind: 'contextOverflow',
      message: `The prompt has ${promptTokens} tokens; with the longest answer that was asked for it exceeds the context window of ${contextTokens}.`,
      hint: 'Lower a2ia.maxOutputTokens, leave out context, or run the model with a larger context window.',
      nextStep: { do: 'openSetting', key: 'a2ia.maxOutputTokens' },
      ...numbers,
    };
  }
  return {
    kind: 'contextOverflow',
    message:
      promptTokens !== undefined && contextTokens !== undefined
        ? `The prompt has ${found.promptIsLonger ? 'at least ' : ''}${promptTokens} tokens; the context window has ${contextTokens}.`
        : `The prompt does not fit into the context window${contextTokens === undefined ? '' : ` of ${contextTokens} tokens`}.`,
    hint: 'Shorten the question or leave out context, or run the model with a larger context window.',
    ...numbers,
  };
}

const memoryPattern =
  /out[- ]of[- ](?:device )?memory|cudamalloc failed|hipmalloc failed|failed to allocate|allocation failed|not enough memory|insufficient (?:system )?(?:memory|resources)|erroroutof(?:device|host)?memory|requires more system memory|unable to load full model on gpu|process has terminated: signal: killed/i;

function shortOfMemory({ said }: Failure): Explanation | undefined {
  if (!memoryPattern.test(said.message)) return undefined;
  return {
    kind: 'outOfMemory',
    message: 'The model does not fit into the memory that is free.',
    hint: 'Choose a smaller model or a shorter context window, or unload what else uses the GPU.',
  };
}

const loadPattern =
  /process has terminated|unexpectedly stopped|model failed to load|timed out waiting for llama|incompatible with your version|unable to load model|failed to load model|error loading model/i;

function failedLoad({ said }: Failure): Explanation | undefined {
  if (!loadPattern.test(said.message)) return undefined;
  return {
    kind: 'loadFailed',
    message: 'The server could not load the model.',
    hint: 'Look at the server’s log; often memory is short, or the server is too old for the model.',
  };
}

const quotaPattern =
  /insufficient_quota|exceeded your current quota|credit balance is too low|billing_(?:error|not_active|hard_limit)/i;

function quotaUsedUp({ said, status, context }: Failure): Explanation | undefined {
  if (status !== 402 && !quotaPattern.test(`${said.type} ${said.code} ${said.message}`)) return undefined;
  return {
    kind: 'quota',
    message: `The account at ${context.url.host} has used up what it may.`,
    hint: 'Look at its plan and billing, enter another key, or choose another backend.',
    nextStep: { do: 'enterKey', origin: context.url.origin },
  };
}

/** By feature: how servers say no, and what to do then. */
const refusals: readonly (readonly [Feature, RegExp, message: string, hint: string])[] = [
  [
    'tools',
    /does not support tools|tool[ _]choice[^]*requires|requires --tool-call-parser|tools param requires --jinja/i,
    'This model or server cannot use tools.',
    'Choose a model that can; vLLM needs --enable-auto-tool-choice and --tool-call-parser, older llama-servers --jinja.',
  ],
  [
    'images',
    /image input is not supported|not a multimodal model|at most 0 image|does not support (?:images?|vision)|support image input|multimodal (?:data|input)[^]*not supported/i,
    'This model cannot read images.',
    'Leave the image out, or choose a model that can; llama-server needs its --mmproj file.',
  ],
  [
    'reasoning',
    /does not support thinking/i,
    'This model cannot be told to think.',
    'Choose another model, or leave it to the model.',
  ],
  [
    'fillInTheMiddle',
    /does not support insert|suffix is (?:not currently|only) supported|infill is not supported/i,
    'This model or server cannot fill a gap in a text.',
    'Choose a model made for code completion.',
  ],
  [
    'chat',
    /does not support (?:chat|generate|completion)\b|must provide a chat template|does not have a chat template|chat template is not (?:set|defined)/i,
    'This model cannot chat: it has no chat template, or is made for something else.',
    'Choose a model made for chat, or give the server a chat template.',
  ],
];

function unsupported({ said }: Failure): Explanation | undefined {
  for (const [feature, pattern, message, hint] of refusals) {
    if (pattern.test(said.message)) return { kind: 'unsupported', feature, message, hint };
  }
  if (said.type !== 'not_supported_error') return undefined;
  return {
    kind: 'unsupported',
    message: 'This model or server cannot do what the request asks for.',
    hint: 'Choose another model, or start the server with what it says.',
  };
}

const unknownModelPattern =
  /model .*(?:not found|does not exist)|invalid model name|model_not_found|no such model|no models loaded|^model: /im;

function unknownModel({ said, status, context }: Failure): Explanation | undefined {
  if (status !== 404 && status !== 400) return undefined;
  if (!unknownModelPattern.test(`${said.code}\n${said.message}`)) return undefined;
  const name = /^model ['"]([\w./:-]+)['"] not found/.exec(said.message)?.[1];
  return {
    kind: 'modelNotFound',
    message: 'The server does not have that model.',
    hint:
      context.backend === 'ollama' && name
        ? `Fetch it (ollama pull ${name}), or choose one that it has.`
        : 'Choose one that it has.',
  };
}

function unauthorized({ said, status, context: { url } }: Failure): Explanation | undefined {
  // LiteLLM without a database looks for an unknown key in it, and answers 400.
  const isRefused = status === 401 || said.type === 'no_db_connection' || said.code === 'invalid_api_key';
  if (!isRefused) return undefined;
  return said.signInUrl
    ? {
        kind: 'unauthorized',
        message: 'This model runs in Ollama’s cloud, which wants you to sign in.',
        hint: `Sign in at ${said.signInUrl}, or choose a model that runs on your machine.`,
      }
    : {
        kind: 'unauthorized',
        message: `${url.host} wants an API key, or refuses the one it got.`,
        hint: 'Enter the key of this server.',
        nextStep: { do: 'enterKey', origin: url.origin },
      };
}

function forbidden({ status, context: { url, backend } }: Failure): Explanation | undefined {
  if (status !== 403) return undefined;
  return {
    kind: 'forbidden',
    message: `${url.host} refuses requests from here.`,
    hint:
      backend === 'ollama'
        ? 'Ollama answers only to names it knows: set OLLAMA_HOST and OLLAMA_ORIGINS where it runs.'
        : 'Check the rights of the key and the rules of the proxy in front.',
  };
}

function busy({ said, status, context: { url } }: Failure): Explanation | undefined {
  if (status !== 429 && status !== 503 && status !== 529) return undefined;
  return {
    kind: 'overloaded',
    message: isLoading(said.message) ? `${url.host} is still loading the model.` : `${url.host} is busy.`,
    hint: 'Wait a moment and ask again.',
    retryable: true,
    nextStep: { do: 'retry' },
  };
}

/** llama-server answers so until its model is there. */
export function isLoading(serverMessage: string | undefined): boolean {
  return serverMessage !== undefined && /^loading model/i.test(serverMessage);
}

function gateway({ said, status, context: { url } }: Failure): Explanation | undefined {
  // 520 to 527 are Cloudflare's. LiteLLM says 500 when it reaches no server of a group.
  const isGateway = status === 502 || status === 504 || (status >= 520 && status <= 527);
  if (!isGateway && !/litellm\.[^]*connection error/i.test(said.message)) return undefined;
  return {
    kind: 'gateway',
    message: `The proxy at ${url.host} got no answer from the model server behind it.`,
    hint: 'Check that the model server runs.',
    retryable: true,
    nextStep: { do: 'retry' },
  };
}

/** We did not: a stop of ours ends the request before an answer could be read. */
function cancelledBetween({ said, status, context: { url } }: Failure): Explanation | undefined {
  if (status !== 499 && !(status === 400 && /^client disconnected/i.test(said.message))) return undefined;
  return {
    kind: 'streamCut',
    message: `${url.host} says that the request was given up on its way.`,
    hint: 'Ask again; if it happens again, look at the proxy between, and its time limits.',
    retryable: true,
    nextStep: { do: 'retry' },
  };
}

/** Ollama answers 500 to an option of the wrong type: the request's fault, not the server's. */
function wrongOption({ said, context: { url } }: Failure): Explanation | undefined {
  if (!/^option "\w+" must be/.test(said.message)) return undefined;
  return { kind: 'badRequest', message: `${url.host} refused an option.`, hint: 'Look at what the server says.' };
}

function unknownPath({ said, status, context: { url, urlSetting } }: Failure): Explanation | undefined {
  // LM Studio says it with status 200.
  if (status !== 404 && status !== 405 && !/unexpected endpoint or method/i.test(said.message)) return undefined;
  return {
    kind: 'notAModelServer',
    message: `${url.origin} does not know ${url.pathname}.`,
    hint: `Check ${urlSetting}: another kind of server may be listening there.`,
    nextStep: { do: 'openSetting', key: urlSetting },
  };
}

function explainUnknown({ status, context: { url } }: Failure): Explanation {
  return status >= 500
    ? { kind: 'serverError', message: `${url.host} failed with status ${status}.`, hint: 'Look at the server’s log.' }
    : {
        kind: 'badRequest',
        message: `${url.host} refused the request with status ${status}.`,
        hint: 'Look at what the server says.',
      };
}
