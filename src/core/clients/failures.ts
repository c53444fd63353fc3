import type { IncomingHttpHeaders } from 'node:http';
import { BackendError, type BackendErrorInit, type BackendErrorKind, type NextStep } from './errors.ts';
import type { BackendId } from './llmClient.ts';

/**
 * From what a socket or a server said to a `BackendError`. The texts are those of real servers (Ollama 0.17, vLLM 0.32, llama-server b11434, LiteLLM 1.109)
 * and, for versions that could not be run, of their sources.
 */

interface FailureContext {
  readonly backend: BackendId;
  readonly url: URL;
  readonly urlSetting: string;
}

// ---- Connection level -------------------------------------------------------------------------------------------------------------------------------

export function connectionError(context: FailureContext & { readonly error: NodeJS.ErrnoException }): BackendError {
  const { url, error, backend } = context;
  const code = connectionCode(error);
  const openSetting: NextStep = { do: 'openSetting', key: context.urlSetting };
  const make = (kind: BackendErrorKind, message: string, hint: string, nextStep: NextStep = openSetting) =>
    new BackendError({ kind, backend, message, hint, nextStep, retryable: kind === 'notRunning', cause: error });
  switch (code) {
    case 'ECONNREFUSED':
      return notRunning(context, error);
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return make('dns', `There is no machine called ${url.hostname}.`, `Check the name in ${context.urlSetting}.`);
    case 'ETIMEDOUT':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return make(
        'unreachable',
        `${url.host} cannot be reached.`,
        `Check the address in ${context.urlSetting}, the network and the firewall between.`,
      );
    case 'EPROTO':
    case 'ERR_SSL_WRONG_VERSION_NUMBER':
    case 'ERR_SSL_PACKET_LENGTH_TOO_LONG':
      return make(
        'wrongScheme',
        `${url.host} does not speak https.`,
        `Change ${context.urlSetting} to http://${url.host}.`,
      );
    case 'ECONNRESET':
    case 'HPE_INVALID_CONSTANT':
      return make(
        'wrongScheme',
        `${url.host} closed the connection without an answer in HTTP.`,
        url.protocol === 'http:'
          ? `If the server speaks https, change ${context.urlSetting} to https://${url.host}; else look at the server’s log.`
          : 'Look at the server’s log.',
      );
  }
  if (code.startsWith('ERR_TLS') || code.includes('CERT') || code.includes('UNABLE_TO_')) {
    return make(
      'tls',
      `The certificate of ${url.host} is not trusted (${code}).`,
      'If that is your server, save its certificate, or its authority’s, as a PEM file and name that in a2ia.caFile.',
      { do: 'openSetting', key: 'a2ia.caFile' },
    );
  }
  return make('unreachable', `The request to ${url.host} failed (${code}).`, `Check ${context.urlSetting}.`);
}

/** With several addresses for one name Node wraps one error per address. */
function connectionCode(error: NodeJS.ErrnoException): string {
  if (error instanceof AggregateError) {
    const first = error.errors.find((inner: NodeJS.ErrnoException) => inner.code) as NodeJS.ErrnoException | undefined;
    return first?.code ?? 'unknown';
  }
  return error.code ?? error.message;
}

const startCommands: Partial<Record<BackendId, string>> = {
  ollama: 'ollama serve',
  vllm: 'vllm serve <model>',
  'openai-compatible': 'llama-server -m <model.gguf> --port 8080',
};

function notRunning(context: FailureContext, cause: unknown): BackendError {
  const { url, backend, urlSetting } = context;
  const command = startCommands[backend];
  const isLocal = /^(127\.|localhost$|\[::1\]$)/.test(url.hostname);
  const hint =
    isLocal && command
      ? `Start it (${command}), or change ${urlSetting}.`
      : `Start it on ${url.hostname}, or change ${urlSetting}.`;
  return new BackendError({
    kind: 'notRunning',
    backend,
    message: `Nothing listens at ${url.origin}.`,
    hint,
    retryable: true,
    nextStep: isLocal && command ? { do: 'startServer', command } : { do: 'openSetting', key: urlSetting },
    cause,
  });
}

// ---- Answers that are errors ------------------------------------------------------------------------------------------------------------------------

export interface ErrorResponse extends FailureContext {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** The body, cut at 64 KiB. */
  readonly text: string;
}

