// `npm run gpu-compatibility`: writes docs/gpu-compatibility.md from what the planner says.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { alternativesTo } from '../src/core/fit/alternatives.ts';
import { memoryText, tokensText } from '../src/core/fit/bytesText.ts';
import type { FitGpu, FitModel, FitPlan, FitRequest, FitServer } from '../src/core/fit/fitRequest.ts';
import { cudaBytesOfCard } from '../src/core/fit/gpus.ts';
import { modelNamed } from '../src/core/fit/modelNames.ts';
import { modelOn, parametersOf } from '../src/core/fit/otherModels.ts';
import { planFit } from '../src/core/fit/planFit.ts';
import { publishedModels } from '../src/core/fit/publishedModels.ts';
import { table } from './lib/markdownTable.ts';

export const gpuCompatibilityFile = path.join(import.meta.dirname, '..', 'docs', 'gpu-compatibility.md');

const mebibyte = 1024 ** 2;
const gibibyte = 1024 ** 3;

const cards: readonly (readonly [size: string, card: string, alike: string])[] = [
  ['4 GB', 'NVIDIA GeForce RTX 3050 4GB', 'RTX 3050 Laptop, GTX 1650'],
  ['6 GB', 'NVIDIA GeForce RTX 4050 Laptop GPU', 'RTX 4050 Laptop, RTX 3060 Laptop, RTX 2060'],
  ['8 GB', 'NVIDIA GeForce RTX 4060', 'RTX 4060, RTX 3070, RTX 2080'],
  ['12 GB', 'NVIDIA GeForce RTX 3060', 'RTX 3060, RTX 3500 Ada Laptop, RTX 4070, RTX 5070'],
  ['16 GB', 'NVIDIA GeForce RTX 4080', 'RTX 4080, RTX 4060 Ti 16GB, RTX 5080'],
  ['24 GB', 'NVIDIA GeForce RTX 4090', 'RTX 4090, RTX 3090, RTX A5000'],
  ['32 GB', 'NVIDIA GeForce RTX 5090', 'RTX 5090'],
  ['48 GB', 'NVIDIA RTX 6000 Ada Generation', 'RTX 6000 Ada, RTX A6000, L40S'],
  ['80 GB', 'NVIDIA H100 80GB', 'H100, A100 80GB'],
];

const models: readonly string[] = [
  'llama-3.2-3b',
  'phi-3-mini-128k',
  'mistral-7b-v0.3',
  'qwen2.5-7b',
  'llama-3.1-8b',
  'qwen3-8b',
  'gemma-3-12b',
  'qwen3-14b',
  'gpt-oss-20b',
  'mistral-small-3.2-24b',
  'qwen3-coder-30b-a3b',
  'qwen2.5-32b',
  'mixtral-8x7b',
  'llama-3.3-70b',
  'gpt-oss-120b',
];

/** A screen with little on it, as on most machines where a model is run. */
const inUseBytes = 300 * mebibyte;
const ollama: FitServer = { kind: 'ollama' };
/** For one person: sixteen requests at once take little of the memory that vLLM otherwise plans for 256. */
const vllm: FitServer = { kind: 'vllm', maxSequences: 16, utilization: 0.9 };

function gpuNamed(name: string, usedBytes = inUseBytes): FitGpu {
  const totalBytes = cudaBytesOfCard(name);
  if (totalBytes === undefined) throw new Error(`The memory of ${name} is not known.`);
  return { name, totalBytes, freeBytes: totalBytes - usedBytes };
}

interface Cell {
  readonly text: string;
  readonly command?: string;
  readonly contextTokens?: number;
}

/** The largest context that is known to stay on the GPU; where there is none, what becomes of the model. */
function cellOf(model: FitModel | undefined, server: FitServer, gpu: FitGpu): Cell {
  if (!model) return { text: 'not published for it' };
  const request: FitRequest = { model, server, gpus: [gpu] };
  const plan = planFit(request);
  const largest = plan.largestContextTokens;
  if (largest !== undefined && largest >= 1024) {
    const planned = planFit({ ...request, server: { ...server, contextTokens: largest } });
    const isSure = planned.verdict === 'fits';
    return {
      text: isSure ? tokensText(largest) : `${tokensText(largest)}, tight`,
      command: planned.command,
      contextTokens: largest,
    };
  }
  const { placement, verdict } = plan;
  if (verdict === 'tight') return { text: 'tight' };
  return { text: verdict === 'partial' && placement ? onCpuText(placement) : 'no' };
}

function onCpuText({ gpuLayers, layers, layersWithoutExperts }: NonNullable<FitPlan['placement']>): string {
  // What is missing is room for the rest: the picture encoder, or the reserve.
  if (gpuLayers === layers && layersWithoutExperts === 0) return 'tight';
  const inRam = layersWithoutExperts > 0 ? `, experts of ${layersWithoutExperts} in RAM` : '';
  return `${gpuLayers} of ${layers} layers${inRam}`;
}

