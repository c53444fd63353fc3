// `node bench/accuracy/localLoads.ts`: what the planner says of loads on this machine, next to what they take: the embedded engine's buffers, and `size` in the answer
// of Ollama's /api/ps. Writes bench/data/localLoads.json. `A2IA_MODEL` is a small GGUF file, `OLLAMA_BIN` the program of Ollama; without it only the engine.
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { factsOfGguf } from '../../src/core/fit/ggufFacts.ts';
import { cacheBytes, type CacheType } from '../../src/core/fit/kvCache.ts';
import { computeBytes, gpuWeightBytes, type LlamaCppSettings } from '../../src/core/fit/llamaCpp.ts';
import { buildOfOllama } from '../../src/core/fit/llamaCppBuild.ts';
import type { ModelFacts, WeightBytes } from '../../src/core/fit/modelFacts.ts';
import { ollamaOwnCache } from '../../src/core/fit/ollamaOwnPlan.ts';
import { readGguf } from '../../src/core/gguf/ggufReader.ts';
import { getJson, postJson } from '../../test/live-servers/servers/http.ts';
import { ServerProcess } from '../../test/live-servers/servers/serverProcess.ts';
import { until } from '../../test/live-servers/servers/until.ts';
import { printTable } from '../support/figures.ts';

const mebibyte = 1024 ** 2;
const contexts = [1024, 2048, 4096, 8192];
const cacheTypes = ['f16', 'q8_0'] as const;

export interface LocalLoad {
  readonly server: string;
  readonly contextTokens: number;
  readonly cacheType: CacheType;
  readonly part: 'weights' | 'KV cache' | 'compute' | 'total';
  readonly plannedMiB: number;
  readonly measuredMiB: number;
}

export interface LocalLoads {
  readonly model: string;
  readonly loads: readonly LocalLoad[];
}

const file = process.env['A2IA_MODEL'];
if (file === undefined) throw new Error('Set A2IA_MODEL to a small GGUF file.');
const { facts, weights } = modelOf(file);
const loads = [...(await embeddedLoads(file)), ...(await ollamaLoads(file, process.env['OLLAMA_BIN']))];
const result: LocalLoads = { model: path.basename(file), loads };
writeFileSync(
  fileURLToPath(new URL('../data/localLoads.json', import.meta.url)),
  `${JSON.stringify(result, undefined, 2)}\n`,
);
console.log(`${result.model} on this machine, planned and measured, in MiB.`);
printTable(
  ['server', 'context', 'cache', 'part', 'planned', 'measured', 'off by %'],
  loads.map(({ server, contextTokens, cacheType, part, plannedMiB, measuredMiB }) => [
    server,
    contextTokens,
    cacheType,
    part,
    plannedMiB,
    measuredMiB,
    100 * (plannedMiB / measuredMiB - 1),
  ]),
);
process.exit();

function modelOf(name: string): { readonly facts: ModelFacts; readonly weights: WeightBytes } {
  const head = readGguf(readFileSync(name));
  if (head.outcome !== 'read') throw new Error(`${name} is not a model file that can be read.`);
  const reading = factsOfGguf(head.file);
  if (reading.outcome !== 'facts' || !reading.facts.weights) throw new Error(`The shape of ${name} is not known.`);
  return { facts: reading.facts, weights: reading.facts.weights };
}

function wholeFileBytes(): number {
  return gpuWeightBytes(facts, weights) + (facts.tiedEmbeddings ? 0 : weights.tokenEmbedding);
}

function settingsOf(contextTokens: number, cacheType: CacheType, number: number): LlamaCppSettings {
  return {
    build: { number },
    contextTokens,
    sequences: 1,
    batchTokens: Math.min(512, contextTokens),
    keyType: cacheType,
    valueType: cacheType,
    // What the engine chooses by itself.
    flashAttention: true,
    gpus: 1,
  };
}

