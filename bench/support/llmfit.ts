import { spawnSync } from 'node:child_process';
import { ollamaFileType } from '../../src/core/fit/catalogue.ts';
import { publishedModels } from '../../src/core/fit/publishedModels.ts';
import { llmfitProgram } from '../../scripts/llmfit.mjs';
import { factsOf } from './fitCases.ts';
import type { Said, ScoredRun } from './fitScores.ts';
import { cudaBytesOf, freeBytesOf } from './fitSettings.ts';
import { schemeOf, sharersOf } from './fitVllm.ts';
import { mixtureOf } from './fitWeights.ts';

const mebibyte = 1024 ** 2;
const gibibyte = 1024 ** 3;

/** What it says of a model at a context: its own words. */
interface Plan {
  readonly disk_size_gb: number;
  readonly run_paths: readonly { readonly path: string; readonly fit_level: string }[];
}

/**
 * llmfit plans with shapes of its own, by the name of the repository. It is told what it can be told: the quantization by its nearest name, the context, the
 * cache's type and the memory of the cards. Its gigabytes are 1024³, since it adds a cache in those.
 */
export async function askLlmfit(runs: readonly ScoredRun[]): Promise<ReadonlyMap<string, Said>> {
  const program = await llmfitProgram();
  return new Map(
    runs.flatMap((run): [string, Said][] => {
      const facts = factsOf(run);
      const repository = publishedModels.get(facts?.name ?? '')?.repository;
      const quantization = quantizationOf(run);
      const gpus = run.backend === 'vllm' ? sharersOf(run) : (run.n_gpus ?? 1);
      const memory = freeBytesOf(run)?.[0] ?? cudaBytesOf(run);
      const contextTokens = run.context ?? facts?.contextTokens;
      if (repository === undefined || quantization === undefined || contextTokens === undefined) return [];
      const cards = memory === undefined ? [] : ['--memory', `${Math.floor((memory * gpus) / mebibyte)}M`];
      const cache = /q8_0|fp8|q4_0/.exec(run.kv_cache_type ?? '')?.[0];
      const words = [...cards, '--ram', '256G', 'plan', repository, '--context', String(contextTokens)];
      const { status, stdout } = spawnSync(
        program,
        ['--json', ...words, '--quant', quantization, ...(cache === undefined ? [] : ['--kv-quant', cache])],
        { encoding: 'utf8' },
      );
      if (status !== 0) return [];
      const plan = JSON.parse(stdout) as Plan;
      const onGpu = plan.run_paths.find((one) => one.path === 'gpu');
      return [
        [
          run.id,
          {
            weights_mib: (plan.disk_size_gb * gibibyte) / mebibyte / sharersOf(run),
            verdict:
              memory === undefined || onGpu === undefined ? 'unknown' : isFit(onGpu.fit_level) ? 'fits' : 'fails',
          },
        ],
      ];
    }),
  );
}

function isFit(level: string): boolean {
  return ['Perfect', 'Good', 'Marginal'].includes(level);
}

const known: ReadonlySet<string> = new Set([
  ...['F16', 'BF16', 'Q8_0', 'Q6_K', 'Q5_K_M', 'Q4_K_M', 'Q4_0', 'Q3_K_M', 'Q2_K', 'MXFP4'],
]);

/** Undefined: one that it has no name for. */
function quantizationOf(run: ScoredRun): string | undefined {
  if (run.backend !== 'vllm') {
    const name =
      mixtureOf(run)?.name ??
      (run.backend === 'ollama' && !run.quant_or_dtype ? ollamaFileType(run.model ?? '') : undefined);
    return name !== undefined && known.has(name) ? name : undefined;
  }
  const facts = factsOf(run);
  const scheme = facts && schemeOf(run, facts);
  switch (scheme?.kind) {
    case 'plain':
      return scheme.bytes === 2 ? 'BF16' : undefined;
    case 'awq':
      return 'AWQ-4bit';
    case 'gptq':
    case 'w4a16':
      return 'GPTQ-Int4';
    case 'fp8':
    case 'int8':
    case 'gptq8':
      return 'GPTQ-Int8';
    case 'mxfp4':
      return 'MXFP4';
    default:
      return undefined;
  }
}