function published(name: string, kind: FitServer['kind']): FitModel | undefined {
  const entry = publishedModels.get(name);
  return entry && modelOn(kind, entry);
}

export function gpuCompatibilityPage(): string {
  return `${[
    '# Which model runs on which card',
    'Written by `npm run gpu-compatibility` from what the planner says; do not edit.',
    introduction(),
    '## By the memory of the card',
    recommendations(),
    '## Ollama: the largest context',
    matrix('ollama', ollama),
    '## vLLM: the largest context',
    matrix('vllm', vllm),
    '## The commands',
    ...cards.map(([size, card, alike]) => cardSection(size, alike, gpuNamed(card))),
    '## Five runs that failed, and why',
    ...postmortem(),
  ].join('\n\n')}\n`;
}

function introduction(): string {
  return [
    'Each cell is the longest context with which the model stays on the card, up to the one it was made for, when nothing but a screen uses the card (300 MiB). “Tight” depends on what was not known. Ollama puts the layers that do not fit on the CPU: how many are left on the GPU is said instead. vLLM does not start (“no”).',
    'Ollama 0.33 with the file type of its library, in most cases Q4_K_M, and a KV cache of 16 bits: `OLLAMA_FLASH_ATTENTION=1 OLLAMA_KV_CACHE_TYPE=q8_0` nearly doubles the context. vLLM 0.29 with a checkpoint in 4 bits where one is published, else in 16, at a utilization of 0.9 and with 16 requests at once. Your own card and what is free on it: **A2IA: Plan a Model**, or `a2ia fit MODEL`.',
    'How far the figures are off is in [accuracy.md](accuracy.md).',
  ].join('\n\n');
}

/** The largest model that has a useful context, of those worth a proposal. */
function recommendations(): string {
  const usefulTokens = 16_384;
  const proposed = [...publishedModels.values()].filter(({ isCurrent }) => isCurrent);
  const best = (server: FitServer, gpu: FitGpu): string => {
    const fitting = proposed.flatMap((entry) => {
      const model = modelOn(server.kind, entry);
      const cell = cellOf(model, server, gpu);
      const isUseful = model && (cell.contextTokens ?? 0) >= usefulTokens && !cell.text.includes('tight');
      return isUseful ? [{ model, cell, parameters: parametersOf(model.facts) }] : [];
    });
    fitting.sort((one, other) => other.parameters - one.parameters);
    return fitting
      .slice(0, 3)
      .map(({ model, cell }) => `${model.name} (${cell.text})`)
      .join(', ');
  };
  return [
    'The three largest models of today that keep at least 16k of context on the card, with their largest context:',
    table(
      ['Card', 'Ollama', 'vLLM'],
      cards.map(([size, card]) => {
        const gpu = gpuNamed(card);
        return [size, best(ollama, gpu) || '–', best(vllm, gpu) || '–'];
      }),
    ),
  ].join('\n\n');
}

function matrix(kind: FitServer['kind'], server: FitServer): string {
  return table(
    ['Model', ...cards.map(([size]) => size)],
    models.map((name) => {
      const model = published(name, kind);
      return [model?.name ?? name, ...cards.map(([, card]) => cellOf(model, server, gpuNamed(card)).text)];
    }),
  );
}

function cardSection(size: string, alike: string, gpu: FitGpu): string {
  const rows = models.flatMap((name) =>
    (
      [
        ['ollama', ollama],
        ['vllm', vllm],
      ] as const
    ).flatMap(([kind, server]) => {
      const cell = cellOf(published(name, kind), server, gpu);
      return cell.command === undefined
        ? []
        : [[kind === 'ollama' ? 'Ollama' : 'vLLM', cell.text, inLine(cell.command)]];
    }),
  );
  return `### ${size}\n\n${alike}: ${memoryText(gpu.totalBytes)} for a process.\n\n${table(['Server', 'Context', 'Command'], rows)}`;
}

/** In Ollama the context is set where one types. */
function inLine(command: string): string {
  return command
    .split('\n')
    .map((line) => `\`${line}\``)
    .join(', then ');
}

interface FailedRun {
  readonly title: string;
  readonly model: string;
  readonly server: FitServer;
  readonly note?: string;
}

