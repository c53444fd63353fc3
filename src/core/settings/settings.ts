import { backendIds, type BackendId } from '../clients/llmClient.ts';
import { schema, type SettingSpec } from './schema.ts';

/** What the user chose, checked. A generation setting that is not here is not sent, so that the server's own default applies. */
export interface Settings {
  readonly backend: BackendId | 'auto';
  readonly ollamaUrl: string;
  /** Left out: the context window that Ollama chooses. */
  readonly ollamaContextTokens?: number;
  readonly vllmUrl: string;
  /** Empty: A2IA looks on the ports such servers use. */
  readonly openaiCompatibleUrl: string;
  readonly openaiUrl: string;
  readonly anthropicUrl: string;
  /** The model to use on a backend: `models[backend]`, else `model`, else A2IA chooses one that is there. */
  readonly model: string;
  readonly models: Readonly<Partial<Record<BackendId, string>>>;
  readonly embedded: EmbeddedSettings;
  /** 0: no limit. From sending a request to the first byte of its answer, loading the model and reading the prompt included. */
  readonly firstByteTimeoutMs: number;
  /** 0: no limit. The longest silence inside an answer. */
  readonly idleTimeoutMs: number;
  /** Where the status bar shows GPU memory: where there is a GPU, everywhere, or nowhere. */
  readonly gpuMemory: 'auto' | 'always' | 'never';
  /** A PEM file; empty: none. */
  readonly caFile: string;
  readonly systemPrompt: string;
  readonly temperature?: number;
  readonly topP?: number;
  readonly seed?: number;
  readonly maxOutputTokens?: number;
  readonly completion: CompletionSettings;
  /** The keys that a person set, as opposed to a default. */
  readonly explicit: ReadonlySet<string>;
}

export interface EmbeddedSettings {
  /** A GGUF file of the user's own; empty: a model of the catalogue. */
  readonly modelPath: string;
  /** 0: as many as there are cores, less one, and at least one. */
  readonly threads: number;
  readonly contextTokens: number;
}

export interface CompletionSettings {
  readonly mode: 'off' | 'automatic' | 'onRequest';
  /** Left out: the best that is found. */
  readonly model?: BackendModel;
  readonly excludedLanguages: readonly string[];
}

export interface BackendModel {
  readonly backend: BackendId;
  readonly model: string;
}

/** A setting whose value cannot be used. Its default is used instead. */
export interface SettingProblem {
  readonly key: string;
  readonly value: unknown;
  /** What is allowed, for a sentence: "a number from 0 to 2". */
  readonly allowed: string;
}

/** Where a value comes from: VS Code's configuration, or flags and environment. `undefined`: not set. */
export type SettingReader = (key: string) => unknown;

export interface ParsedSettings {
  readonly settings: Settings;
  readonly problems: readonly SettingProblem[];
}

/** Reads every key of the schema; a wrong value is named in `problems` and the rest keeps working. */
export function parseSettings(read: SettingReader): ParsedSettings {
  const problems: SettingProblem[] = [];
  const explicit = new Set<string>();
  const values = new Map<string, unknown>();
  for (const spec of schema) {
    const raw = read(spec.key);
    if (raw === undefined || raw === null) {
      values.set(spec.key, spec.default);
      continue;
    }
    const checked = check(spec, raw);
    if ('allowed' in checked) {
      problems.push({ key: spec.key, value: raw, allowed: checked.allowed });
      values.set(spec.key, spec.default);
    } else {
      explicit.add(spec.key);
      values.set(spec.key, checked.value);
    }
  }
  const text = (key: string) => values.get(key) as string;
  const number = (key: string) => values.get(key) as number;
  const optional = <K extends string>(key: string, name: K) => {
    const value = values.get(key);
    return typeof value === 'number' ? ({ [name]: value } as Record<K, number>) : {};
  };
  const backendModel = parseBackendModel(text('a2ia.completion.model'));
  const settings: Settings = {
    backend: values.get('a2ia.backend') as Settings['backend'],
    ollamaUrl: text('a2ia.ollamaUrl'),
    ...optional('a2ia.ollama.contextTokens', 'ollamaContextTokens'),
    vllmUrl: text('a2ia.vllmUrl'),
    openaiCompatibleUrl: text('a2ia.openaiCompatibleUrl'),
    openaiUrl: text('a2ia.openaiUrl'),
    anthropicUrl: text('a2ia.anthropicUrl'),
    model: text('a2ia.model'),
    models: values.get('a2ia.models') as Settings['models'],
    embedded: {
      modelPath: text('a2ia.embedded.modelPath'),
      threads: number('a2ia.embedded.threads'),
      contextTokens: number('a2ia.embedded.contextTokens'),
    },
    firstByteTimeoutMs: number('a2ia.firstByteTimeoutMs'),
    idleTimeoutMs: number('a2ia.idleTimeoutMs'),
    gpuMemory: values.get('a2ia.gpuMemory') as Settings['gpuMemory'],
    caFile: text('a2ia.caFile'),
    systemPrompt: text('a2ia.systemPrompt'),
    ...optional('a2ia.temperature', 'temperature'),
    ...optional('a2ia.topP', 'topP'),
    ...optional('a2ia.seed', 'seed'),
    ...optional('a2ia.maxOutputTokens', 'maxOutputTokens'),
    completion: {
      mode: values.get('a2ia.completion.mode') as CompletionSettings['mode'],
      ...(backendModel ? { model: backendModel } : {}),
      excludedLanguages: values.get('a2ia.completion.excludedLanguages') as readonly string[],
    },
    explicit,
  };
  return { settings: Object.freeze(settings), problems };
}

