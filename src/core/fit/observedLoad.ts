import type { GpuReading, GpuState } from '../gpu/gpuReading.ts';
import { isForwarded, type ServerUse } from '../gpu/serverUse.ts';
import type { LoadedModel } from '../clients/llmClient.ts';
import { calibrationOf, keyOf, type Calibration, type MeasuredLoad } from './calibration.ts';
import type { LoadInLog } from './diagnosis/loadInLog.ts';
import type { FitModel, FitRequest } from './fitRequest.ts';
import { planFit } from './planFit.ts';

/** A load that can be measured: one model of the Ollama of this machine, alone on its only GPU. */
export interface MeasurableLoad {
  readonly model: LoadedModel & { readonly vramBytes: number; readonly contextWindowTokens: number };
  readonly gpu: GpuState & { readonly totalBytes: number; readonly freeBytes: number };
}

export function measurableLoad(reading: GpuReading, server: ServerUse | undefined): MeasurableLoad | undefined {
  if (reading.state !== 'gpus' || !server || server.backend !== 'ollama' || !server.isHere) return undefined;
  const [gpu, secondGpu] = reading.gpus;
  const [model, secondModel] = server.models;
  if (!gpu || secondGpu || gpu.isSplit || gpu.isUnified || isForwarded(server, reading.gpus)) return undefined;
  if (!model || secondModel || !model.vramBytes || !model.contextWindowTokens) return undefined;
  if (gpu.totalBytes === undefined || gpu.freeBytes === undefined) return undefined;
  const { vramBytes, contextWindowTokens } = model;
  const { totalBytes, freeBytes } = gpu;
  return { model: { ...model, vramBytes, contextWindowTokens }, gpu: { ...gpu, totalBytes, freeBytes } };
}

/**
 * How the load differs from its plan: its buffers by the server's log where that tells them, else all together by `/api/ps`; the process beside them by what the
 * driver says that Ollama holds. Undefined: nothing of it can be compared.
 */
export function observedCalibration(
  { model, gpu }: MeasurableLoad,
  described: { readonly model: FitModel; readonly version?: string },
  logged: LoadInLog | undefined,
  atMs: number,
): Calibration | undefined {
  const held = heldByOllama(gpu);
  const overhead = held === undefined ? undefined : held - model.vramBytes;
  const ofThisLoad = logged?.contextTokens === model.contextWindowTokens ? logged : undefined;
  const cacheType = quantizedType(ofThisLoad?.cacheType);
  const request: FitRequest = {
    model: described.model,
    server: {
      kind: 'ollama',
      ...(described.version === undefined ? {} : { version: described.version }),
      contextTokens: model.contextWindowTokens,
      ...(ofThisLoad && ofThisLoad.parallel > 1 ? { parallel: ofThisLoad.parallel } : {}),
      ...(cacheType === undefined ? {} : { cacheType }),
    },
    // As it was before the load.
    gpus: [{ name: gpu.name, totalBytes: gpu.totalBytes, freeBytes: gpu.freeBytes + (held ?? model.vramBytes) }],
  };
  const measured: MeasuredLoad = {
    ...(ofThisLoad?.load ?? { buffers: model.vramBytes }),
    ...(overhead !== undefined && overhead > 0 ? { overhead } : {}),
  };
  const key = keyOf(request, model.contextWindowTokens, gpu.id, model.id);
  return calibrationOf(key, measured, planFit(request), atMs);
}

/** Undefined where the driver does not tell what a process holds (Windows, WSL, containers). */
function heldByOllama({ processes }: GpuState): number | undefined {
  const sizes = processes.filter(({ name }) => name === 'Ollama').map(({ usedBytes }) => usedBytes);
  const known = sizes.filter((bytes) => bytes !== undefined);
  return known.length === 0 || known.length < sizes.length ? undefined : known.reduce((sum, bytes) => sum + bytes, 0);
}

/** What somebody has asked for: 16 bits are what everybody gets. */
function quantizedType(type: string | undefined): 'q8_0' | 'q4_0' | undefined {
  return type === 'q8_0' || type === 'q4_0' ? type : undefined;
}