export function responseError(response: ErrorResponse): BackendError {
  const { status, url, backend, headers, text, urlSetting } = response;
  if (status >= 300 && status < 400) {
    return new BackendError({
      kind: 'redirected',
      backend,
      status,
      message: `${url.host} redirects to ${describeLocation(headers.location, url)}.`,
      hint: `If that is right, set ${urlSetting} to that address. A2IA follows no redirect by itself, so that prompts and keys go only where you say.`,
      nextStep: { do: 'openSetting', key: urlSetting },
    });
  }
  if (/^\s*(<!doctype|<html|<\?xml)/i.test(text) || headers['content-type']?.startsWith('text/html')) {
    return webPage(response);
  }
  const said = status < 300 ? wordsInJson(text) : serverWords(text);
  // A 2xx that comes here is not what was asked for: if it is no error in JSON either, it is no model server's.
  if (status < 300 && said === undefined) {
    return new BackendError({
      kind: 'notAModelServer',
      backend,
      status,
      message: `What answers at ${url.origin} is not a model server.`,
      hint: `Check ${urlSetting}.`,
      nextStep: { do: 'openSetting', key: urlSetting },
    });
  }
  const waitMs = retryAfterMs(headers);
  return serverError(response, status, {
    message: '',
    ...said,
    ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }),
  });
}

/** `retry-after-ms` (OpenAI), else `retry-after` in seconds; its other form, a date, is rare and left out. */
function retryAfterMs(headers: IncomingHttpHeaders): number | undefined {
  const waitMs = Number(headers['retry-after-ms'] ?? NaN);
  const waitSeconds = Number(headers['retry-after'] ?? NaN);
  if (Number.isFinite(waitMs)) return waitMs;
  return Number.isFinite(waitSeconds) ? waitSeconds * 1000 : undefined;
}

/**
 * An error that the server put into a stream or a 200 answer: no status of its own.
 */
export function streamedError(context: FailureContext, payload: unknown): BackendError {
  const said = wordsOf(payload, 0) ?? { message: '' };
  const status = Number(said.code);
  return serverError(context, status >= 400 && status < 600 ? status : 500, said);
}

/** One event of a stream; undefined when it is no JSON object. */
export function parseEvent(data: string): object | undefined {
  try {
    const event: unknown = JSON.parse(data);
    return typeof event === 'object' && event !== null ? event : undefined;
  } catch {
    return undefined;
  }
}

/** Without the event itself: it may hold the user's text. */
export function notJson({ backend, url }: FailureContext): BackendError {
  return new BackendError({
    kind: 'protocol',
    backend,
    message: `${url.host} sent an event that is not JSON.`,
    hint: 'What arrived is kept. If the server is up to date, please report it.',
  });
}

/** Whatever the packages throw, as a `BackendError`: theirs carry ours as `cause`. */
export function toBackendError(error: unknown, backend: BackendId): BackendError {
  for (let inner: unknown = error, depth = 0; inner instanceof Error && depth < 5; inner = inner.cause, depth++) {
    if (inner instanceof BackendError) return inner;
  }
  return new BackendError({
    kind: 'protocol',
    backend,
    message: 'The answer could not be read.',
    hint: 'Look at the log; if the server is up to date, please report it.',
    cause: error,
  });
}

function webPage({ status, url, backend, text, urlSetting }: ErrorResponse): BackendError {
  const title = /<title[^>]*>([^<]{1,200})/i.exec(text)?.[1]?.replace(/\s+/g, ' ').trim();
  const named = title ? ` (“${title}”)` : '';
  const common = { backend, status, nextStep: { do: 'openSetting', key: urlSetting } } as const;
  return status >= 500
    ? new BackendError({
        ...common,
        kind: 'gateway',
        message: `A proxy in front of ${url.host} answered with status ${status}${named}.`,
        hint: 'Check that the model server behind it runs, or exclude its address from the proxy (http.noProxy).',
        retryable: true,
      })
    : new BackendError({
        ...common,
        kind: 'notAModelServer',
        message: `A web page answers at ${url.origin}${named}, not a model server.`,
        hint: `Check the address and port in ${urlSetting}.`,
      });
}

interface ServerWords {
  readonly message: string;
  readonly type?: string;
  readonly code?: string;
  readonly promptTokens?: number;
  readonly contextTokens?: number;
  readonly retryAfterMs?: number;
}

