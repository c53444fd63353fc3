import { parseArgs } from 'node:util';
import { backendIds } from '../core/clients/llmClient.ts';
import { schema } from '../core/settings/schema.ts';
import { fitFlags, fitOptions, fitUsage, type FitOptions } from './fitArguments.ts';
import { UsageError } from './usageError.ts';
import { describeProblem, parseSettings, type SettingReader, type Settings } from '../core/settings/settings.ts';

export type Command =
  | { readonly name: 'help' }
  | { readonly name: 'version' }
  | { readonly name: 'explain'; readonly file: string | undefined; readonly json: boolean }
  | { readonly name: 'measured'; readonly forget: string | undefined; readonly json: boolean }
  | ({ readonly name: 'ask'; readonly question: string | undefined; readonly files: readonly string[] } & CommonOptions)
  | ({ readonly name: 'models' } & CommonOptions)
  | ({ readonly name: 'backends' } & CommonOptions)
  | ({ readonly name: 'doctor' } & CommonOptions)
  | ({ readonly name: 'gpu' } & CommonOptions)
  | ({ readonly name: 'fit'; readonly fit: FitOptions } & CommonOptions);

export interface CommonOptions {
  readonly settings: Settings;
  /** The settings as they were written. */
  readonly given: SettingReader;
  readonly json: boolean;
  readonly downloadAgreed: boolean;
  readonly verbose: boolean;
}

export const usage = `Usage
  a2ia ask [options] "question"     Ask. Without a question it is read from standard input.
  a2ia models [options]             The models of the backend.
  a2ia backends [options]           What was found: where, which version, or why not.
  a2ia doctor [options]             Checks the connection step by step, up to one token, and
                                    says what to do. With --backend that one, else all. Ends
                                    with 0 if one of them works, with 1 if none does.
  a2ia gpu [options]                The memory of this machine’s GPUs, who uses it, and which
                                    models the server has loaded.
  a2ia fit [options] MODEL          What a model takes of a GPU, whether that fits, why not, and
                                    what would. MODEL: a name, a GGUF file, a checkpoint’s
                                    folder, or the address of one. Ends with 1 if it fails.
  a2ia measured                     What loads on this machine took beyond their plans: fit
                                    and the editor correct their plans by it. “a2ia gpu” and
                                    the editor measure. --forget [MODEL] forgets it.
  a2ia explain [FILE]               What a log or an error of Ollama, llama.cpp or vLLM means: what
                                    did not fit, why, and what to do. Without FILE it is read
                                    from standard input. Ends with 1 if it knows nothing of it.

Options
  --backend B                 auto, ${backendIds.join(', ')}
  --model M                   The model to use
  --ollama-url U              Where Ollama listens (http://127.0.0.1:11434)
  --vllm-url U                Where vLLM listens (http://127.0.0.1:8000)
  --openai-compatible-url U   Where llama-server, LM Studio or the like listens
  --system S                  The system message
  --file F                    A file that goes along with the question; may be repeated
  --download                  Agree to the download of the embedded model
  --json                      One JSON object a line. ask: the last one is of type "finish"
                              or "error". doctor: a report for each backend
  --verbose                   Say on stderr what is done
  --help, --version
${fitUsage}
Environment
  A2IA_BACKEND, A2IA_MODEL, A2IA_VLLM_URL, …    Every setting, by its name in the editor
  A2IA_OLLAMA_API_KEY, A2IA_VLLM_API_KEY, A2IA_OPENAI_COMPATIBLE_API_KEY,
  A2IA_OPENAI_API_KEY, A2IA_ANTHROPIC_API_KEY   Each is sent to its own backend’s address only
  A2IA_MODELS_DIR                               Where downloaded models are kept
  A2IA_DATA_DIR                                 Where they and measured loads are kept

Exit codes: 0 finished, 1 failed, 2 wrong usage, 130 stopped.
`;

const flags = {
  backend: { type: 'string' },
  model: { type: 'string' },
  'ollama-url': { type: 'string' },
  'vllm-url': { type: 'string' },
  'openai-compatible-url': { type: 'string' },
  system: { type: 'string' },
  file: { type: 'string', multiple: true },
  ...fitFlags,
  download: { type: 'boolean' },
  forget: { type: 'boolean' },
  json: { type: 'boolean' },
  verbose: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean' },
} as const;

