import { ollamaFileType } from '../../src/core/fit/catalogue.ts';
import { mixtureNamed, weightsAs, type Mixture } from '../../src/core/fit/ggufMixtures.ts';
import type { LlamaCppBuild } from '../../src/core/fit/llamaCppBuild.ts';
import type { Mixer, ModelFacts, WeightBytes } from '../../src/core/fit/modelFacts.ts';
import { fileBytes, scaledTo } from '../../src/core/fit/modelWeights.ts';
import type { FitCase } from './fitCases.ts';

const fileTypes =
  /(?<![A-Z\d])(I?Q\d_[01K](?:_[SMLX]+)?|IQ\d_\w+|BF16|FP?16|FP?32|MXFP4)(?:\s*-\s*(Small|Medium|Large))?/i;

/**
 * `Q4_K - Medium` → `Q4_K_M`; from the model's name where nothing else says it. `Q4_K` alone may be anything with such matrices, and makers that choose
 * the types themselves have no rule.
 */
export function mixtureOf(run: FitCase): Mixture | undefined {
  const stated = [run.quant_or_dtype, run.model].find((text) => text !== null && fileTypes.test(text)) ?? '';
  if (/UD-|XL|_R4|exact type/i.test(`${stated} ${run.quant_or_dtype}`)) return undefined;
  const match = fileTypes.exec(stated);
  if (!match?.[1]) return undefined;
  const sizes: Readonly<Record<string, string>> = { small: '_S', medium: '_M', large: '_L' };
  const suffix = match[2] === undefined ? '' : (sizes[match[2].toLowerCase()] ?? '');
  const name = match[1].toUpperCase().replace(/^FP/, 'F') + suffix;
  // People say `Q4_K` of anything with such matrices.
  return /^Q[345]_K$/.test(name) ? undefined : mixtureNamed(name);
}

/** The size that the record states for the file, in bytes. */
export function fileBytesOf(run: FitCase): number | undefined {
  const texts = [run.arch?.['file_size'], run.quant_or_dtype, run.other_flags];
  const size = texts
    .map((text) => (typeof text === 'string' ? /([\d.]+) GiB/i.exec(text)?.[1] : undefined))
    .find(Boolean);
  return size === undefined ? undefined : Number(size) * 1024 ** 3;
}

/** Bytes by layer, and how far off they may be where the file type was not stated and the commonest one was taken. */
export interface GgufWeights {
  readonly bytes: WeightBytes;
  readonly spread?: readonly [low: number, high: number];
}

export function ggufWeightsOf(run: FitCase, facts: ModelFacts): GgufWeights | undefined {
  const file = fileBytesOf(run);
  const stated = mixtureOf(run);
  const mixture = stated ?? usualMixture(run, facts);
  if (!mixture) return undefined;
  const ruled = weightsAs(mixture, facts);
  const whole = fileBytes(ruled);
  if (file !== undefined) {
    // A size of two decimals says less than a rule that agrees with it.
    if (stated && Math.abs(whole / file - 1) < 0.003) return { bytes: ruled };
    return { bytes: isForkMix(run) ? forkMix(file, facts) : scaledTo(file, ruled) };
  }
  const spread = stated ? undefined : spreadOf(run);
  return { bytes: ruled, ...(spread ? { spread } : {}) };
}

/** What is given under a name without a file type. Google's models trained for quantization are Q4_0 throughout. */
function usualMixture(run: FitCase, facts: ModelFacts): Mixture | undefined {
  if (run.backend === 'ollama') return mixtureNamed(ollamaFileType(run.model ?? ''));
  if (facts.architecture === 'gpt-oss') return mixtureNamed('MXFP4');
  const q40 = mixtureNamed('Q4_0');
  if (q40 && /QAT/i.test(`${run.model} ${run.quant_or_dtype}`)) return { ...q40, pure: true };
  return mixtureNamed('Q4_K_M');
}

/** Ollama's library gives Q4_K_M under a plain name. Elsewhere a file without a type may have from 2 to 16 bits a weight. */
function spreadOf(run: FitCase): readonly [number, number] | undefined {
  const text = `${run.model} ${run.quant_or_dtype}`;
  if (run.backend === 'ollama' && !run.quant_or_dtype && !/not stated|UD-/i.test(text)) return undefined;
  if (/4-bit|Q4/i.test(text)) return [0.9, 1.12];
  const bits = /I?Q([2-8])/i.exec(text)?.[1];
  if (bits === undefined) return [0.55, 3.45];
  return [Number(bits) / 5, (Number(bits) + 1.5) / 4.5];
}

/** File types of ik_llama.cpp, for which its users keep everything but the experts in 8 bits. */
function isForkMix(run: FitCase): boolean {
  return /^IQ\d_K|_R4/i.test(run.quant_or_dtype ?? '');
}

