import { BackendError } from '../core/clients/errors.ts';
import type { BackendRegistry } from '../core/clients/registry.ts';
import { ollamaTransport } from '../core/clients/ollamaApi.ts';
import { alternativesTo } from '../core/fit/alternatives.ts';
import { readFitModel } from '../core/fit/fitModels.ts';
import type { FitGpu, FitModel, FitPlan, FitRequest, FitServer, Unloading } from '../core/fit/fitRequest.ts';
import { readOllamaModel } from '../core/fit/ollamaModel.ts';
import { shapeOnly } from '../core/fit/modelWeights.ts';
import { machinePlanner } from '../core/fit/machinePlanner.ts';
import { environmentNotes } from '../core/fit/ollamaEnvironment.ts';
import { noCalibrations, planCalibrated } from '../core/fit/calibration.ts';
import { planFit, type Planner } from '../core/fit/planFit.ts';
import { planTogether, type TogetherPlan } from '../core/fit/planTogether.ts';
import { vllmVersionNamed } from '../core/fit/vllmVersion.ts';
import { roomsFor } from '../core/gpu/fitGpus.ts';
import type { CoreHost } from '../core/host.ts';
import type { CommonOptions } from './arguments.ts';
import { exitCodes, type ExitCode } from './exitCodes.ts';
import type { FitOptions } from './fitArguments.ts';
import { fitText, togetherText } from './fitText.ts';
import type { Output } from './output.ts';
import { readOwnMachine, type OwnMachine } from './ownMachine.ts';

/** What a model takes of the GPU, whether that fits, and what would instead. A model that does not start is a failure, as is one that cannot be read. */
export async function fit(
  options: FitOptions,
  common: CommonOptions,
  host: CoreHost,
  registry: BackendRegistry,
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
  const own = options.gpus.length > 0 ? undefined : await readOwnMachine(kind, common.settings, registry, signal);
  const requestFor = ({ model, version }: FoundModel): FitRequest => ({
    model: asWanted(model, options),
    server: asRunning(options.serverOf(options.kind ?? usualKind(model), version), model, own),
    gpus: own?.gpus ?? options.gpus,
    ...(options.freeRamBytes === undefined ? {} : { freeRamBytes: options.freeRamBytes }),
  });
  const request = { ...requestFor(first), ...(draft ? { draft } : {}) };
  const planner = own ? machinePlanner(own) : planFit;
  const show = (shown: FitRequest, plan: FitPlan) => print(shown, { plan, own, planner }, common, output);
  if (!beside) {
    const plan = planner(request);
    await show(request, plan);
    return plan.verdict === 'fails' ? exitCodes.failed : exitCodes.finished;
  }
  const { together, requests, unloading } = planBoth([request, requestFor(beside)], own);
  for (const [index, plan] of together.plans.entries()) {
    const planned = requests[index];
    if (planned) await show(planned, plan);
  }
  const { verdict, needed, explanation } = together;
  if (common.json) await output.line({ type: 'together', verdict, needed, explanation, unloading });
  else await output.text(togetherText(together, unloading));
  return verdict === 'fails' ? exitCodes.failed : exitCodes.finished;
}

interface Both {
  readonly together: TogetherPlan;
  readonly requests: readonly FitRequest[];
  readonly unloading?: Unloading;
}

/** Beside what Ollama has loaded, else in place of it where it unloads that by itself. */
function planBoth(requests: readonly FitRequest[], own: OwnMachine | undefined): Both {
  const planner: Planner = (one) => planCalibrated(one, own?.calibrations ?? noCalibrations);
  const on = (gpus: readonly FitGpu[]): Both => {
    const placed = requests.map((one) => ({ ...one, gpus }));
    return { together: planTogether(placed, planner), requests: placed };
  };
  if (!own?.cards || requests.some(({ server }) => server.kind !== 'ollama'))
    return { together: planTogether(requests, planner), requests };
  const { beside, alone, others } = roomsFor(
    requests.map(({ model }) => model.name),
    own.cards,
    own.loaded,
  );
  const now = on(beside);
  if (now.together.verdict === 'fits' || others.length === 0) return now;
  return { ...on(alone), unloading: { models: others, by: 'server' } };
}

interface Printed {
  readonly plan: FitPlan;
  readonly own: OwnMachine | undefined;
  readonly planner: Planner;
}

async function print(
  request: FitRequest,
  { plan: made, own, planner }: Printed,
  { json }: CommonOptions,
  output: Output,
): Promise<void> {
  const plan = { ...made, doubts: [...made.doubts, ...notesOf(request, own)] };
  const alternatives = alternativesTo(request, plan, planner);
  if (!json) return output.text(fitText(request, plan, alternatives, own?.note));
  const { name, fileType, scheme } = request.model;
  const shown = alternatives.map(({ change, label, plan: theirs }) => ({ change, label, plan: theirs }));
  const { server, gpus } = request;
  return output.line({ model: { name, fileType, scheme }, server, gpus, plan, alternatives: shown });
}

/** What was not said on the command line, and the server of this machine was told: by its environment, or by who loaded the model. */
function asRunning(server: FitServer, { name }: FitModel, own: OwnMachine | undefined): FitServer {
  if (server.kind === 'vllm' && server.version === undefined) {
    const last = own?.calibrations.entries.findLast(({ key }) => key.server === 'vllm')?.key.serverVersion;
    const version = last === undefined ? undefined : vllmVersionNamed(last);
    return version ? { ...server, version } : server;
  }
  if (server.kind !== 'ollama') return server;
  const contextTokens = own?.loaded.find(({ id }) => id === name || id === `${name}:latest`)?.contextWindowTokens;
  const running = { ...own?.environment, ...(contextTokens === undefined ? {} : { contextTokens }) };
  const version = own?.version === undefined ? {} : { version: own.version };
  return { ...version, ...running, ...server, ...(Object.keys(running).length === 0 ? {} : { running }) };
}

function notesOf({ server, model: { name } }: FitRequest, own: OwnMachine | undefined): readonly string[] {
  if (server.kind !== 'ollama' || !own?.cards) return [];
  const now = own.loaded.find(({ id }) => id === name || id === `${name}:latest`)?.contextWindowTokens;
  return environmentNotes(own.environment, now === server.contextTokens ? now : undefined);
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
