import { memoryText } from '../bytesText.ts';
import type { Amount, Condition, KnownFailure } from './knownFailure.ts';
import { gpuMemory, gpusOf, hostPartBytes, partBytes, type LoadFacts, type ServerKind } from './loadFacts.ts';
import { LogReader, type FoundFailure, type Load, type LogLine, type ReadLog } from './logReader.ts';
import { checkpointOf } from './modelKnowledge.ts';
import { remedyFor, type Remedy, type RemedyId } from './remedies.ts';

/** What a log or an error text says about a load: what failed, by which inequality, and what to do; or what it took. Plain data. */
export interface Diagnosis {
  /** `partial`: it runs, with a part of it on the CPU. */
  readonly outcome: 'failed' | 'partial' | 'loaded';
  readonly server?: ServerKind;
  readonly version?: string;
  readonly model?: string;
  readonly gpu?: string;
  readonly cause?: Cause;
  /** All that the log gives, and what could be computed from it. */
  readonly figures: readonly LogFigure[];
  /** The best first. */
  readonly remedies: readonly Remedy[];
  /** Whole sentences. */
  readonly remarks: readonly string[];
  /** Further down in the log a load succeeded. */
  readonly isSettled?: true;
}

export interface Cause {
  readonly id: string;
  readonly title: string;
  readonly isMemory: boolean;
  /** `weights 13.5 GiB > memory of the GPU 11.5 GiB`; without numbers where the log has none. */
  readonly inequality?: string;
  readonly condition?: Condition;
  /** Goes on after "because". */
  readonly because: string;
  readonly inVain?: string;
  /** Absent where no log says it. */
  readonly line?: LogLine;
}

export interface LogFigure {
  readonly label: string;
  /** With its unit. */
  readonly text: string;
  readonly bytes?: number;
  /** By the model's shape; the log does not say it. */
  readonly isComputed?: true;
}

export interface LogExplanation {
  readonly diagnosis?: Diagnosis;
  /** Where nothing was recognised: those that look as if they mattered. */
  readonly relevantLines: readonly LogLine[];
}

/** Undefined: nothing in it was recognised. `server` where it is known whose words they are. */
export function diagnose(text: string, server?: ServerKind): Diagnosis | undefined {
  return explainLog([text], server).diagnosis;
}

/** A log in pieces, of any length. */
export function explainLog(pieces: Iterable<string>, server?: ServerKind): LogExplanation {
  const reader = new LogReader(server);
  let head = '';
  for (const piece of pieces) {
    if (head.length <= wrappedLimitChars) head += piece.slice(0, wrappedLimitChars + 1);
    reader.push(piece);
  }
  return conclude(reader.end(), head, server);
}

/** The same for a stream. */
export async function explainStream(pieces: AsyncIterable<string>): Promise<LogExplanation> {
  const reader = new LogReader();
  let head = '';
  for await (const piece of pieces) {
    if (head.length <= wrappedLimitChars) head += piece.slice(0, wrappedLimitChars + 1);
    reader.push(piece);
  }
  return conclude(reader.end(), head);
}

/** Longer texts are no sentence that a terminal or a mail has broken into lines. */
const wrappedLimitChars = 16_384;

function conclude(log: ReadLog, head: string, server?: ServerKind): LogExplanation {
  const diagnosis = diagnosisOf(log);
  if (diagnosis || head.length > wrappedLimitChars)
    return { ...(diagnosis ? { diagnosis } : {}), relevantLines: log.relevantLines };
  const unwrapped = new LogReader(server);
  unwrapped.push(head.replace(/\s+/g, ' '));
  const found = diagnosisOf(unwrapped.end());
  return { ...(found ? { diagnosis: found } : {}), relevantLines: log.relevantLines };
}

function diagnosisOf({ failed, last }: ReadLog): Diagnosis | undefined {
  const load = failed ?? last;
  if (!load) return undefined;
  const failure = rootCause(load.failures) ?? (load.isLoaded ? undefined : load.hints[0]);
  const remarks = remarksOf(load, failure);
  const isSettled = failed && last && last !== failed && last.failures.length === 0 && last.isLoaded;
  if (isSettled) {
    remarks.push('Further down in the log a load succeeded: what failed may be settled.');
  }
  const { facts } = load;
  return {
    outcome: failure && failure.known.weight !== 'hint' ? 'failed' : isPartial(load) ? 'partial' : 'loaded',
    ...described(facts),
    ...(failure ? { cause: causeOf(failure, facts) } : {}),
    figures: figuresOf(facts),
    remedies: remediesOf(failure ? failure.known.remedies : isPartial(load) ? partialRemedies : [], facts),
    remarks,
    ...(isSettled ? { isSettled } : {}),
  };
}

const partialRemedies: readonly RemedyId[] = ['context', 'cacheQ8', 'parallelOne', 'unloadOthers', 'smallerFile'];

/** What says where it failed before what only says that it did; among equals the first, since the others follow from it. */
function rootCause(failures: readonly FoundFailure[]): FoundFailure | undefined {
  const weights: readonly KnownFailure['weight'][] = ['specific', 'general', 'wrapper'];
  for (const weight of weights) {
    const found = failures.find(({ known }) => known.weight === weight);
    if (found) return found;
  }
  return undefined;
}

function causeOf({ known, line }: FoundFailure, facts: LoadFacts): Cause {
  const { id, title, isMemory, because, inVain } = known;
  const condition = known.condition && completed(known.condition(facts));
  const inequality = condition && hasNumbers(condition) ? conditionText(condition) : known.inequality;
  return {
    id,
    title,
    isMemory,
    ...(inequality ? { inequality } : {}),
    ...(condition ? { condition } : {}),
    because: typeof because === 'string' ? because : because(facts),
    ...(inVain ? { inVain } : {}),
    line,
  };
}

