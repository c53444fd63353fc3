import { BackendError } from '../core/clients/errors.ts';
import { ollamaTransport } from '../core/clients/ollamaApi.ts';
import { alternativesTo } from '../core/fit/alternatives.ts';
import { readFitModel } from '../core/fit/fitModels.ts';
import type { FitGpu, FitModel, FitRequest, FitServer } from '../core/fit/fitRequest.ts';
import { readOllamaModel } from '../core/fit/ollamaModel.ts';
import { shapeOnly } from '../core/fit/modelWeights.ts';
import { planFit } from '../core/fit/planFit.ts';
import { fitGpus } from '../core/gpu/fitGpus.ts';
import type { GpuReading } from '../core/gpu/gpuReading.ts';
import { createNodeGpuHost } from '../core/gpu/nodeGpuHost.ts';
import { readGpus } from '../core/gpu/readGpus.ts';
import type { CoreHost } from '../core/host.ts';
import { isLoopback } from '../core/util/loopback.ts';
import type { CommonOptions } from './arguments.ts';
import { exitCodes, type ExitCode } from './exitCodes.ts';
import type { FitOptions } from './fitArguments.ts';
import { fitText } from './fitText.ts';
import type { Output } from './output.ts';

/** What a model takes of the GPU, whether that fits, and what would instead. A model that does not start is a failure, as is one that cannot be read. */
export async function fit(
  options: FitOptions,
  common: CommonOptions,
  host: CoreHost,
  output: Output,
  signal: AbortSignal,
): Promise<ExitCode> {
  const { json } = common;
  const found = await findModel(options, common, host, signal);
  if (found.outcome === 'unusable') {
    const { problem, hint } = found;
    if (json) await output.line({ type: 'error', kind: 'modelFile', message: problem, hint });
    else output.note(`a2ia: ${problem}\n${hint}`);
    return exitCodes.failed;
  }
  const kind = options.kind ?? usualKind(found.model);
  const server = options.serverOf(kind, found.version);
  const gpus = options.gpus.length > 0 ? { gpus: options.gpus } : await ownGpus(kind, common, signal);
  const request: FitRequest = {
    model: asWanted(found.model, options),
    server,
    gpus: gpus.gpus,
    ...(options.freeRamBytes === undefined ? {} : { freeRamBytes: options.freeRamBytes }),
  };
  const plan = planFit(request);
  const alternatives = alternativesTo(request, plan);
  if (json) {
    const { name, fileType, scheme } = request.model;
    const shown = alternatives.map(({ change, label, plan: theirs }) => ({ change, label, plan: theirs }));
    await output.line({ model: { name, fileType, scheme }, server, gpus: request.gpus, plan, alternatives: shown });
  } else await output.text(fitText(request, plan, alternatives, gpus.note));
  return plan.verdict === 'fails' ? exitCodes.failed : exitCodes.finished;
}

type Found =
  | { readonly outcome: 'model'; readonly model: FitModel; readonly version?: string }
  | { readonly outcome: 'unusable'; readonly problem: string; readonly hint: string };

/** A running Ollama knows its own models best; what it does not know may be a file, an address or a name of the catalogue. */
async function findModel(
  { model, kind }: FitOptions,
  { settings }: CommonOptions,
  host: CoreHost,
  signal: AbortSignal,
): Promise<Found> {
  const isName = !/[\\]|\.gguf$|^\.{0,2}\/|^https?:/i.test(model);
  if (isName && (kind === undefined || kind === 'ollama')) {
    try {
      return await readOllamaModel(settings.ollamaUrl, ollamaTransport(settings, host), model, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof BackendError)) throw error;
      host.log.debug(`Ollama does not describe ${model}: ${error.message}`);
    }
  }
  return readFitModel(model, host, signal);
}

/** A file is for llama-server, a checkpoint for vLLM, and a name with a tag for Ollama, which is also what most people have. */
function usualKind({ name, facts, scheme }: FitModel): FitServer['kind'] {
  if (/\.gguf$/i.test(name)) return 'llama-server';
  if (facts.origin === 'config' || scheme !== undefined) return 'vllm';
  return /^[\w.-]+\/[\w.-]+$/.test(name) ? 'vllm' : 'ollama';
}

/** Another quantisation than that of the file: its tensors say nothing of it. */
function asWanted(model: FitModel, { quantization }: FitOptions): FitModel {
  if (quantization.fileType === undefined && quantization.scheme === undefined) return model;
  return { name: model.name, facts: shapeOnly(model.facts), ...quantization };
}

interface OwnGpus {
  readonly gpus: readonly FitGpu[];
  /** Why there are none. */
  readonly note?: string;
}

async function ownGpus(kind: FitServer['kind'], { settings }: CommonOptions, signal: AbortSignal): Promise<OwnGpus> {
  const url = kind === 'ollama' ? settings.ollamaUrl : kind === 'vllm' ? settings.vllmUrl : '';
  if (URL.canParse(url) && !isLoopback(new URL(url).hostname)) {
    const who = kind === 'vllm' ? 'vLLM' : 'Ollama';
    return {
      gpus: [],
      note: `${who} runs on another machine (${new URL(url).host}): say its GPU with --gpu or --vram.`,
    };
  }
  const reading = await readGpus(createNodeGpuHost(), signal);
  const gpus = reading.state === 'gpus' ? fitGpus(reading.gpus) : [];
  return gpus.length > 0 ? { gpus } : { gpus, note: `${words(reading)} Say one with --gpu or --vram.` };
}

function words(reading: GpuReading): string {
  switch (reading.state) {
    case 'gpus':
      return 'The GPU of this machine does not tell its memory.';
    case 'asleep':
      return 'The GPU of this machine is switched off, and is not woken for this.';
    case 'none':
    case 'failed':
      return reading.message;
  }
}