function serverError(context: FailureContext, status: number, said: ServerWords): BackendError {
  const rule = rules.find((candidate) => candidate.applies(said, status));
  const { promptTokens, contextTokens } = said;
  const init: BackendErrorInit = {
    backend: context.backend,
    status,
    ...(rule ? rule.explain(said, context) : explainUnknown(status, context)),
    ...(said.message ? { serverMessage: said.message.slice(0, 2000) } : {}),
    ...(said.retryAfterMs === undefined ? {} : { retryAfterMs: said.retryAfterMs }),
    ...(promptTokens ? { promptTokens } : {}),
    ...(contextTokens ? { contextTokens } : {}),
  };
  return new BackendError(init);
}

function explainUnknown(status: number, { url }: FailureContext): Explanation {
  return status >= 500
    ? { kind: 'serverError', message: `${url.host} failed with status ${status}.`, hint: 'Look at the server’s log.' }
    : {
        kind: 'badRequest',
        message: `${url.host} refused the request with status ${status}.`,
        hint: 'Look at what the server says.',
      };
}

type Explanation = Pick<BackendErrorInit, 'kind' | 'message' | 'hint' | 'nextStep' | 'retryable' | 'feature'>;

interface Rule {
  applies(said: ServerWords, status: number): boolean;
  explain(said: ServerWords, context: FailureContext): Explanation;
}

const overflowPatterns =
  /context_length_exceeded|exceed_context_size_error|maximum context length is|exceeds? the available context size|context length is only|longer than the model's context length|max_new_tokens` must be|prompt is too long: \d|input length exceeds the context length|prompt is longer than the context length|n_keep \(?\d+\)? >= n_ctx|context size has been exceeded|exceeds the context window|maximum prompt length is|contextwindowexceeded/i;

const memoryPatterns =
  /out of memory|out of device memory|cudamalloc failed|hipmalloc failed|failed to allocate|allocation failed|not enough memory|insufficient memory|erroroutofmemory|requires more system memory|unable to load full model on gpu/i;

const loadPatterns =
  /process has terminated|unexpectedly stopped|model failed to load|timed out waiting for llama|incompatible with your version|unable to load model/i;

/** First match wins: the specific before the general. */
const rules: readonly Rule[] = [
  {
    applies: (said) => overflowPatterns.test(`${said.type} ${said.code} ${said.message}`),
    explain: (said) => {
      const numbers =
        said.promptTokens && said.contextTokens
          ? `The prompt has ${said.promptTokens} tokens; the context window has ${said.contextTokens}.`
          : 'The prompt does not fit into the context window.';
      return {
        kind: 'contextOverflow',
        message: numbers,
        hint: 'Shorten the question or leave out context, or run the model with a larger context window.',
      };
    },
  },
  {
    applies: (said) => memoryPatterns.test(said.message),
    explain: () => ({
      kind: 'outOfMemory',
      message: 'The model does not fit into the memory that is free.',
      hint: 'Choose a smaller model or a shorter context window, or unload what else uses the GPU.',
    }),
  },
  {
    applies: (said) => loadPatterns.test(said.message),
    explain: () => ({
      kind: 'loadFailed',
      message: 'The server could not load the model.',
      hint: 'Look at the server’s log; often memory is short, or the server is too old for the model.',
    }),
  },
  {
    applies: (said) =>
      /does not support|not a multimodal model|image input is not supported|tool choice requires|requires --jinja|not_supported_error/i.test(
        `${said.type} ${said.message}`,
      ),
    explain: () => ({
      kind: 'unsupported',
      message: 'This model or server cannot do what the request asks for.',
      hint: 'Choose another model.',
    }),
  },
  {
    applies: (said, status) =>
      (status === 404 || status === 400) &&
      /model .*(not found|does not exist)|invalid model name|model_not_found|no such model|\bmodel: /i.test(
        `${said.code} ${said.message}`,
      ),
    explain: () => ({
      kind: 'modelNotFound',
      message: 'The server does not have that model.',
      hint: 'Choose one that it has.',
    }),
  },
  {
    applies: (_said, status) => status === 401,
    explain: (_said, { url }) => ({
      kind: 'unauthorized',
      message: `${url.host} wants an API key, or refuses the one it got.`,
      hint: 'Enter the key of this server.',
      nextStep: { do: 'enterKey', origin: url.origin },
    }),
  },
  {
    applies: (_said, status) => status === 403,
    explain: (_said, { url, backend }) => ({
      kind: 'forbidden',
      message: `${url.host} refuses requests from here.`,
      hint:
        backend === 'ollama'
          ? 'Ollama answers only to names it knows: set OLLAMA_HOST and OLLAMA_ORIGINS where it runs.'
          : 'Check the rights of the key and the rules of the proxy in front.',
    }),
  },
  {
    applies: (_said, status) => status === 429 || status === 503 || status === 529,
    explain: (said, { url }) => ({
      kind: 'overloaded',
      message: /loading model/i.test(said.message) ? `${url.host} is still loading the model.` : `${url.host} is busy.`,
      hint: 'Wait a moment and ask again.',
      retryable: true,
      nextStep: { do: 'retry' },
    }),
  },
  {
    applies: (_said, status) => status === 502 || status === 504,
    explain: (_said, { url }) => ({
      kind: 'gateway',
      message: `The proxy at ${url.host} got no answer from the model server behind it.`,
      hint: 'Check that the model server runs.',
      retryable: true,
    }),
  },
  {
    applies: (_said, status) => status === 404,
    explain: (_said, { url, urlSetting }) => ({
      kind: 'notAModelServer',
      message: `${url.origin} does not know ${url.pathname}.`,
      hint: `Check ${urlSetting}: another kind of server may be listening there.`,
      nextStep: { do: 'openSetting', key: urlSetting },
    }),
  },
];

