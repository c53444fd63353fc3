import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { alternativesTo } from '../../src/core/fit/alternatives.ts';
import { fileSource, type ByteSource } from '../../src/core/fit/byteSource.ts';
import { catalogueNames, knownModel } from '../../src/core/fit/catalogue.ts';
import type { FitRequest, FitServer } from '../../src/core/fit/fitRequest.ts';
import { readGgufModel } from '../../src/core/fit/ggufModel.ts';
import { planFit } from '../../src/core/fit/planFit.ts';
import { ggufBytes } from '../../test/unit/core/fit/ggufBytes.ts';
import { figure, median, printRequirement, printTable } from './figures.ts';

const mostPlanMs = 5;
const manyPlans = 200;
const mostManyMs = 50;
const mostHeadMs = 200;
const mostHeadMegabytes = 20;
const rounds = 25;
const gibibyte = 1024 ** 3;

/** How long a plan takes, 200 of them, and reading what a file of 40 GB says of its model. */
export async function measureSpeed(): Promise<void> {
  const gpus = [{ name: 'RTX 4090', totalBytes: 23.5 * gibibyte, freeBytes: 23 * gibibyte }];
  const request = (name: string, server: FitServer): FitRequest[] => {
    const facts = knownModel(name);
    return facts ? [{ model: { name, facts, fileType: 'Q4_K_M' }, server, gpus }] : [];
  };
  const ollama: FitServer = { kind: 'ollama', version: '0.33.0', contextTokens: 32_768 };
  const names = Array.from({ length: manyPlans }, (_, index) => catalogueNames[index % catalogueNames.length] ?? '');
  const many = names.flatMap((name) => request(name, ollama));
  const [large] = request('qwen3-235b-a22b', ollama);
  if (!large) throw new Error('The catalogue has lost a model.');

  const firstMs = milliseconds(() => planFit(large));
  const coldMs = milliseconds(() => many.forEach(planFit));
  const manyMs = typical(() => many.forEach(planFit));
  const largePlan = planFit(large);
  const alternativesMs = typical(() => alternativesTo(large, largePlan));
  const head = await measureHead();

  console.log(
    'Planning how much memory a model takes, with the largest context that fits, and reading what a file says of its model.',
  );
  printTable(
    ['what', 'ms'],
    [
      ['the first plan of a program, 94 layers with experts', firstMs],
      [`${manyPlans} plans of different models, the first time`, coldMs],
      [`${manyPlans} plans, after that`, manyMs],
      ['what would fit instead of a model that does not, all of it planned', alternativesMs],
      [`the head of a GGUF file of 40 GB (${figure(head.megabytes)} MB of it read)`, head.ms],
    ],
  );
  printRequirement(
    `a plan: at most ${mostPlanMs} ms`,
    manyMs / manyPlans <= mostPlanMs,
    `${figure(manyMs / manyPlans)} ms`,
  );
  printRequirement(`${manyPlans} plans: at most ${mostManyMs} ms`, manyMs <= mostManyMs, `${figure(manyMs)} ms`);
  printRequirement(
    `${manyPlans} plans, the first time: at most ${mostManyMs} ms`,
    coldMs <= mostManyMs,
    `${figure(coldMs)} ms`,
  );
  printRequirement(`a head: at most ${mostHeadMs} ms`, head.ms <= mostHeadMs, `${figure(head.ms)} ms`);
  printRequirement(
    `a head: at most ${mostHeadMegabytes} MB read`,
    head.megabytes <= mostHeadMegabytes,
    `${figure(head.megabytes)} MB`,
  );
}

/** A vocabulary as large as they come, with its merges: 11 MB. */
async function measureHead(): Promise<{ readonly ms: number; readonly megabytes: number }> {
  const keys = {
    'general.architecture': 'llama',
    'llama.block_count': 80,
    'llama.embedding_length': 8192,
    'llama.feed_forward_length': 28_672,
    'llama.attention.head_count': 64,
    'llama.attention.head_count_kv': 8,
    'tokenizer.ggml.tokens': { tokens: 262_144 },
    'tokenizer.ggml.merges': { tokens: 1_000_000 },
  };
  const tensors = Array.from({ length: 720 }, (_, index) => ({
    name: `blk.${index % 80}.${index}.weight`,
    dimensions: [8192, 8],
    type: 12,
  }));
  const folder = await mkdtemp(path.join(tmpdir(), 'a2ia-bench-'));
  const file = path.join(folder, 'large.gguf');
  try {
    const handle = await open(file, 'w');
    await handle.write(ggufBytes(keys, tensors));
    await handle.truncate(40e9);
    await handle.close();
    const times: number[] = [];
    let megabytes = 0;
    for (let round = 0; round < rounds; round++) {
      const source = counted(fileSource(file));
      const startedAt = performance.now();
      await readGgufModel(source, file, new AbortController().signal);
      times.push(performance.now() - startedAt);
      megabytes = source.readBytes() / 1e6;
      await source.close();
    }
    return { ms: median(times), megabytes };
  } finally {
    await rm(folder, { recursive: true });
  }
}

function counted(source: ByteSource): ByteSource & { readBytes(): number } {
  let bytes = 0;
  return {
    name: source.name,
    get sizeBytes() {
      return source.sizeBytes;
    },
    async read(...range) {
      const read = await source.read(...range);
      bytes += read.length;
      return read;
    },
    beside: (fileName) => source.beside(fileName),
    close: () => source.close(),
    readBytes: () => bytes,
  };
}

function typical(work: () => void): number {
  return median(Array.from({ length: rounds }, () => milliseconds(work)));
}

function milliseconds(work: () => void): number {
  const startedAt = performance.now();
  work();
  return performance.now() - startedAt;
}