/** The engine runs on the CPU, where a buffer is as large as it would be on a GPU; only the whole file is mapped. */
async function embeddedLoads(modelPath: string): Promise<readonly LocalLoad[]> {
  const { getLlama, LlamaLogLevel } = await import('node-llama-cpp');
  let log = '';
  const llama = await getLlama({
    build: 'never',
    skipDownload: true,
    gpu: false,
    progressLogs: false,
    logLevel: LlamaLogLevel.debug,
    logger: (_level, text) => {
      log += `${text}\n`;
    },
  });
  const printed = async (pattern: RegExp): Promise<number> => {
    await until(() => Promise.resolve(pattern.test(log)), `a line like ${pattern.source}`, 10_000);
    return Number(pattern.exec(log)?.[1]);
  };
  const model = await llama.loadModel({ modelPath });
  const weightsMiB = await printed(/CPU\w* model buffer size = +([\d.]+) MiB/);
  const loads: LocalLoad[] = [];
  const add = (load: Omit<LocalLoad, 'server'>): void => void loads.push({ server: 'embedded engine', ...load });
  for (const cacheType of cacheTypes) {
    for (const contextTokens of contexts) {
      log = '';
      const quantized =
        cacheType === 'f16'
          ? {}
          : ({
              flashAttention: true,
              experimentalKvCacheKeyType: 'Q8_0',
              experimentalKvCacheValueType: 'Q8_0',
            } as const);
      const context = await model.createContext({ contextSize: contextTokens, sequences: 1, ...quantized });
      // The library reserves a row of logits for every token, whatever the build.
      const settings = settingsOf(contextTokens, cacheType, 9000);
      const planned = {
        'KV cache': cacheBytes(facts, settings),
        compute: computeBytes(facts, settings),
      } as const;
      const measured = {
        'KV cache': await printed(/CPU KV buffer size = +([\d.]+) MiB/),
        compute: await printed(
          /KV buffer size[^]*sched_reserve: +CPU compute buffer size = +([\d.]+) MiB[^]*reserve took/,
        ),
      } as const;
      if (loads.length === 0) {
        add({
          contextTokens,
          cacheType,
          part: 'weights',
          plannedMiB: wholeFileBytes() / mebibyte,
          measuredMiB: weightsMiB,
        });
      }
      for (const part of ['KV cache', 'compute'] as const) {
        add({ contextTokens, cacheType, part, plannedMiB: planned[part] / mebibyte, measuredMiB: measured[part] });
      }
      await context.dispose();
    }
  }
  await model.dispose();
  return loads;
}

async function ollamaLoads(modelPath: string, program: string | undefined): Promise<readonly LocalLoad[]> {
  if (program === undefined) return [];
  const loads: LocalLoad[] = [];
  for (const cacheType of cacheTypes) {
    const folder = await mkdtemp(path.join(tmpdir(), 'a2ia-ollama-'));
    const server = await ServerProcess.start({
      name: 'Ollama',
      program,
      args: () => ['serve'],
      env: (port) => ({
        OLLAMA_HOST: `127.0.0.1:${port}`,
        OLLAMA_MODELS: folder,
        OLLAMA_NUM_PARALLEL: '1',
        ...(cacheType === 'f16' ? {} : { OLLAMA_KV_CACHE_TYPE: cacheType, OLLAMA_FLASH_ATTENTION: '1' }),
      }),
      folder,
      readyPath: '/api/version',
      startLimitMs: 60_000,
    });
    try {
      const { version } = (await getJson(`${server.url}/api/version`)) as { version: string };
      const bytes = readFileSync(modelPath);
      const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
      await fetch(`${server.url}/api/blobs/${digest}`, { method: 'POST', body: bytes });
      await postJson(`${server.url}/api/create`, {
        model: 'measured',
        files: { [path.basename(modelPath)]: digest },
        stream: false,
      });
      for (const contextTokens of contexts) {
        await postJson(`${server.url}/api/generate`, {
          model: 'measured',
          options: { num_ctx: contextTokens },
          stream: false,
        });
        const { models } = (await getJson(`${server.url}/api/ps`)) as { models: readonly { size: number }[] };
        const settings = settingsOf(contextTokens, cacheType, buildOfOllama(version) ?? 0);
        // Without a GPU it counts no compute buffer.
        const planned = wholeFileBytes() + ollamaOwnCache(facts, settings);
        loads.push({
          server: `Ollama ${version}`,
          contextTokens,
          cacheType,
          part: 'total',
          plannedMiB: planned / mebibyte,
          measuredMiB: (models[0]?.size ?? NaN) / mebibyte,
        });
      }
    } finally {
      await server.stop();
    }
  }
  return loads;
}
