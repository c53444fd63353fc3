import type { ModelFacts } from '../../src/core/fit/modelFacts.ts';
import {
  estimateVllm,
  fittedConstants,
  type FittedConstants,
  type VllmGpu,
  type VllmSettings,
} from '../../src/core/fit/vllm.ts';
import { isAtLeast } from '../../src/core/fit/vllmVersion.ts';
import { factsOf, type FitCase } from './fitCases.ts';
import { confidenceOf, schemeOf, tensorParallelOf, vllmGpuOf, vllmSettingsOf } from './fitVllm.ts';
import { median } from './figures.ts';

/** A logged run with what the server reported, in MiB. */
export interface ReportedRun extends FitCase {
  readonly tier: string;
  readonly reported: Readonly<Record<'activation_mib' | 'non_torch_mib' | 'available_kv_mib', number | null>> | null;
}

interface Known {
  readonly run: ReportedRun;
  readonly family: string;
  readonly facts: ModelFacts;
  readonly settings: VllmSettings;
  readonly gpu: VllmGpu;
}

export interface CrossValidation {
  readonly family: string;
  readonly runs: number;
  /** Of the pool of keys and values, relative. */
  readonly errors: readonly number[];
}

const mebibyte = 1024 ** 2;

/** Predicts each family's runs with constants fitted to all the others. */
export function crossValidate(runs: readonly ReportedRun[]): readonly CrossValidation[] {
  const known = runs.flatMap((run): Known[] => {
    const facts = run.backend === 'vllm' && run.tier !== 'C' ? factsOf(run) : undefined;
    const gpu = vllmGpuOf(run);
    if (!facts || !gpu || facts.doubts.length > 0 || tensorParallelOf(run) === undefined) return [];
    const settings = vllmSettingsOf(run, facts, schemeOf(run, facts) ?? { kind: 'plain', bytes: 2 });
    return [{ run, family: facts.architecture, facts, settings, gpu }];
  });
  return [...new Set(known.map(({ family }) => family))].map((family) => {
    const constants = fit(known.filter((other) => other.family !== family));
    const errors = known.flatMap(({ run, facts, settings, gpu, family: own }) => {
      const pool = run.reported?.available_kv_mib;
      if (own !== family || !pool || pool <= 0) return [];
      const { cachePool } = estimateVllm(facts, settings, gpu, constants);
      return confidenceOf(cachePool) > 0 ? [Math.abs(cachePool.bytes / mebibyte - pool) / pool] : [];
    });
    return { family, runs: errors.length, errors };
  });
}

/** Each constant is the median of what the runs that it decides would have needed, the others being as they are. */
function fit(known: readonly Known[]): FittedConstants {
  const needed = (
    wanted: (one: Known, activation: number, nonTorch: number) => number | undefined,
  ): number | undefined => {
    const values = known.flatMap((one) => {
      const { activation_mib: activation, non_torch_mib: nonTorch } = one.run.reported ?? {};
      if (activation == null || nonTorch == null) return [];
      const value = wanted(one, activation * mebibyte, nonTorch * mebibyte);
      return value === undefined ? [] : [value];
    });
    return values.length === 0 ? undefined : median(values);
  };
  const isNew = ({ settings }: Known) => isAtLeast(settings.version, 17) && !isAtLeast(settings.version, 21);
  const isPlain = ({ facts, settings }: Known) =>
    !facts.encoder &&
    settings.pipelineParallel === 1 &&
    facts.layers.every(({ feedForward }) => feedForward.kind === 'dense');
  const logits = ({ facts, settings }: Known) => settings.maxSequences * facts.vocabularySize;
  const beside = ({ facts, settings, gpu }: Known) =>
    settings.maxBatchedTokens * facts.embeddingLength * settings.dtypeBytes +
    (isNew({ settings } as Known) ? 4 * gpu.multiprocessors * facts.vocabularySize : 0);
  const sorted = needed((one, activation) => {
    if (isNew(one) || !isPlain(one) || !isSampled(one)) return undefined;
    return (activation - beside(one) - fittedConstants.fixedBytes) / logits(one);
  });
  const copies = needed((one, activation) => {
    if (!isNew(one) || !isPlain(one) || !isSampled(one)) return undefined;
    return (activation - beside(one) - fittedConstants.fixedBytes) / logits(one) - one.settings.dtypeBytes;
  });
  const copiesPerLogit = copies ?? fittedConstants.copiesPerLogit;
  const fixed = needed((one, activation) => {
    if (!isNew(one) || !isPlain(one) || !isSampled(one)) return undefined;
    return activation - beside(one) - (copiesPerLogit + one.settings.dtypeBytes) * logits(one);
  });
  const hidden = needed((one, activation) => {
    if (!isPlain(one) || isSampled(one)) return undefined;
    const { maxBatchedTokens, dtypeBytes, tensorParallel } = one.settings;
    const width = Math.max(
      ...one.facts.layers.map(({ feedForward }) => (feedForward.kind === 'dense' ? feedForward.width : 0)),
    );
    return (activation / (maxBatchedTokens * dtypeBytes) - (3 * width) / tensorParallel) / one.facts.embeddingLength;
  });
  const nonTorch = needed((one, _, bytes) =>
    isNew(one) && one.settings.tensorParallel === 1 && one.settings.pipelineParallel === 1 ? bytes : undefined,
  );
  const nvlink = needed((one, _, bytes) => (one.settings.tensorParallel > 1 && one.gpu.nvlink ? bytes : undefined));
  return {
    copiesPerLogit,
    sortedPerLogit: sorted ?? fittedConstants.sortedPerLogit,
    fixedBytes: fixed ?? fittedConstants.fixedBytes,
    hiddenStates: hidden ?? fittedConstants.hiddenStates,
    nonTorchBytes: nonTorch ?? fittedConstants.nonTorchBytes,
    nvlinkBytes: nvlink ?? fittedConstants.nvlinkBytes,
  };
}

/** The sampler’s moment is the largest, not the forward pass. */
function isSampled({ facts, settings, gpu }: Known): boolean {
  const withMore = estimateVllm(facts, { ...settings, maxSequences: settings.maxSequences * 1.01 }, gpu).activation
    .bytes;
  return withMore > estimateVllm(facts, settings, gpu).activation.bytes;
}