/** @throws UsageError */
export function parseCommand(argv: readonly string[], environment: NodeJS.ProcessEnv): Command {
  const { values, positionals } = parseFlags(argv);
  if (values.version) return { name: 'version' };
  const [name, ...rest] = positionals;
  if (values.help || name === 'help') return { name: 'help' };
  if (name === undefined)
    throw new UsageError('Say what to do: ask, models, backends, doctor, gpu, fit, measured or explain.');
  if (name === 'explain') return explainCommand(rest, values.json ?? false);
  if (name === 'measured') return measuredCommand(rest, values);
  const given: SettingReader = (key) => {
    const flag = (settingFlags as Partial<Record<string, keyof typeof flags>>)[key];
    // Of `fit` it is the server that is planned for, which may be none of the settings'.
    const isPlanned = flag === 'backend' && name === 'fit';
    return (flag && !isPlanned ? values[flag] : undefined) ?? fromEnvironment(key, environment);
  };
  const common: CommonOptions = {
    settings: settingsFrom(given, values),
    given,
    json: values.json ?? false,
    downloadAgreed: values.download ?? false,
    verbose: values.verbose ?? false,
  };
  switch (name) {
    case 'ask':
      return { name, question: rest.length > 0 ? rest.join(' ') : undefined, files: values.file ?? [], ...common };
    case 'models':
    case 'backends':
    case 'doctor':
    case 'gpu':
      if (rest.length > 0) throw new UsageError(`${name} takes no "${rest[0]}".`);
      return { name, ...common };
    case 'fit':
      return { name, fit: fitOptions(rest, values), ...common };
    default:
      throw new UsageError(
        `There is no command "${name}". Commands: ask, models, backends, doctor, gpu, fit, measured, explain.`,
      );
  }
}

/** It asks nobody, so that no setting can be in its way. */
function explainCommand([file, ...others]: readonly string[], json: boolean): Command {
  if (others.length > 0) throw new UsageError(`explain takes one file, not "${others[0]}" too.`);
  return { name: 'explain', file: file === '-' ? undefined : file, json };
}

function measuredCommand(
  [model, ...others]: readonly string[],
  { forget, json }: ReturnType<typeof parseFlags>['values'],
): Command {
  if (others.length > 0) throw new UsageError(`measured takes one model, not "${others[0]}" too.`);
  if (model !== undefined && !forget) throw new UsageError(`measured takes a model only with --forget.`);
  return { name: 'measured', forget: forget ? (model ?? '') : undefined, json: json ?? false };
}

function parseFlags(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: flags, allowPositionals: true });
  } catch (error) {
    // Node's own text names the flag; its advice about "--" only confuses here.
    const message = error instanceof Error ? (error.message.split('. ')[0] ?? error.message) : String(error);
    throw new UsageError(`${message}.`);
  }
}

const settingFlags = {
  'a2ia.backend': 'backend',
  'a2ia.model': 'model',
  'a2ia.ollamaUrl': 'ollama-url',
  'a2ia.vllmUrl': 'vllm-url',
  'a2ia.openaiCompatibleUrl': 'openai-compatible-url',
  'a2ia.systemPrompt': 'system',
} as const;

/** Flags before the environment. A wrong value is wrong usage here: nobody wants an answer from another backend than the one named. */
function settingsFrom(given: SettingReader, values: ReturnType<typeof parseFlags>['values']): Settings {
  const { settings, problems } = parseSettings(given);
  if (problems.length > 0) {
    throw new UsageError(
      problems.map((problem) => describeProblem({ ...problem, key: nameForPeople(problem.key, values) })).join('\n'),
    );
  }
  return settings;
}

function nameForPeople(key: string, values: ReturnType<typeof parseFlags>['values']): string {
  const flag = (settingFlags as Partial<Record<string, keyof typeof flags>>)[key];
  return flag && values[flag] !== undefined ? `--${flag}` : environmentName(key);
}

function fromEnvironment(key: string, environment: NodeJS.ProcessEnv): unknown {
  const text = environment[environmentName(key)];
  if (text === undefined || text === '') return undefined;
  const type = schema.find((spec) => spec.key === key)?.type;
  if (type !== 'number' && type !== 'modelByBackend' && type !== 'textList') return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** `a2ia.vllmUrl` is A2IA_VLLM_URL, `a2ia.embedded.modelPath` is A2IA_EMBEDDED_MODEL_PATH. */
function environmentName(key: string): string {
  return key
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .replaceAll('.', '_')
    .replace('openai_Compatible', 'openai_compatible')
    .toUpperCase();
}
