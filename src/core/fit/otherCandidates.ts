import { ollamaFileType } from './catalogue.ts';
import type { Candidate } from './candidate.ts';
import { isFile } from './fitCommand.ts';
import type { FitModel, FitPlan, FitRequest, FitServer } from './fitRequest.ts';
import { shapeOnly } from './modelWeights.ts';
import { familyOf, modelOn, parametersOf, publishedAs, withoutDraft } from './otherModels.ts';
import { publishedModels } from './publishedModels.ts';
import { leanVllm } from './vllmCandidates.ts';

/** Ollama instead of vLLM, since it needs less and puts on the CPU what is too much; vLLM instead of Ollama, where there is a checkpoint in 4 bits. */
export function backendCandidates(request: FitRequest, plan: FitPlan): readonly Candidate[] {
  const { server, model } = request;
  const { contextTokens } = plan;
  const published = publishedAs(model);
  if (server.kind !== 'vllm') {
    const onVllm = published?.fourBit === undefined || isFile(model.name) ? undefined : modelOn('vllm', published);
    if (!onVllm || server.kind === 'llama-server') return [];
    return [
      {
        change: 'backend',
        request: { ...withoutDraft(request), model: onVllm, server: { kind: 'vllm', contextTokens } },
        fallbacks: leanVllm({ kind: 'vllm', contextTokens }).map((lean) => ({
          ...request,
          model: onVllm,
          server: lean,
        })),
        cost: 44,
        label: () => `vLLM with ${onVllm.name}`,
      },
    ];
  }
  const onOllama = published ? modelOn('ollama', published) : withoutCheckpoint(model);
  if (!onOllama) return [];
  return [
    {
      change: 'backend',
      request: { ...withoutDraft(request), model: onOllama, server: { kind: 'ollama', contextTokens } },
      cost: 40,
      label: ({ placement }) => `Ollama with ${onOllama.name}${placement ? placed(placement) : ''}`,
      mayBePartial: true,
    },
  ];
}

/** A model that is in no catalogue, as somebody else may have converted it. */
function withoutCheckpoint({ name, facts }: FitModel): FitModel | undefined {
  if (facts.doubts.length > 0) return undefined;
  const fileType = ollamaFileType(name);
  return { name: `${name.replace(/^.*\//, '')}-${fileType}.gguf`, facts: shapeOnly(facts), fileType };
}

function placed({ gpuLayers, layers, layersWithoutExperts }: NonNullable<FitPlan['placement']>): string {
  if (layersWithoutExperts > 0)
    return `, the experts of ${layersWithoutExperts} of ${layers - 1} layers in RAM: slow, but it runs`;
  return `, ${gpuLayers} of ${layers} layers on the GPU: slow, but it runs`;
}

/** Current models that are no larger, the same maker's first and the largest first. */
export function modelCandidates(request: FitRequest, plan: FitPlan): readonly Candidate[] {
  const { model, server } = request;
  const own = publishedAs(model);
  const limit = parametersOf(model.facts) * 1.05;
  const family = familyOf(own?.name ?? model.facts.name ?? model.name);
  const room = plan.total?.bytes ?? 0;
  const smaller = [...publishedModels.values()].flatMap((published) => {
    if (!published.isCurrent || published.name === own?.name) return [];
    const other = modelOn(server.kind, published);
    const parameters = other ? parametersOf(other.facts) : Infinity;
    // Less than four bits for each weight: no server has it so small.
    return other && parameters <= limit && parameters / 2 < room ? [{ other, published, parameters }] : [];
  });
  const ranked = smaller.sort((one, other) => other.parameters - one.parameters);
  return ranked.map(({ other, published }, index): Candidate => {
    const isRelated = familyOf(published.name) === family;
    const theirs = forOtherModel(server, plan.contextTokens);
    return {
      change: 'model',
      request: { ...withoutDraft(request), model: other, server: theirs },
      ...(theirs.kind === 'vllm'
        ? { fallbacks: leanVllm(theirs).map((lean) => ({ ...withoutDraft(request), model: other, server: lean })) }
        : {}),
      cost: (isRelated ? 41 : 46) + index / 100,
      group: isRelated ? 'models of the same maker' : 'other models',
      label: () => other.name,
    };
  });
}

/** The context of the plan, not the other model's default. */
function forOtherModel(server: FitServer, contextTokens: number): FitServer {
  return { ...server, contextTokens };
}

/** vLLM over the GPUs that are there; then as many of the same as nobody may have. */
export function gpuCandidates(request: FitRequest): readonly Candidate[] {
  const { server, gpus } = request;
  const [first] = gpus;
  if (!first) return [];
  const counts = [2, 4, 8];
  const here = server.kind === 'vllm' ? counts.filter((count) => count <= gpus.length) : [];
  const bought = counts.filter((count) => count > gpus.length && gpus.length === 1);
  const spread = (count: number): FitServer => (server.kind === 'vllm' ? { ...server, tensorParallel: count } : server);
  return [
    ...here
      .filter((count) => server.kind === 'vllm' && count > (server.tensorParallel ?? 1))
      .map((count): Candidate => ({
        change: 'gpus',
        request: { ...request, server: spread(count) },
        cost: 15 + count / 10,
        label: () => `Spread over ${count} GPUs`,
      })),
    ...bought.map((count): Candidate => ({
      change: 'gpus',
      request: { ...request, server: spread(count), gpus: Array.from({ length: count }, () => ({ ...first })) },
      cost: 80 + count / 10,
      label: () => `${count} × ${first.name}`,
    })),
  ];
}
