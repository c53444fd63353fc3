import type { GpuReading, GpuState } from '../gpu/gpuReading.ts';
import { cpuShare, isForwarded, leastCpuShare, type ServerUse } from '../gpu/serverUse.ts';
import type { LoadedModel } from '../clients/llmClient.ts';
import { calibrationOf, type Calibration, type MeasuredLoad } from './calibration.ts';
import type { LoadInLog } from './diagnosis/loadInLog.ts';
import type { FitGpu, FitModel, FitRequest } from './fitRequest.ts';
import type { OllamaEnvironment } from './ollamaEnvironment.ts';
import { planFit } from './planFit.ts';
import type { RunningServer } from './runningServer.ts';

/** A load that can be measured: one model of a server of this machine, alone on its only GPU. */
export type MeasurableLoad = OllamaLoad | OtherLoad;

export interface OllamaLoad {
  readonly backend: 'ollama';
  readonly model: LoadedModel & { readonly vramBytes: number; readonly contextWindowTokens: number };
  readonly gpu: MeasurableGpu;
}

export interface OtherLoad {
  readonly backend: 'vllm' | 'openai-compatible';
  /** Its address, with `/v1`. */
  readonly endpoint: string;
  readonly model: LoadedModel;
  readonly gpu: MeasurableGpu;
}

type MeasurableGpu = GpuState & { readonly totalBytes: number; readonly freeBytes: number };

export function measurableLoad(reading: GpuReading, server: ServerUse | undefined): MeasurableLoad | undefined {
  if (reading.state !== 'gpus' || !server?.isHere) return undefined;
  const [gpu, secondGpu] = reading.gpus;
  const [model, secondModel] = server.models;
  if (!gpu || secondGpu || gpu.isSplit || gpu.isUnified || isForwarded(server, reading.gpus)) return undefined;
  if (!model || secondModel || gpu.totalBytes === undefined || gpu.freeBytes === undefined) return undefined;
  const known = { ...gpu, totalBytes: gpu.totalBytes, freeBytes: gpu.freeBytes };
  const { backend, endpoint } = server;
  if (backend === 'vllm' || backend === 'openai-compatible') return { backend, endpoint, model, gpu: known };
  const { vramBytes, contextWindowTokens } = model;
  if (backend !== 'ollama' || !vramBytes || !contextWindowTokens) return undefined;
  if ((cpuShare(model) ?? 0) >= leastCpuShare) return undefined;
  return { backend, model: { ...model, vramBytes, contextWindowTokens }, gpu: known };
}

export interface DescribedModel {
  readonly model: FitModel;
  readonly version?: string;
}

/**
 * How the load differs from its plan: its buffers by the server's log where that tells them, else all together by `/api/ps`; the process beside them by what the
 * driver says that Ollama holds. Undefined: nothing of it can be compared, or its name was given to another model since it was loaded.
 */
export function observedCalibration(
  { model, gpu }: OllamaLoad,
  described: DescribedModel,
  logged: LoadInLog | undefined,
  atMs: number,
  environment: OllamaEnvironment = {},
): Calibration | undefined {
  const { digest } = described.model;
  if (digest !== undefined && model.digest !== undefined && digest !== model.digest) return undefined;
  const held = heldByOllama(gpu);
  const overhead = held === undefined ? undefined : held - model.vramBytes;
  const ofThisLoad = logged?.contextTokens === model.contextWindowTokens ? logged : undefined;
  const cacheType = quantizedType(ofThisLoad?.cacheType) ?? environment.cacheType;
  const parallel = ofThisLoad?.parallel ?? environment.parallel ?? 1;
  const request: FitRequest = {
    model: described.model,
    server: {
      kind: 'ollama',
      ...(described.version === undefined ? {} : { version: described.version }),
      contextTokens: model.contextWindowTokens,
      ...(parallel > 1 ? { parallel } : {}),
      ...(cacheType === undefined ? {} : { cacheType }),
      ...(environment.flashAttention === undefined ? {} : { flashAttention: environment.flashAttention }),
    },
    // As it was before the load.
    gpus: [idle(gpu, gpu.freeBytes + (held ?? model.vramBytes))],
  };
  const measured: MeasuredLoad = {
    ...(ofThisLoad?.load ?? { buffers: model.vramBytes }),
    ...(overhead !== undefined && overhead > 0 ? { overhead } : {}),
  };
  const isPlannedWhole = planFit(request).verdict !== 'partial';
  // Something has taken memory since then: all of it is on the GPU, as the server says.
  return calibrationOf(isPlannedWhole ? request : { ...request, gpus: [idle(gpu)] }, gpu, measured, atMs);
}

function idle({ name, totalBytes }: MeasurableGpu, freeBytes = totalBytes): FitGpu {
  return { name, totalBytes, freeBytes: Math.min(totalBytes, freeBytes) };
}

/** The same of a server that measured by itself, or that the driver tells of. */
export function runningCalibration(
  { gpu }: OtherLoad,
  { server, measured }: RunningServer,
  model: FitModel,
  atMs: number,
): Calibration | undefined {
  const took = measured(model);
  if (!took) return undefined;
  // What held less than all of the model left the rest on the CPU: it is planned in the room that there was.
  const room = took.all === undefined ? idle(gpu) : idle(gpu, gpu.freeBytes + took.all);
  return calibrationOf({ model, server, gpus: [room] }, gpu, took, atMs);
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