/** Where the parts that the log gives are not yet more than there was, the rest is said to be missing: an inequality that does not hold explains nothing. */
function completed(condition: Condition): Condition {
  const { need, have } = condition;
  const bytes = need.reduce((sum, part) => sum + (part.bytes ?? 0), 0);
  const isUnknown = have.bytes === undefined || need.some((part) => part.bytes === undefined);
  if (isUnknown || bytes > (have.bytes ?? 0)) return condition;
  return { need: [...need, { label: 'what the log does not say' }], have };
}

function hasNumbers({ need, have }: Condition): boolean {
  return [...need, have].some(({ bytes, tokens }) => bytes !== undefined || tokens !== undefined);
}

/** With another digit where both sides would read the same. */
export function conditionText({ need, have }: Condition): string {
  const bytes = need.reduce((sum, part) => sum + (part.bytes ?? 0), 0);
  const isClose = have.bytes !== undefined && memoryText(bytes) === memoryText(have.bytes);
  const text = (part: Amount) => amountText(part, isClose ? preciseText : memoryText);
  return `${need.map(text).join(' + ')} > ${text(have)}`;
}

function preciseText(bytes: number): string {
  const gibibytes = bytes / 1024 ** 3;
  return gibibytes >= 1 ? `${gibibytes.toFixed(2)} GiB` : `${(gibibytes * 1024).toFixed(1)} MiB`;
}

function amountText({ label, bytes, tokens }: Amount, sizeText: (bytes: number) => string): string {
  if (bytes !== undefined) return `${label} ${sizeText(bytes)}`;
  return tokens === undefined ? label : `${label} ${tokens.toLocaleString('en')} tokens`;
}

function remediesOf(ids: readonly RemedyId[], facts: LoadFacts): readonly Remedy[] {
  return ids.map((id) => remedyFor(id, facts)).filter((remedy) => remedy !== undefined);
}

function remarksOf(load: Load, failure: FoundFailure | undefined): string[] {
  const { facts, hints, recovered } = load;
  const remarks = hints
    .filter((hint) => hint !== failure)
    .map(({ known }) => `${known.title}${typeof known.because === 'string' ? `: ${known.because}` : ''}.`);
  if (recovered)
    remarks.push(`A first attempt failed (${recovered.known.title.toLowerCase()}); the server then went on with less.`);
  const { layers } = facts;
  if (layers && layers.onGpu < layers.all) {
    remarks.push(`${layers.onGpu} of ${layers.all} layers are on the GPU; the rest runs on the CPU, which is slow.`);
  }
  return remarks;
}

function isPartial({ facts, hints }: Load): boolean {
  const { layers } = facts;
  if (hints.some(({ known }) => known.id === 'ollama-no-layer')) return true;
  return layers !== undefined && layers.onGpu < layers.all && gpusOf(facts).length + facts.inventory.size > 0;
}

function described(facts: LoadFacts): Pick<Diagnosis, 'server' | 'version' | 'model' | 'gpu'> {
  const { server, version, model } = facts;
  const gpu = gpuMemory(facts).name;
  return {
    ...(server ? { server } : {}),
    ...(version ? { version } : {}),
    ...(model ? { model } : {}),
    ...(gpu ? { gpu } : {}),
  };
}

function figuresOf(facts: LoadFacts): readonly LogFigure[] {
  const { vllm, requested, leftBytes, layers, contextTokens, fileBytes } = facts;
  const { totalBytes, freeBytes } = gpuMemory(facts);
  const figures: LogFigure[] = [];
  const size = (label: string, bytes: number | undefined) => {
    if (bytes !== undefined) figures.push({ label, text: memoryText(bytes), bytes });
  };
  const text = (label: string, value: string | undefined) => {
    if (value !== undefined) figures.push({ label, text: value });
  };
  size('Memory of the GPU', totalBytes);
  size('Free before the load', freeBytes);
  size('Model file', fileBytes);
  size('Weights on the GPU', vllm.weightsBytes ?? partBytes(facts, 'weights'));
  const computed = vllm.weightsBytes === undefined ? checkpointOf(facts)?.bytes : undefined;
  if (computed !== undefined) {
    figures.push({
      label: 'Weights, by the model’s shape',
      text: memoryText(computed),
      bytes: computed,
      isComputed: true,
    });
  }
  size('Weights in RAM', hostPartBytes(facts, 'weights'));
  size('KV cache on the GPU', vllm.availableCacheBytes ?? partBytes(facts, 'cache'));
  size('KV cache in RAM', hostPartBytes(facts, 'cache'));
  size('KV cache that is needed', vllm.neededCacheBytes);
  size('Recurrent state', partBytes(facts, 'state'));
  size('Compute buffer', partBytes(facts, 'compute'));
  size('Activations', vllm.activationBytes);
  size('CUDA graphs', vllm.graphBytes);
  size('Process (not PyTorch)', vllm.nonTorchBytes);
  size('vLLM’s share', vllm.budgetBytes);
  size('In use when it failed', vllm.processBytes ?? vllm.allocatedBytes);
  size('Asked for when it failed', requested?.bytes);
  size('Free when it failed', leftBytes);
  size('Free RAM', facts.systemMemory?.freeBytes);
  text('Share (utilization)', vllm.utilization === undefined ? undefined : String(vllm.utilization));
  text('Context', tokensText(contextTokens));
  text('KV cache holds', tokensText(vllm.cacheTokens));
  text('Layers on the GPU', layers && `${layers.onGpu} of ${layers.all}`);
  text('KV cache type', facts.cacheType);
  return figures;
}

function tokensText(tokens: number | undefined): string | undefined {
  return tokens === undefined ? undefined : `${tokens.toLocaleString('en')} tokens`;
}
