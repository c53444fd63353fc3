// `node bench/accuracy/estimators.ts --cases FILE`: what other estimators say of the logged runs, next to ours, into bench/data/estimators.json. gguf-parser-go runs as
// a Go library (`bench/ggufParser`) on heads of model files made from the same facts that our planner has, llmfit as its program, installed into the cache.
// It needs Go, Python and their registries, and says which of them is missing.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { mixtureNamed } from '../../src/core/fit/ggufMixtures.ts';
import type { ModelFacts } from '../../src/core/fit/modelFacts.ts';
import { tensorsOf } from '../../src/core/fit/tensors.ts';
import { progress } from '../support/figures.ts';
import { factsOf } from '../support/fitCases.ts';
import { predict } from '../support/fitPredictions.ts';
import {
  errorOf,
  hasTruth,
  outcomeVerdict,
  scoreOf,
  type FigureName,
  type Said,
  type Score,
  type ScoredRun,
} from '../support/fitScores.ts';
import { llamaCppSettingsOf } from '../support/fitSettings.ts';
import { sharersOf } from '../support/fitVllm.ts';
import { askLlmfit } from '../support/llmfit.ts';
import { llmfitVersion } from '../../scripts/llmfit.mjs';
import { mixtureOf } from '../support/fitWeights.ts';
import { ggufFromFacts } from '../support/ggufFromFacts.ts';

const mebibyte = 1024 ** 2;

export interface EstimatorScores {
  readonly ggufParser: string;
  readonly llmfit: string;
  /** When it was measured, for example `2026-11-24`. */
  readonly date: string;
  /** Of the runs that the estimator and our planner both answer. */
  readonly scores: readonly { readonly estimator: string; readonly theirs: Score; readonly ours: Score }[];
  /** Whether a model fits on the GPUs, of the runs that llmfit and our planner both decide. */
  readonly verdicts: readonly {
    readonly backend: string;
    readonly runs: number;
    readonly theirsRight: number;
    readonly theirsFalseFits: number;
    readonly oursRight: number;
    readonly oursFalseFits: number;
  }[];
}

const { values } = parseArgs({ options: { cases: { type: 'string' } } });
if (values.cases === undefined) throw new Error('Which cases? `node bench/accuracy/estimators.ts --cases FILE`.');
const runs = readFileSync(values.cases, 'utf8')
  .split('\n')
  .filter(Boolean)
  .map((line) => JSON.parse(line) as ScoredRun);
// With layers placed by hand or left on the CPU there is no one figure to compare.
const whole = runs.filter(({ outcome }) => !['partial_offload', 'partial_by_choice', 'cpu', 'oom'].includes(outcome));
const ours = new Map<string, Said>(whole.map((run) => [run.id, predict(run)]));
const parsed = ggufParser(whole.filter(({ backend }) => backend !== 'vllm'));
const llmfit = await askLlmfit(runs);
const thumb = new Map(whole.flatMap((run): [string, Said][] => rule(run)));

const scores = [
  ...(['weights_mib', 'kv_mib', 'compute_mib'] as const).map((figure) => compared('gguf-parser-go', parsed, figure)),
  compared('gguf-parser-go, with flash attention', parsed, 'compute_mib', (run) => run.flash_attention === true),
  compared('llmfit', llmfit, 'weights_mib'),
  compared('parameters × bits / 8 × 1.2', thumb, 'total_mib'),
  compared(
    'parameters × bits / 8',
    new Map([...thumb].map(([id, { weights_mib: weights }]) => [id, { weights_mib: weights ?? null }])),
    'weights_mib',
  ),
];
const version = /gguf-parser-go (v[\d.]+)/.exec(
  readFileSync(fileURLToPath(new URL('../ggufParser/go.mod', import.meta.url)), 'utf8'),
)?.[1];
const result: EstimatorScores = {
  ggufParser: version ?? '',
  llmfit: llmfitVersion,
  date: new Date().toISOString().slice(0, 10),
  scores,
  verdicts: ['ollama', 'llama.cpp', 'vllm'].map(comparedVerdicts),
};
writeFileSync(
  fileURLToPath(new URL('../data/estimators.json', import.meta.url)),
  `${JSON.stringify(result, undefined, 2)}\n`,
);

function compared(
  estimator: string,
  said: ReadonlyMap<string, Said>,
  figure: FigureName,
  isMeant: (run: ScoredRun) => boolean = () => true,
): EstimatorScores['scores'][number] {
  const both = whole.filter(
    (run) =>
      isMeant(run) &&
      hasTruth(run, figure) &&
      errorOf(run, figure, said.get(run.id)) !== undefined &&
      errorOf(run, figure, ours.get(run.id)) !== undefined,
  );
  return {
    estimator,
    theirs: scoreOf(both, figure, 'all', ({ id }) => said.get(id)),
    ours: scoreOf(both, figure, 'all', ({ id }) => ours.get(id)),
  };
}

