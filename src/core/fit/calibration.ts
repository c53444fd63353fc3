import { correctedParts, type CorrectedPart, type Corrections } from './corrections.ts';
import type { FitGpu, FitPlan, FitRequest, FitRow } from './fitRequest.ts';
import { isSameLoad, isSameProcess, keyFields, keyOf, type LoadKey } from './loadKey.ts';
import { poolCondition } from './plan.ts';
import { planFit } from './planFit.ts';

/**
 * What this machine's own loads really took, as differences to their plans, kept as plain data. Loads are alike that have the same key: what one of them took
 * beyond its plan is added to the plan of the next.
 */
export interface Calibrations {
  readonly version: 2;
  /** The newest last. */
  readonly entries: readonly Calibration[];
}

export interface Calibration extends Corrections {
  readonly key: LoadKey;
  /** The card's name, for people. */
  readonly on: string;
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
  /** All that the process holds, where not even its buffers are known. */
  readonly all?: number;
  /** What vLLM has for keys and values. */
  readonly pool?: number;
}

export const noCalibrations: Calibrations = { version: 2, entries: [] };

/** More loads than a machine has models and cards; the oldest go first. */
const mostEntries = 200;
const gibibyte = 1024 ** 3;

/**
 * The differences between a load and its plan, without corrections. Undefined where the plan has nothing to compare with, and for differences that are none of
 * the same thing: a server that counts only a part of what it loaded, a model that is partly in RAM.
 */
export function calibrationOf(
  request: FitRequest,
  gpu: Pick<FitGpu, 'id' | 'name'>,
  measured: MeasuredLoad,
  atMs: number,
): Calibration | undefined {
  const plan = planFit(request);
  if (gpu.id === undefined || plan.verdict === 'partial' || plan.verdict === 'unknown') return undefined;
  const bytes = differences(measured, plan);
  if (Object.keys(bytes).length === 0) return undefined;
  return { key: keyOf(request, plan.contextTokens, gpu.id), of: request.model.name, on: gpu.name, atMs, bytes };
}

function differences(measured: MeasuredLoad, plan: FitPlan): Partial<Record<CorrectedPart, number>> {
  const bytes: Partial<Record<CorrectedPart, number>> = {};
  for (const part of correctedParts) {
    const took = measured[part];
    const planned = plannedBytes(plan, part);
    if (took !== undefined && isPlausible(took, planned)) bytes[part] = took - planned;
  }
  const { buffers, all } = measured;
  const certain = plannedBytes(plan, 'weights') + plannedBytes(plan, 'cache') + plannedBytes(plan, 'state');
  const allBuffers = certain + plannedBytes(plan, 'encoder') + plannedBytes(plan, 'compute');
  // Weights and cache are known to the byte: what has less than those does not count all of it.
  const isWhole = (took: number, planned: number) => took >= 0.99 * certain && isPlausible(took, planned);
  if (buffers !== undefined && bytes.compute === undefined && isWhole(buffers, allBuffers))
    bytes.compute = buffers - allBuffers;
  const process = allBuffers + plannedBytes(plan, 'overhead');
  if (all !== undefined && bytes.overhead === undefined && isWhole(all, process)) bytes.overhead = all - process;
  return bytes;
}

function plannedBytes({ rows, conditions }: FitPlan, part: FitRow['part'] | 'pool'): number {
  if (part !== 'pool') return rows.find((row) => row.part === part)?.figure.bytes ?? 0;
  return conditions.find(({ name }) => name === poolCondition)?.have.bytes ?? 0;
}

function isPlausible(took: number, planned: number): boolean {
  return took >= 0 && Math.abs(took - planned) <= Math.max(gibibyte, planned / 10);
}

/** In place of an older one of the same key. */
export function withCalibration({ entries }: Calibrations, added: Calibration): Calibrations {
  const others = entries.filter(({ key }) => !isSameLoad(key, added.key));
  return { version: 2, entries: [...others, added].slice(-mostEntries) };
}

/** `of`: as its server calls it; undefined: all of them. */
export function withoutCalibrations({ entries }: Calibrations, of: string | undefined): Calibrations {
  return { version: 2, entries: of === undefined ? [] : entries.filter((one) => one.of !== of) };
}

/**
 * The plan, corrected by what loads like it took on this machine: all of it by a load of the same model, the process beside its buffers also by one of another.
 * One GPU only: of several it is not known which part is on which.
 */
export function planCalibrated(request: FitRequest, calibrations: Calibrations): FitPlan {
  const plan = planFit(request);
  const corrections = correctionsFor(request, plan.contextTokens, calibrations);
  return corrections ? planFit({ ...request, corrections }) : plan;
}

function correctionsFor(
  request: FitRequest,
  contextTokens: number,
  { entries }: Calibrations,
): Corrections | undefined {
  const [gpu, ...others] = request.gpus;
  if (gpu?.id === undefined || others.length > 0 || entries.length === 0) return undefined;
  const key = keyOf(request, contextTokens, gpu.id);
  const same = entries.findLast((one) => isSameLoad(one.key, key));
  if (same) return { atMs: same.atMs, of: same.of, bytes: same.bytes };
  // Of llama-server only all together is measured, so what the formula of the buffers is wrong by is in it: that is of one model alone.
  if (key.server === 'llama-server') return undefined;
  const alike = entries.findLast(({ key: other, bytes }) => isSameProcess(other, key) && bytes.overhead !== undefined);
  const overhead = alike?.bytes.overhead;
  if (alike === undefined || overhead === undefined) return undefined;
  return { atMs: alike.atMs, of: alike.of, bytes: { overhead }, isOfAnother: true };
}

/** From the text of a file. What is damaged, or of another version, is left out: the formulas hold without it. */
export function parseCalibrations(text: string): Calibrations {
  try {
    const file: unknown = JSON.parse(text);
    if (!isRecord(file) || file['version'] !== 2 || !Array.isArray(file['entries'])) return noCalibrations;
    return { version: 2, entries: file['entries'].filter(isCalibration).slice(-mostEntries) };
  } catch {
    return noCalibrations;
  }
}

function isCalibration(value: unknown): value is Calibration {
  if (!isRecord(value) || !isRecord(value['key']) || !isRecord(value['bytes'])) return false;
  const { key, bytes, atMs, of, on } = value;
  const isKey = keyFields.every((field) => typeof key[field] === (field === 'sequences' ? 'number' : 'string'));
  const sizes = Object.entries(bytes);
  const areSizes = sizes.every(
    ([part, size]) =>
      correctedParts.some((one) => one === part) && Number.isFinite(size) && Math.abs(Number(size)) < 1e13,
  );
  const areNames = typeof of === 'string' && typeof on === 'string';
  return isKey && areNames && areSizes && sizes.length > 0 && Number.isFinite(atMs) && Math.abs(Number(atMs)) < 8.64e15;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