const then: Extract<FitServer, { kind: 'vllm' }> = { kind: 'vllm', version: [0, 11] };
const failedRuns: readonly FailedRun[] = [
  { title: 'Mixtral 8x7B, AWQ', model: 'TheBloke/Mixtral-8x7B-Instruct-v0.1-AWQ', server: then },
  {
    title: 'Mistral 7B, 16 bits',
    model: 'mistralai/Mistral-7B-Instruct-v0.3',
    server: { ...then, contextTokens: 4096, maxSequences: 1 },
  },
  {
    title: 'Mistral 7B, 16 bits, with CPU offload',
    model: 'mistralai/Mistral-7B-Instruct-v0.3',
    server: { ...then, contextTokens: 2048, maxSequences: 1 },
    note: 'offload',
  },
  {
    title: 'Mistral 7B, 16 bits, at a utilization of 0.6',
    model: 'mistralai/Mistral-7B-Instruct-v0.3',
    server: { ...then, contextTokens: 2048, utilization: 0.6 },
    note: 'A lower utilization makes the budget smaller. It never helps a model that is too large.',
  },
  {
    title: 'Phi-3 Mini, 16 bits, at the same utilization',
    model: 'microsoft/Phi-3-mini-4k-instruct',
    server: { ...then, contextTokens: 4096, utilization: 0.6 },
  },
];

const failedCard: FitGpu = {
  name: 'NVIDIA RTX 3500 Ada Generation Laptop GPU',
  totalBytes: 11.6 * gibibyte,
  freeBytes: 11.1 * gibibyte,
};

function postmortem(): readonly string[] {
  return [
    `A team tried these on an RTX 3500 Ada Laptop: ${memoryText(failedCard.totalBytes)} for a process, ${memoryText(failedCard.freeBytes ?? 0)} free, vLLM 0.11. All ended out of memory, while Ollama ran. The card is not to blame: 7B in 16 bits is too large for any card of 12 GB, and in 4 bits it fits all of them.`,
    ...failedRuns.map(failedRunSection),
    phi3Section(),
  ];
}

function requestOf({ model: name, server }: FailedRun): FitRequest {
  const model = modelNamed(name);
  if (!model) throw new Error(`The catalogue does not have ${name}.`);
  return { model, server, gpus: [failedCard] };
}

function failedRunSection(run: FailedRun): string {
  const request = requestOf(run);
  const plan = planFit(request);
  const better = alternativesTo(request, plan).slice(0, 2);
  return [
    `### ${run.title}`,
    `\`${plan.command}\``,
    plan.failure === undefined ? `The planner says: ${plan.verdict}.` : plan.failure.explanation,
    ...(plan.failure === undefined ? [] : [`vLLM prints: \`\`${plan.failure.serverError}\`\``]),
    ...(run.note === undefined ? [] : [run.note === 'offload' ? offloadText(request, plan) : run.note]),
    better.length === 0 ? 'Nothing else fits this card.' : 'What works:',
    ...(better.length === 0
      ? []
      : [better.map(({ label, plan: other }) => `- ${label}: ${inLine(other.command)}`).join('\n')]),
  ].join('\n\n');
}

/** What would have had to go to RAM for the shortest useful context. */
function offloadText({ server }: FitRequest, { rows }: FitPlan): string {
  const utilization = (server.kind === 'vllm' ? server.utilization : undefined) ?? 0.9;
  const needed = rows
    .filter(({ part }) => part !== 'ram' && part !== 'graphs')
    .reduce((sum, { figure }) => sum + figure.bytes, 0);
  const missing = needed - utilization * failedCard.totalBytes;
  return `\`--cpu-offload-gb\` would have had to be at least ${Math.ceil(missing / gibibyte)}: ${memoryText(missing)} are missing for 2048 tokens. Every token then reads them over PCIe, a few tokens a second at best, and under WSL vLLM cannot do it at all, since it needs pinned memory. vLLM moves nothing by itself, unlike Ollama.`;
}

/** That one need not have failed. */
function phi3Section(): string {
  const long = planFit(requestOf({ title: '', model: 'microsoft/Phi-3-mini-128k-instruct', server: then }));
  const eager = planFit(
    requestOf({
      title: '',
      model: 'microsoft/Phi-3-mini-128k-instruct',
      server: { ...then, maxSequences: 16, eager: true },
    }),
  );
  const short = planFit(
    requestOf({
      title: '',
      model: 'microsoft/Phi-3-mini-4k-instruct',
      server: { ...then, contextTokens: 4096, maxSequences: 16, eager: true },
    }),
  );
  return [
    '### Phi-3 Mini need not have failed',
    `At the usual utilization of 0.9 its weights leave room for ${tokensText(eager.largestContextTokens ?? 0)} tokens: the planner says “${short.verdict}” of \`${short.command}\`.`,
    `The variant for 128k fails with the context that it was made for: ${long.failure?.explanation ?? long.verdict}`,
  ].join('\n\n');
}

if (process.argv[1] === import.meta.filename) writeFileSync(gpuCompatibilityFile, gpuCompatibilityPage());
