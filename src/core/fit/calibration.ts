import { correctedParts, type CorrectedPart, type Corrections } from './corrections.ts';
import type { FitPlan, FitRequest } from './fitRequest.ts';
import { planFit } from './planFit.ts';

/**
 * What this machine's own loads really took, as differences to their plans, kept as plain data. Loads are alike that have the same key: what one of them took
 * beyond its plan is added to the plan of the next.
 */
export interface Calibrations {
  readonly version: 1;
  readonly entries: readonly Calibration[];
}

export interface Calibration extends Corrections {
  readonly key: LoadKey;
}

export interface LoadKey {
  readonly server: 'ollama' | 'llama-server' | 'vllm';
  /** Empty: not known. */
  readonly serverVersion: string;
  /** As the server lists it, with its tag. */
  readonly model: string;
  /** The driver's id of it. */
  readonly gpu: string;
  /** What the compute buffer depends on: the batch as it was given, else the range of contexts for which servers choose the same one. */
  readonly batch: string;
  readonly sequences: number;
  readonly cacheType: string;
}

/** What one load really took, on one GPU; bytes. What is not known is left out. */
export interface MeasuredLoad {
  readonly weights?: number;
  readonly compute?: number;
  readonly graphs?: number;
  /** The process beside its buffers. */
  readonly overhead?: number;
  /** All buffers together, where their parts are not known. */
  readonly buffers?: number;
}

export const noCalibrations: Calibrations = { version: 1, entries: [] };

/** More loads than a machine has models and cards; the oldest go first. */
const mostEntries = 200;
const gibibyte = 1024 ** 3;

/** `gpu` and `model` as the machine and the server identify them. */
export function keyOf(request: FitRequest, contextTokens: number, gpu: string, model: string): LoadKey {
  const { server } = request;
  const batch = server.kind === 'vllm' ? server.maxBatchedTokens : server.batchTokens;
  const sequences = server.kind === 'vllm' ? server.maxSequences : server.parallel;
  return {
    server: server.kind,
    serverVersion: versionOf(server),
    model: server.kind === 'ollama' ? tagged(model) : model,
    gpu,
    batch: batch === undefined ? rangeOf(contextTokens) : String(batch),
    sequences: sequences ?? 0,
    cacheType: server.cacheType ?? 'auto',
  };
}

/** Ollama lists a model with its tag, also where it was asked for without. */
function tagged(model: string): string {
  return model.includes(':') ? model : `${model}:latest`;
}

function versionOf(server: FitRequest['server']): string {
  if (server.kind === 'vllm') return server.version?.join('.') ?? '';
  return String((server.kind === 'ollama' ? server.version : server.build) ?? '');
}

/** Ollama takes 512 up to 4096 tokens, 1024 up to 32k, then 2048. */
function rangeOf(contextTokens: number): string {
  if (contextTokens <= 4096) return 'up to 4k';
  return contextTokens <= 32_768 ? 'up to 32k' : 'over 32k';
}

/**
 * The differences between a load and its plan, without corrections. Undefined where the plan has nothing to compare with, and for differences that are none of
 * the same thing: a server that counts only a part of what it loaded, a model that is partly in RAM.
 */
export function calibrationOf(
  key: LoadKey,
  measured: MeasuredLoad,
  plan: FitPlan,
  atMs: number,
): Calibration | undefined {
  if (plan.verdict === 'partial' || plan.verdict === 'unknown') return undefined;
  const planned = (part: string) => plan.rows.find((row) => row.part === part)?.figure.bytes ?? 0;
  const bytes: Partial<Record<CorrectedPart, number>> = {};
  for (const part of correctedParts) {
    const took = measured[part];
    if (took !== undefined && isPlausible(took, planned(part))) bytes[part] = took - planned(part);
  }
  const { buffers } = measured;
  if (buffers !== undefined && bytes.compute === undefined) {
    const certain = planned('weights') + planned('cache') + planned('state');
    const all = certain + planned('encoder') + planned('compute');
    // Weights and cache are known to the byte: what has less than those does not count all of it.
    if (buffers >= 0.99 * certain && isPlausible(buffers, all)) bytes.compute = buffers - all;
  }
  return Object.keys(bytes).length === 0 ? undefined : { key, atMs, bytes };
}

function isPlausible(took: number, planned: number): boolean {
  return took >= 0 && Math.abs(took - planned) <= Math.max(gibibyte, planned / 10);
}

/** In place of an older one of the same key. */
export function withCalibration({ entries }: Calibrations, added: Calibration): Calibrations {
  const others = entries.filter(({ key }) => !isSame(key, added.key));
  return { version: 1, entries: [...others, added].slice(-mostEntries) };
}

/** The request with what was measured of loads like it; as it was where none was. One GPU only: of several it is not known which part is on which. */
export function calibrated(request: FitRequest, calibrations: Calibrations, key: LoadKey): FitRequest {
  const found = request.gpus.length === 1 ? calibrations.entries.findLast((one) => isSame(one.key, key)) : undefined;
  return found ? { ...request, corrections: { atMs: found.atMs, bytes: found.bytes } } : request;
}

/** The plan, corrected by what loads like it took on this machine. `model`: as the server identifies it. */
export function planCalibrated(request: FitRequest, calibrations: Calibrations, model: string): FitPlan {
  const plan = planFit(request);
  const gpu = request.gpus[0]?.id;
  if (gpu === undefined || calibrations.entries.length === 0) return plan;
  const again = calibrated(request, calibrations, keyOf(request, plan.contextTokens, gpu, model));
  return again === request ? plan : planFit(again);
}

const keyFields = ['server', 'serverVersion', 'model', 'gpu', 'batch', 'sequences', 'cacheType'] as const;

function isSame(one: LoadKey, other: LoadKey): boolean {
  return keyFields.every((field) => one[field] === other[field]);
}

/** From the text of a file. What is damaged, or of another version, is left out: the formulas hold without it. */
export function parseCalibrations(text: string): Calibrations {
  try {
    const file: unknown = JSON.parse(text);
    if (!isRecord(file) || file['version'] !== 1 || !Array.isArray(file['entries'])) return noCalibrations;
    return { version: 1, entries: file['entries'].filter(isCalibration).slice(-mostEntries) };
  } catch {
    return noCalibrations;
  }
}

function isCalibration(value: unknown): value is Calibration {
  if (!isRecord(value) || !isRecord(value['key']) || !isRecord(value['bytes'])) return false;
  const { key, bytes, atMs } = value;
  const isKey = keyFields.every((field) => typeof key[field] === (field === 'sequences' ? 'number' : 'string'));
  const sizes = Object.entries(bytes);
  const areSizes = sizes.every(
    ([part, size]) =>
      correctedParts.some((one) => one === part) && Number.isFinite(size) && Math.abs(Number(size)) < 1e13,
  );
  return isKey && areSizes && sizes.length > 0 && Number.isFinite(atMs) && Math.abs(Number(atMs)) < 8.64e15;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
