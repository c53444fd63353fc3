import { aliases, others, untagged } from './modelAliases.ts';
import type { ModelFacts } from './modelFacts.ts';
import { nameOfPublished } from './publishedModels.ts';
import { shapes } from './shapes.ts';
import type { Shape } from './shapes/shapeKinds.ts';
import { tensorsOf } from './tensors.ts';

const byKey: ReadonlyMap<string, Shape> = new Map(shapes.map((shape) => [keyOf(shape.name), shape]));
const keys: readonly (readonly [key: string, shape: Shape | undefined])[] = [
  ...byKey,
  ...aliases.map(([alias, name]): [string, Shape | undefined] => [keyOf(alias), byKey.get(keyOf(name))]),
  ...others.map((name): [string, undefined] => [keyOf(name), undefined]),
].sort(([one], [other]) => other.length - one.length);

/**
 * The shape of the model that a name speaks of, whoever publishes it and however it is quantized: `Qwen/Qwen2.5-7B-Instruct-AWQ`, `qwen2.5:7b`. The
 * longest name that is part of it wins, unless a size that is stated beside it says that it is another model. Undefined: not in the catalogue.
 */
export function knownModel(name: string): ModelFacts | undefined {
  if (changed.test(name)) return undefined;
  const plain = untagged[name.toLowerCase().replace(/:latest$/, '')] ?? nameOfPublished(name) ?? name;
  // `Llama-3_3-70B`, and `llama3:instruct`: a tag without a size is that of the size without a tag.
  const base = untagged[/^([^/:]+):[a-z-]+$/.exec(name.toLowerCase())?.[1] ?? ''] ?? plain;
  const found =
    shapeNamed(plain) ?? shapeNamed(plain.replace(/(\d)_(?=\d)/g, '$1.')) ?? shapeNamed(base) ?? shapeOfFamily(name);
  return found && { doubts: [], ...found, origin: 'catalogue' };
}

/** A model with experts taken out, or a small one that guesses ahead for it, goes by the name of the whole. */
const changed =
  /(?<![a-z])(REAP|pruned|eagle-?\d?|speculator|d(?:flash|spark)\d?|aurora-spec|gemma-?4\S*-assistant)(?![a-z])/i;

function shapeNamed(name: string): Shape | undefined {
  const key = keyOf(name);
  const sizes = statedSizes(name);
  return keys.find(
    ([candidate, shape]) => isPart(candidate, key, shape) && (!shape || isOfSize(shape, candidate, sizes)),
  )?.[1];
}

/** Families whose fine-tunes put words between the generation and the size: `Llama-3-Taiwan-8B-Instruct`. */
const ofFamilies = shapes.flatMap((shape) => {
  const [, family, billions] =
    /^((?:llama-3|qwen2|qwen3|gemma-[23])(?:\.\d)?)-(\d+(?:\.\d+)?)b$/.exec(shape.name) ?? [];
  return family === undefined ? [] : [{ shape, family: keyOf(family), billions: Number(billions) }];
});

/** The one size that is stated beside the generation's name, where it has that size. */
function shapeOfFamily(name: string): Shape | undefined {
  const key = keyOf(name);
  const [billions, ...more] = new Set(statedSizes(name));
  if (billions === undefined || more.length > 0 || others.some((other) => key.includes(keyOf(other)))) return undefined;
  if (/vl(?![a-z])|vision|omni|audio|moe/i.test(name)) return undefined;
  const found = ofFamilies.filter(
    (one) => one.billions === billions && new RegExp(`${one.family.replace('.', '\\.')}(?![\\d.])`).test(key),
  );
  return found.length === 1 ? found[0]?.shape : undefined;
}

/** Billions of parameters: `7B`, not the active ones (`A3B`), nor those of one expert (`8x7B`). */
function statedSizes(name: string): readonly number[] {
  return [...name.matchAll(/(?<![\w.])(\d+(?:\.\d+)?)b(?![a-z])/gi)].map(([, size]) => Number(size));
}

