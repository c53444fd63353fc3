import { BackendError } from '../core/clients/errors.ts';
import { ollamaTransport } from '../core/clients/ollamaApi.ts';
import { alternativesTo } from '../core/fit/alternatives.ts';
import { readFitModel } from '../core/fit/fitModels.ts';
import type { FitGpu, FitModel, FitPlan, FitRequest, FitServer } from '../core/fit/fitRequest.ts';
import { readOllamaModel } from '../core/fit/ollamaModel.ts';
import { shapeOnly } from '../core/fit/modelWeights.ts';
import { planFit } from '../core/fit/planFit.ts';
import { planTogether } from '../core/fit/planTogether.ts';
import { fitGpus } from '../core/gpu/fitGpus.ts';
import type { GpuReading } from '../core/gpu/gpuReading.ts';
import { createNodeGpuHost } from '../core/gpu/nodeGpuHost.ts';
import { readGpus } from '../core/gpu/readGpus.ts';
import type { CoreHost } from '../core/host.ts';
import { isLoopback } from '../core/util/loopback.ts';
import type { CommonOptions } from './arguments.ts';
import { exitCodes, type ExitCode } from './exitCodes.ts';
import type { FitOptions } from './fitArguments.ts';
import { fitText, togetherText } from './fitText.ts';
import type { Output } from './output.ts';

/** What a model takes of the GPU, whether that fits, and what would instead. A model that does not start is a failure, as is one that cannot be read. */
export async function fit(
  options: FitOptions,
  common: CommonOptions,
  host: CoreHost,
  output: Output,
  signal: AbortSignal,
): Promise<ExitCode> {
  const names = [
    options.model,
    ...(options.draft === undefined ? [] : [options.draft]),
    ...(options.beside === undefined ? [] : [options.beside]),
  ];
  const found: FoundModel[] = [];
  for (const name of names) {
    const one = await findModel(name, options.kind, common, host, signal);
    if (one.outcome === 'unusable') return refused(one, common, output);
    found.push(one);
  }
  const [first] = found;
  if (!first) return exitCodes.failed;
  const beside = options.beside === undefined ? undefined : found.at(-1);
  const draft = options.draft === undefined ? undefined : found[1]?.model;
  const kind = options.kind ?? usualKind(first.model);
  const gpus = options.gpus.length > 0 ? { gpus: options.gpus } : await ownGpus(kind, common, signal);
  const requestFor = ({ model, version }: FoundModel): FitRequest => ({
    model: asWanted(model, options),
    server: options.serverOf(options.kind ?? usualKind(model), version),
    gpus: gpus.gpus,
    ...(options.freeRamBytes === undefined ? {} : { freeRamBytes: options.freeRamBytes }),
  });
  const request = { ...requestFor(first), ...(draft ? { draft } : {}) };
  if (!beside) {
    const plan = planFit(request);
    await print(request, plan, gpus.note, common, output);
    return plan.verdict === 'fails' ? exitCodes.failed : exitCodes.finished;
  }
  const requests = [request, requestFor(beside)];
  const together = planTogether(requests);
  for (const [index, plan] of together.plans.entries()) {
    const planned = requests[index];
    if (planned) await print(planned, plan, gpus.note, common, output);
  }
  const { verdict, needed, explanation } = together;
  if (common.json) await output.line({ type: 'together', verdict, needed, explanation });
  else await output.text(togetherText(together));
  return verdict === 'fails' ? exitCodes.failed : exitCodes.finished;
}

async function print(
  request: FitRequest,
  plan: FitPlan,
  note: string | undefined,
  { json }: CommonOptions,
  output: Output,
): Promise<void> {
  const alternatives = alternativesTo(request, plan);
  if (!json) return output.text(fitText(request, plan, alternatives, note));
  const { name, fileType, scheme } = request.model;
  const shown = alternatives.map(({ change, label, plan: theirs }) => ({ change, label, plan: theirs }));
  const { server, gpus } = request;
  return output.line({ model: { name, fileType, scheme }, server, gpus, plan, alternatives: shown });
}

async function refused(
  { problem, hint }: Extract<Found, { outcome: 'unusable' }>,
  { json }: CommonOptions,
  output: Output,
): Promise<ExitCode> {
  if (json) await output.line({ type: 'error', kind: 'modelFile', message: problem, hint });
  else output.note(`a2ia: ${problem}\n${hint}`);
  return exitCodes.failed;
}

interface FoundModel {
  readonly outcome: 'model';
  readonly model: FitModel;
  readonly version?: string;
}

type Found = FoundModel | { readonly outcome: 'unusable'; readonly problem: string; readonly hint: string };

/** A running Ollama knows its own models best; what it does not know may be a file, an address or a name of the catalogue. */
async function findModel(
  model: string,
  kind: FitServer['kind'] | undefined,
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