/** llmfit says only whether a model fits on the GPUs, so a part of it in RAM is no fit either. */
function comparedVerdicts(backend: string): EstimatorScores['verdicts'][number] {
  const judged = runs.flatMap((run) => {
    const truth = run.backend === backend && run.tier !== 'C' ? outcomeVerdict(run) : undefined;
    const theirs = llmfit.get(run.id)?.verdict;
    const verdict = predict(run).verdict;
    if (truth === undefined || theirs === undefined || theirs === 'unknown') return [];
    if (verdict === 'unknown' || verdict === 'tight') return [];
    return [{ fits: truth === 'fits', theirs: theirs === 'fits', ours: verdict === 'fits' }];
  });
  return {
    backend,
    runs: judged.length,
    theirsRight: judged.filter(({ fits, theirs }) => fits === theirs).length,
    theirsFalseFits: judged.filter(({ fits, theirs }) => theirs && !fits).length,
    oursRight: judged.filter(({ fits, ours: said }) => fits === said).length,
    oursFalseFits: judged.filter(({ fits, ours: said }) => said && !fits).length,
  };
}

/** llama.cpp's names, where ours are those of the publishers. */
function architectureOf(facts: ModelFacts): string {
  const renamed: Readonly<Record<string, string>> = {
    mistral: 'llama',
    mixtral: 'llama',
    commandr: 'command-r',
    granitemoe: 'granitemoe',
  };
  return renamed[facts.architecture] ?? facts.architecture;
}

function ggufParser(candidates: readonly ScoredRun[]): ReadonlyMap<string, Said> {
  const folder = mkdtempSync(path.join(tmpdir(), 'gguf-heads-'));
  try {
    const asked = candidates.flatMap((run) => {
      const facts = factsOf(run);
      const mixture = mixtureOf(run) ?? mixtureNamed('Q4_K_M');
      const settings = facts && llamaCppSettingsOf(run, facts, 4096);
      if (!facts || !mixture || !settings || facts.doubts.length > 0) return [];
      const file = path.join(folder, `${run.id}.gguf`);
      writeFileSync(file, ggufFromFacts(facts, mixture, architectureOf(facts)));
      const { contextTokens, batchTokens, sequences, keyType, valueType, flashAttention } = settings;
      return [
        {
          id: run.id,
          file,
          context: contextTokens,
          batch: batchTokens,
          parallel: sequences,
          keyType,
          valueType,
          flashAttention,
          isTyped: mixtureOf(run) !== undefined,
        },
      ];
    });
    progress(`${asked.length} heads for gguf-parser-go`);
    const { status, stdout, stderr } = spawnSync('go', ['run', '.'], {
      cwd: fileURLToPath(new URL('../ggufParser', import.meta.url)),
      input: asked.map((line) => `${JSON.stringify(line)}\n`).join(''),
      encoding: 'utf8',
      maxBuffer: 64 * mebibyte,
    });
    if (status !== 0) throw new Error(`gguf-parser-go did not run: ${stderr}`);
    const typed = new Set(asked.filter(({ isTyped }) => isTyped).map(({ id }) => id));
    return new Map(
      stdout
        .split('\n')
        .filter(Boolean)
        .map((line): [string, Said] => {
          const said = JSON.parse(line) as {
            id: string;
            weightsBytes: number;
            cacheBytes: number;
            computeBytes: number;
            error?: string;
          };
          if (said.error !== undefined) progress(`${said.id}: ${said.error}`);
          if (said.error !== undefined) return [said.id, {}];
          return [
            said.id,
            {
              weights_mib: typed.has(said.id) ? said.weightsBytes / mebibyte : null,
              kv_mib: said.cacheBytes / mebibyte,
              compute_mib: said.computeBytes / mebibyte,
            },
          ];
        }),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Every parameter in the bits that the file type is named after, a fifth more for everything else. */
function rule(run: ScoredRun): [string, Said][] {
  const facts = factsOf(run);
  const text = `${run.quant_or_dtype ?? ''} ${run.model ?? ''}`;
  const bits = /F32|float32/i.test(text)
    ? 32
    : /BF16|F16|float16/i.test(text)
      ? 16
      : Number(
          /Q(\d)|fp(8)|w8a(8)/i.exec(text)?.slice(1).find(Boolean) ??
            (/awq|gptq|4-?bit|mxfp4|nvfp4|w4a16/i.test(text) ? 4 : NaN),
        );
  if (!facts || facts.doubts.length > 0 || !Number.isFinite(bits)) return [];
  const parameters = tensorsOf(facts).reduce((sum, { columns, rows }) => sum + columns * rows, 0);
  const weights = (parameters * bits) / 8 / mebibyte / sharersOf(run);
  return [[run.id, { weights_mib: weights, total_mib: weights * 1.2 }]];
}
