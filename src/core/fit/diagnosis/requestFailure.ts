import { fitGpus } from '../../gpu/fitGpus.ts';
import { createNodeGpuHost } from '../../gpu/nodeGpuHost.ts';
import type { GpuReading } from '../../gpu/gpuReading.ts';
import { readGpus } from '../../gpu/readGpus.ts';
import type { BackendError } from '../../clients/errors.ts';
import type { BackendId } from '../../clients/llmClient.ts';
import { isLoopback } from '../../util/loopback.ts';
import { diagnose, explainLog, type Diagnosis } from './diagnosis.ts';
import { causeSentence } from './explanationText.ts';
import type { ServerKind } from './loadFacts.ts';
import { MemoryFailure } from './memoryFailure.ts';
import { plannedDiagnosis } from './plannedDiagnosis.ts';
import { nodeServerLogHost, ollamaLog, type LogTail } from './serverLog.ts';

/** A request that failed, and who was asked for what. */
export interface FailedRequest {
  readonly error: BackendError;
  readonly backend: BackendId;
  readonly endpoint: string;
  readonly model: string;
  /** What Ollama was asked for; absent: its own. */
  readonly contextTokens?: number;
}

/** What is looked at of this machine, for a server that runs on it. */
export interface FailureSources {
  /** The end of its log, if anything was written into it lately. */
  serverLog(signal: AbortSignal): Promise<LogTail | undefined>;
  gpus(signal: AbortSignal): Promise<GpuReading>;
}

/** Nobody waits longer for a reason. */
const limitMs = 3000;
/** A load may take minutes, and the log of a busy server is written all the time. */
const recentMs = 10 * 60_000;

const serverOf: Partial<Record<BackendId, ServerKind>> = {
  ollama: 'ollama',
  vllm: 'vllm',
  'openai-compatible': 'llama.cpp',
};

/**
 * The same failure with its reason, if it was for want of memory: by the server's own words, else by its log, else by the model's shape and what is free. Any
 * other failure, and one of which no more is found, as it was. Never rejects.
 */
export async function withReason(
  request: FailedRequest,
  sources: FailureSources,
  signal: AbortSignal,
): Promise<BackendError> {
  const { error } = request;
  try {
    const diagnosis = await memoryDiagnosis(request, sources, AbortSignal.any([signal, AbortSignal.timeout(limitMs)]));
    return diagnosis ? memoryFailure(error, diagnosis) : error;
  } catch {
    // The reason is an extra: whatever is in its way, the failure itself is told.
    return error;
  }
}

async function memoryDiagnosis(
  request: FailedRequest,
  sources: FailureSources,
  signal: AbortSignal,
): Promise<Diagnosis | undefined> {
  const { error, backend, model, contextTokens } = request;
  const server = serverOf[backend];
  if (!server || !suspiciousKinds.has(error.kind)) return undefined;
  const said = error.serverMessage === undefined ? undefined : onlyMemory(diagnose(error.serverMessage, server));
  const isHere = URL.canParse(request.endpoint) && isLoopback(new URL(request.endpoint).hostname);
  if (hasNumbers(said) || backend !== 'ollama' || !isHere) return said;
  const logged = await diagnosisOfLog(sources, signal);
  if (hasNumbers(logged)) return logged;
  const known = logged ?? said;
  // A connection that broke is no sign of want of memory by itself.
  if (!known && error.kind !== 'outOfMemory') return undefined;
  const reading = await sources.gpus(signal);
  const gpus = reading.state === 'gpus' ? reading.gpus : [];
  const planned = plannedDiagnosis(
    model,
    { kind: 'ollama', ...(contextTokens === undefined ? {} : { contextTokens }) },
    fitGpus(gpus),
  );
  return planned ?? known;
}

/** A load that dies takes the connection along, and some only say that it ended. */
const suspiciousKinds: ReadonlySet<BackendError['kind']> = new Set([
  'outOfMemory',
  'loadFailed',
  'streamCut',
  'truncated',
  'serverError',
]);

/** Only of a load that is the last in it: what failed before was another request's. */
async function diagnosisOfLog(sources: FailureSources, signal: AbortSignal): Promise<Diagnosis | undefined> {
  const tail = await sources.serverLog(signal);
  if (!tail) return undefined;
  const { diagnosis } = explainLog([tail.text], 'ollama');
  return diagnosis?.isSettled ? undefined : onlyMemory(diagnosis);
}

function onlyMemory(diagnosis: Diagnosis | undefined): Diagnosis | undefined {
  return diagnosis?.outcome === 'failed' && diagnosis.cause?.isMemory ? diagnosis : undefined;
}

function hasNumbers(diagnosis: Diagnosis | undefined): boolean {
  const condition = diagnosis?.cause?.condition;
  return (
    condition !== undefined &&
    condition.have.bytes !== undefined &&
    condition.need.some(({ bytes }) => bytes !== undefined)
  );
}

function memoryFailure(error: BackendError, diagnosis: Diagnosis): MemoryFailure {
  const [remedy] = diagnosis.remedies;
  return new MemoryFailure(
    error,
    { message: causeSentence(diagnosis) ?? error.message, hint: remedy?.text.replaceAll('`', '') ?? error.hint },
    { diagnosis, relevantLines: [] },
  );
}

/** The log and the GPUs of this machine. */
export function machineSources(): FailureSources {
  const gpuHost = createNodeGpuHost({ limitMs: 2000 });
  const logHost = nodeServerLogHost((...asked) => gpuHost.run(...asked));
  return {
    serverLog: (signal) => ollamaLog(logHost, signal, recentMs),
    gpus: (signal) => readGpus(gpuHost, signal),
  };
}