function isOfSize(shape: Shape, candidate: string, sizes: readonly number[]): boolean {
  return sizes.length === 0 || sizes.some((size) => candidate.includes(`${size}b`) || isAbout(shape, size));
}

/** Makers round, and some leave out embeddings or the encoder. */
function isAbout(shape: Shape, billions: number): boolean {
  return Math.abs(parameterCount(shape) / 1e9 / billions - 1) < 0.25;
}

/** For names that nobody knows: the one shape of this architecture with so many layers and, within a tenth, so many parameters. */
export function modelShapedLike(architecture: string, layers: number, parameters: number): ModelFacts | undefined {
  const alike = shapes.filter((shape) => shape.architecture === architecture && shape.layers.length === layers);
  const found = alike.filter((shape) => Math.abs(parameterCount(shape) / parameters - 1) < 0.1);
  // Generations of a family often share a shape.
  const [first] = found;
  return first && { doubts: [], ...first, origin: 'catalogue' };
}

const parameterCounts = new Map<Shape, number>();

function parameterCount(shape: Shape): number {
  const known = parameterCounts.get(shape);
  if (known !== undefined) return known;
  const count = tensorsOf(shape).reduce((sum, { columns, rows }) => sum + columns * rows, shape.perLayerInputs ?? 0);
  parameterCounts.set(shape, count);
  return count;
}

/** Bases of names that Ollama's library got before the autumn of 2024, by the sizes that it lists: Q4_0 unless a tag says otherwise. */
const olderThanMixtures =
  /^(llama2|llama3\b(?!\.)|codellama|mixtral|dolphin-(mistral|mixtral|llama3|phi)|gemma2?\b|codegemma|phi\b|phi3\b|qwen2?\b(?!\.)|codeqwen|deepseek-(coder|llm|v2)|command-r\b|aya\b|yi\b|starcoder|tinyllama|mistral-nemo|codestral|mathstral|zephyr|vicuna|openchat|solar\b|neural-chat|starling-lm|openhermes|nous-hermes2|wizardlm2|wizardcoder|phind-codellama|magicoder|orca-mini|llava|stablelm2|falcon2?\b|granite-code|glm4|internlm2)/;

/** What Ollama's library gives under a name without a file type: Q4_0 for models that it has had for long, else Q4_K_M. */
export function ollamaFileType(name: string): string {
  const base = name.toLowerCase().replace(/^.*\//, '').replaceAll(' ', '-');
  if (/^gpt-oss/.test(base)) return 'MXFP4';
  return olderThanMixtures.test(base) ? 'Q4_0' : 'Q4_K_M';
}

export const catalogueNames: readonly string[] = shapes.map(({ name }) => name);

/** Publishers put hyphens, colons, blanks and letters' cases as they like; the dots of version numbers say something. `4bit` is no part of a name. */
function keyOf(name: string): string {
  return name
    .toLowerCase()
    .replace(/\b\d{1,2}[-_ ]?bits?\b/g, '')
    .replaceAll('+', 'plus')
    .replace(/[-_:\s/]+/g, '');
}

/** A number that goes on would make it another name: `phi-3` is no part of `phi-3.5`. Dates do not (`-2507`, `-0528`), nor contexts (`-128k`) nor the model's size (`phi4:14b`). */
function isPart(candidate: string, key: string, shape: Shape | undefined): boolean {
  if (!shape) return key.includes(candidate);
  for (let at = key.indexOf(candidate); at >= 0; at = key.indexOf(candidate, at + 1)) {
    const rest = key.slice(at + candidate.length);
    if (!/^\.?\d{1,3}(?![\dk])/.test(rest)) return true;
    const size = /^(\d+(?:\.\d+)?)b/.exec(rest)?.[1];
    if (size !== undefined && isAbout(shape, Number(size))) return true;
  }
  return false;
}