/** The model that the settings name for a backend, if they name one. */
export function configuredModel(settings: Settings, backend: BackendId): string | undefined {
  return settings.models[backend] || settings.model || undefined;
}

/** "a2ia.temperature is "hot"; allowed is a number from 0 to 2." */
export function describeProblem(problem: SettingProblem): string {
  // Of an address with a password in it, without that.
  const shown = (JSON.stringify(problem.value) ?? String(problem.value)).replace(/\/\/[^/@]*@/g, '//…@');
  return `${problem.key} is ${shown.length > 60 ? `${shown.slice(0, 60)}…` : shown}; allowed is ${problem.allowed}.`;
}

type Checked = { readonly value: unknown } | { readonly allowed: string };

function check(spec: SettingSpec, raw: unknown): Checked {
  switch (spec.type) {
    case 'choice':
      return typeof raw === 'string' && spec.choices.some((choice) => choice.value === raw)
        ? { value: raw }
        : { allowed: `one of ${spec.choices.map((choice) => choice.value).join(', ')}` };
    case 'number': {
      const allowed = `${spec.integer ? 'a whole number' : 'a number'} from ${spec.minimum} to ${spec.maximum}`;
      const usable =
        typeof raw === 'number' &&
        raw >= spec.minimum &&
        raw <= spec.maximum &&
        (!spec.integer || Number.isInteger(raw));
      return usable ? { value: raw } : { allowed };
    }
    case 'text':
      return typeof raw === 'string' ? { value: raw.trim() } : { allowed: 'text' };
    case 'url':
      return checkUrl(spec, raw);
    case 'textList':
      return Array.isArray(raw) && raw.every((item) => typeof item === 'string')
        ? { value: raw.map((item: string) => item.trim()) }
        : { allowed: `a list of texts such as ${JSON.stringify(spec.default)}` };
    case 'backendModel': {
      const value = typeof raw === 'string' ? raw.trim() : undefined;
      return value === '' || parseBackendModel(value)
        ? { value }
        : {
            allowed: `a backend, a slash and its model, such as ollama/qwen2.5-coder:7b; backends are ${backendIds.join(', ')}`,
          };
    }
    case 'modelByBackend':
      return checkModels(raw);
  }
}

/** The name of a model may hold slashes itself. */
function parseBackendModel(text: string | undefined): BackendModel | undefined {
  const backend = backendIds.find((id) => text?.startsWith(`${id}/`));
  const model = text?.slice((backend?.length ?? 0) + 1);
  return backend && model ? { backend, model } : undefined;
}

/** As `a2ia.completion.model` has it. */
export function backendModelText({ backend, model }: BackendModel): string {
  return `${backend}/${model}`;
}

function checkUrl(spec: SettingSpec & { type: 'url' }, raw: unknown): Checked {
  if (typeof raw === 'string' && raw.trim() === '') return { value: spec.default };
  const url = typeof raw === 'string' ? normalizeUrl(raw) : undefined;
  return url
    ? { value: url }
    : { allowed: `an address such as ${spec.default || 'http://127.0.0.1:8080'}, without a name or password in it` };
}

/** The address as requests use it; undefined when it is none. A bare `host:port` is one. */
export function normalizeUrl(raw: string): string | undefined {
  const trimmed = raw.trim();
  // A bare host:port is what people copy from a server's log.
  const withScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(trimmed) ? trimmed : `http://${trimmed}`;
  if (!URL.canParse(withScheme)) return undefined;
  const url = new URL(withScheme);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return undefined;
  // An address is shown and logged.
  if (url.username || url.password) return undefined;
  // A server listens on 0.0.0.0; a client cannot connect to it on every system.
  if (url.hostname === '0.0.0.0') url.hostname = '127.0.0.1';
  return url.href.replace(/\/+$/, '');
}

function checkModels(raw: unknown): Checked {
  const allowed = `an object such as {"ollama": "qwen2.5-coder:7b"} with the keys ${backendIds.join(', ')}`;
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) return { allowed };
  const entries = Object.entries(raw);
  const known = entries.every(
    ([key, value]) => typeof value === 'string' && (backendIds as readonly string[]).includes(key),
  );
  return known ? { value: Object.fromEntries(entries) } : { allowed };
}