/** It also stores the up-projections of latent attention a second time, as they are multiplied into queries and outputs. */
function forkMix(fileBytes: number, facts: ModelFacts): WeightBytes {
  const eightBits = mixtureNamed('Q8_0');
  if (!eightBits) throw new TypeError('there is no Q8_0');
  const { tokenEmbedding, output, layers, ...rest } = weightsAs(eightBits, facts);
  const dense = layers.map((layer, index) => layer.dense + absorbedBytes(facts.layers[index]?.mixer));
  const experts = layers.filter((layer) => layer.experts > 0).length;
  const left = fileBytes - tokenEmbedding - output - dense.reduce((sum, bytes) => sum + bytes, 0);
  if (experts === 0) return scaledTo(fileBytes, { tokenEmbedding, output, layers, ...rest });
  return {
    ...rest,
    tokenEmbedding,
    output,
    layers: layers.map((layer, index) => ({
      dense: dense[index] ?? 0,
      experts: layer.experts > 0 ? left / experts : 0,
    })),
  };
}

function absorbedBytes(mixer: Mixer | undefined): number {
  if (mixer?.kind !== 'latent') return 0;
  return (mixer.kvRank * mixer.heads * (mixer.nopeLength + mixer.valueLength) * 34) / 32;
}

/** What stays on the GPU when the command line says which tensors do not; undefined: the command is cut, or that of another run. */
export function weightsLeftOnGpu(run: FitCase, facts: ModelFacts, weights: WeightBytes): number | undefined {
  const flags = run.other_flags ?? '';
  const context = /(?:--ctx-size|-c) (\d+)/.exec(flags)?.[1];
  const layers = /(?:-ngl|--n-gpu-layers) (\d+)/.exec(flags)?.[1];
  if (
    context === undefined ||
    Number(context) !== run.context ||
    layers === undefined ||
    Number(layers) <= facts.layers.length
  ) {
    return undefined;
  }
  const patterns = [...flags.matchAll(/(?:-ot|--override-tensor) "?([^\s"]+)"?/g)].flatMap(([, list = '']) =>
    list.split(',').map((entry) => entry.split('=')),
  );
  const isOnCpu = (name: string) => patterns.find(([pattern = '']) => matches(pattern, name))?.[1] === 'CPU';
  const kept = weights.layers.map(
    ({ dense, experts }, index) => dense + (isOnCpu(`blk.${index}.ffn_gate_exps.weight`) ? 0 : experts),
  );
  return kept.reduce((sum, bytes) => sum + bytes, 0) + weights.output;
}

/** A pattern that was cut off in the middle matches nothing. */
function matches(pattern: string, name: string): boolean {
  try {
    return new RegExp(pattern).test(name);
  } catch {
    return false;
  }
}

/** In the flags: the experts stay in RAM. */
export function keepsExpertsOnCpu(run: FitCase): boolean {
  return /exps=CPU|ffn\S*=CPU|--n-cpu-moe|-ncmoe/.test(run.other_flags ?? '');
}

/** Tensors or layers were placed by hand, so what is where does not follow from the memory. */
export function isPlacedByHand(run: FitCase): boolean {
  return /(^|\s)(-ot|--override-tensor|-ncmoe|--n-cpu-moe|n_gpu_layers=)/.test(run.other_flags ?? '');
}

/** Fewer layers were asked for than there are: so many. The output matrix counts as one more, the last to go to the GPU. */
export function layersAskedFor(run: FitCase, facts: ModelFacts): number | undefined {
  const flags = run.other_flags ?? '';
  const stated = layersStated(flags);
  const isFewer = stated !== undefined && !/cmd:/.test(flags) && stated <= facts.layers.length;
  return isFewer ? stated : undefined;
}

/** All of them were asked for, so nothing is left on the CPU by itself. */
export function asksForAllLayers(run: FitCase, facts: ModelFacts): boolean {
  return (layersStated(run.other_flags ?? '') ?? 0) > facts.layers.length;
}

/** By the flag, or as Ollama hands it to its engine. */
function layersStated(flags: string): number | undefined {
  const stated = /(?:n_gpu_layers=|--n-gpu-layers |-ngl |GPULayers:)(\d+)/.exec(flags)?.[1];
  return stated === undefined ? undefined : Number(stated);
}

/** Until the end of 2025 llama.cpp left everything on the CPU unless it was told otherwise. */
export function staysOnCpu(run: FitCase, { number, fork }: LlamaCppBuild): boolean {
  if (run.n_gpus === 0) return true;
  const flags = run.other_flags ?? '';
  const isOld = fork === 'ik' || (number !== undefined && number < 6600);
  return run.backend === 'llama.cpp' && isOld && /cmd:/.test(flags) && !/-ngl|n-gpu-layers/.test(flags);
}