// ---- The shapes in which servers say what is wrong --------------------------------------------------------------------------------------------------

function serverWords(text: string): ServerWords | undefined {
  const trimmed = text.trim();
  // Ollama's router answers in plain text: "404 page not found".
  return wordsInJson(trimmed) ?? (trimmed.length < 500 ? { message: trimmed } : undefined);
}

function wordsInJson(text: string): ServerWords | undefined {
  try {
    return wordsOf(JSON.parse(text), 0);
  } catch {
    return undefined;
  }
}

/**
 * `{"error": {…}}`, `{"error": "text"}`, `{"object": "error", "message": …}`, `{"detail": …}`, and all of these as JSON inside a string, as Ollama and
 * gateways pass on what the engine behind them said.
 */
function wordsOf(payload: unknown, depth: number): ServerWords | undefined {
  if (depth > 3) return undefined;
  if (typeof payload === 'string') return wordsInText(payload, depth);
  if (typeof payload !== 'object' || payload === null) return undefined;
  if (Array.isArray(payload)) return wordsOf(payload[0], depth + 1);
  const fields = payload as Record<string, unknown>;
  const inner = fields['error'] ?? fields['detail'];
  if (inner !== undefined && inner !== null) return wordsOf(inner, depth + 1);
  const message = fields['message'] ?? fields['msg'];
  if (typeof message !== 'string') return undefined;
  const nested = wordsInText(message, depth);
  const text = (value: unknown) => (typeof value === 'string' || typeof value === 'number' ? String(value) : undefined);
  const type = text(fields['type']) ?? nested.type;
  const code = text(fields['code']) ?? nested.code;
  const promptTokens = count(fields['n_prompt_tokens']) ?? nested.promptTokens;
  const contextTokens = count(fields['n_ctx']) ?? nested.contextTokens;
  return {
    message: nested.message,
    ...(type ? { type } : {}),
    ...(code ? { code } : {}),
    ...(promptTokens ? { promptTokens } : {}),
    ...(contextTokens ? { contextTokens } : {}),
  };
}

function wordsInText(text: string, depth: number): ServerWords {
  const start = text.indexOf('{');
  if (start >= 0) {
    try {
      const nested = wordsOf(JSON.parse(text.slice(start)), depth + 1);
      if (nested) return nested;
    } catch {
      // A brace in ordinary prose.
    }
  }
  const contextTokens = /(?:maximum context length is|context length is only|context size \(?)\s*(\d+)/i.exec(
    text,
  )?.[1];
  const promptTokens = /(?:request \(|passed |requested |has |at least )(\d+)(?: input)? tokens/i.exec(text)?.[1];
  return {
    message: text,
    ...(promptTokens ? { promptTokens: Number(promptTokens) } : {}),
    ...(contextTokens ? { contextTokens: Number(contextTokens) } : {}),
  };
}

function count(value: unknown): number | undefined {
  return typeof value === 'number' && value > 0 ? value : undefined;
}

function describeLocation(location: string | undefined, from: URL): string {
  return location && URL.canParse(location, from.href) ? new URL(location, from).origin : 'another address';
}
