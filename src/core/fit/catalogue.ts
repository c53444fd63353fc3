import type { ModelFacts } from './modelFacts.ts';
import { nameOfPublished } from './publishedModels.ts';
import { shapes, type Shape } from './shapes.ts';
import { tensorsOf } from './tensors.ts';

/** Names by which models are published beside that of their shape: fine-tunes keep the shape of what they are made from. */
const aliases: readonly (readonly [alias: string, shape: string])[] = [
  ['mistral-7b-instruct-v0.3', 'mistral-7b-v0.3'],
  ['mistral-small3.1', 'mistral-small-3.1-24b'],
  ['mistral-small3.2', 'mistral-small-3.2-24b'],
  ['mistral-small-24b-instruct', 'mistral-small-24b'],
  ['devstral', 'devstral-small-24b'],
  ['magistral', 'magistral-small-24b'],
  ['codestral', 'codestral-22b'],
  ['mistral-large', 'mistral-large-123b'],
  ['meta-llama-3-8b', 'llama-3-8b'],
  ['meta-llama-3-70b', 'llama-3-70b'],
  ['meta-llama-3.1-8b', 'llama-3.1-8b'],
  ['meta-llama-3.1-70b', 'llama-3.1-70b'],
  ['hermes-3-llama-3.1-8b', 'llama-3.1-8b'],
  ['r1-distill-llama-8b', 'llama-3.1-8b'],
  ['r1-distill-llama-70b', 'llama-3.3-70b'],
  ['r1-distill-qwen-1.5b', 'qwen2.5-1.5b'],
  ['r1-distill-qwen-7b', 'qwen2.5-7b'],
  ['r1-distill-qwen-14b', 'qwen2.5-14b'],
  ['r1-distill-qwen-32b', 'qwen2.5-32b'],
  ['deepseek-r1-1.5b', 'qwen2.5-1.5b'],
  ['deepseek-r1-7b', 'qwen2.5-7b'],
  ['deepseek-r1-8b', 'qwen3-8b'],
  ['deepseek-r1-671b', 'deepseek-v3'],
  ['deepseek-r1-14b', 'qwen2.5-14b'],
  ['deepseek-r1-32b', 'qwen2.5-32b'],
  ['deepseek-r1-70b', 'llama-3.3-70b'],
  ['deepseek-r1-0528-qwen3-8b', 'qwen3-8b'],
  ['deepseek-r1', 'deepseek-v3'],
  ['deepseek-v3.1', 'deepseek-v3'],
  ['deepseek-v2.5', 'deepseek-v2'],
  ['deepseek-coder-v2-lite', 'deepseek-v2-lite'],
  ['deepseek-coder-v2', 'deepseek-v2-lite'],
  ['qwen2.5-coder-0.5b', 'qwen2.5-0.5b'],
  ['qwen2.5-coder-1.5b', 'qwen2.5-1.5b'],
  ['qwen2.5-coder-3b', 'qwen2.5-3b'],
  ['qwen2.5-coder-7b', 'qwen2.5-7b'],
  ['qwen2.5-coder-14b', 'qwen2.5-14b'],
  ['qwen2.5-coder-32b', 'qwen2.5-32b'],
  ['qwen2.5-math-7b', 'qwen2.5-7b'],
  ['qwen2.5vl-3b', 'qwen2.5-vl-3b'],
  ['qwen2.5vl-7b', 'qwen2.5-vl-7b'],
  ['qwen3-coder-next', 'qwen3-next-80b-a3b'],
  ['qwen3-next', 'qwen3-next-80b-a3b'],
  ['qwen3-coder', 'qwen3-coder-30b-a3b'],
  ['qwen3-30b', 'qwen3-30b-a3b'],
  ['qwen3-coder-480b', 'qwen3-coder-480b-a35b'],
  ['qwen3-vl-30b', 'qwen3-vl-30b-a3b'],
  ['qwen3-vl-235b', 'qwen3-vl-235b-a22b'],
  ['qwen3.5-35b', 'qwen3.5-35b-a3b'],
  ['qwen3.5-122b', 'qwen3.5-122b-a10b'],
  ['qwen3.5-397b', 'qwen3.5-397b-a17b'],
  ['qwen3-235b', 'qwen3-235b-a22b'],
  ['qwen3-vl', 'qwen3-vl-8b'],
  ['qwen3.6-27b', 'qwen3.5-27b'],
  ['qwen3.8-27b', 'qwen3.5-27b'],
  ['qwen3.6-35b', 'qwen3.5-35b-a3b'],
  ['qwen3.6-35b-a3b', 'qwen3.5-35b-a3b'],
  ['qwen35moe-35b.a3b', 'qwen3.5-35b-a3b'],
  ['gemma3n-e2b', 'gemma-3n-e2b'],
  ['gemma3n-e4b', 'gemma-3n-e4b'],
  ['gemma4-12b', 'gemma-4-12b'],
  ['gemma4-26b', 'gemma-4-26b-a4b'],
  ['gemma-4-26b', 'gemma-4-26b-a4b'],
  ['phi3-3.8b-mini-128k', 'phi-3-mini-128k'],
  ['phi-3-mini-128k-instruct', 'phi-3-mini-128k'],
  ['phi3-mini', 'phi-3-mini'],
  ['phi3-medium', 'phi-3-medium'],
  ['phi3.5', 'phi-3.5-mini'],
  ['phi4-mini', 'phi-4-mini'],
  ['granite-3.0-2b', 'granite-3-2b'],
  ['granite-3.1-2b', 'granite-3-2b'],
  ['granite-3.2-2b', 'granite-3-2b'],
  ['granite-3.3-2b', 'granite-3-2b'],
  ['granite-3.0-8b', 'granite-3-8b'],
  ['granite-3.1-8b', 'granite-3-8b'],
  ['granite-3.2-8b', 'granite-3-8b'],
  ['granite-3.3-8b', 'granite-3-8b'],
  ['granite-vision-3.2-2b', 'granite-vision-3-2b'],
  ['granite-vision-3.3-2b', 'granite-vision-3-2b'],
  ['glm-4.5', 'glm-4.6'],
  ['glm-4.7', 'glm-4.6'],
  ['glm-5.1', 'glm-5'],
  ['glm-5.2', 'glm-5'],
  ['glm-5.3', 'glm-5'],
  ['minimax-m2.1', 'minimax-m2'],
  ['minimax-m2.5', 'minimax-m2'],
  ['minimax-m2.7', 'minimax-m2'],
  ['llama-4-scout', 'llama-4-scout-17b-16e'],
  ['llama-2-7b-chat', 'llama-2-7b'],
  ['llama-v2-7b', 'llama-2-7b'],
  ['llama-v2-13b', 'llama-2-13b'],
  ['command-r', 'command-r-35b'],
  ['lfm2.5-8b-a1b', 'lfm2-8b-a1b'],
  ['nemotron-cascade-2-30b-a3b', 'nemotron-3-nano-30b-a3b'],
  ['nemotron-3-nano', 'nemotron-3-nano-30b-a3b'],
  ['mixtral', 'mixtral-8x7b'],
  ['llama-3.1-nemotron-70b', 'llama-3.1-70b'],
  ['llama-3.1-nemotron-nano-8b', 'llama-3.1-8b'],
  ['llama-guard-3-8b', 'llama-3.1-8b'],
  ['tulu-3-8b', 'llama-3.1-8b'],
  ['tulu-3-70b', 'llama-3.1-70b'],
  ['mistral-small-instruct-2409', 'mistral-small-22b'],
  ['mistral-small-instruct-2501', 'mistral-small-24b'],
  ['starling-lm-7b', 'mistral-7b'],
  ['neural-chat-7b', 'mistral-7b'],
  ['openchat-3.5', 'mistral-7b'],
  ['wizardlm-2-7b', 'mistral-7b'],
  ['wizardlm-2-8x22b', 'mixtral-8x22b'],
  ['codegemma-2b', 'gemma-2b'],
  ['codegemma-7b', 'gemma-7b'],
  ['medgemma-4b', 'gemma-3-4b'],
  ['medgemma-27b', 'gemma-3-27b'],
  ['qwen-7b', 'qwen1.5-7b'],
  ['qwen-14b', 'qwen1.5-14b'],
  ['qwen-72b', 'qwen1.5-72b'],
  ['smaug-72b', 'qwen1.5-72b'],
  ['yi-coder-9b', 'yi-1.5-9b'],
  ['aya-23-8b', 'aya-expanse-8b'],
  ['aya-23-35b', 'command-r-35b'],
  ['deepseek-v3.2', 'deepseek-v3'],
  ['kimi-k2.5', 'kimi-k2'],
  ['qwen3.5-moe-35b', 'qwen3.5-35b-a3b'],
  ['llama-4-maverick', 'llama-4-maverick-17b-128e'],
  ['llama4-16x17b', 'llama-4-scout-17b-16e'],
  ['llama4-128x17b', 'llama-4-maverick-17b-128e'],
  ['llama3.2-vision', 'llama-3.2-11b-vision'],
  ['command-r-35b-08-2024', 'command-r-08-2024'],
  ['deepseek-coder-v2-instruct', 'deepseek-v2'],
  ['deepseek-coder-v2-236b', 'deepseek-v2'],
  ['deepseek-coder-v2-16b', 'deepseek-v2-lite'],
  ['deepseek-v2-16b', 'deepseek-v2-lite'],
  ['phi3-14b', 'phi-3-medium'],
  ['phi3-medium-128k', 'phi-3-medium'],
  ['granite3-dense-2b', 'granite-3-2b'],
  ['granite3-dense-8b', 'granite-3-8b'],
  ['granite3.1-dense-2b', 'granite-3-2b'],
  ['granite3.1-dense-8b', 'granite-3-8b'],
  ['granite3-moe-1b', 'granite-3-1b-a400m'],
  ['granite3-moe-3b', 'granite-3-3b-a800m'],
  ['granite3.1-moe-1b', 'granite-3-1b-a400m'],
  ['granite3.1-moe-3b', 'granite-3-3b-a800m'],
  ['granite-3.0-1b-a400m', 'granite-3-1b-a400m'],
  ['granite-3.1-1b-a400m', 'granite-3-1b-a400m'],
  ['granite-3.0-3b-a800m', 'granite-3-3b-a800m'],
  ['granite-3.1-3b-a800m', 'granite-3-3b-a800m'],
  ['gpt-oss-safeguard-20b', 'gpt-oss-20b'],
  ['gpt-oss-safeguard-120b', 'gpt-oss-120b'],
  ['gemma-1.1-2b', 'gemma-2b'],
  ['gemma-1.1-7b', 'gemma-7b'],
  ['shieldgemma-2b', 'gemma-2-2b'],
  ['shieldgemma-9b', 'gemma-2-9b'],
  ['shieldgemma-27b', 'gemma-2-27b'],
  ['translategemma-4b', 'gemma-3-4b'],
  ['translategemma-12b', 'gemma-3-12b'],
  ['translategemma-27b', 'gemma-3-27b'],
  ['llava-7b', 'llava-v1.6-mistral-7b'],
  ['llava-13b', 'llava-v1.5-13b'],
  ['mathstral-7b', 'mistral-7b-v0.3'],
  ['openchat-7b', 'mistral-7b'],
  ['nous-hermes2-10.7b', 'solar-10.7b'],
  ['orca-mini-3b', 'open-llama-3b'],
  ['orca-2-7b', 'llama-2-7b'],
  ['orca-2-13b', 'llama-2-13b'],
  ['mythomax-l2-13b', 'llama-2-13b'],
  ['wizardlm-13b', 'llama-2-13b'],
  ['wizardcoder-python-34b', 'codellama-34b'],
  ['hermes-3-llama-3.1-70b', 'llama-3.1-70b'],
  ['hermes-3-llama-3.1-405b', 'llama-3.1-405b'],
  ['hermes-4-14b', 'qwen3-14b'],
  ['hermes-4-70b', 'llama-3.1-70b'],
  ['dolphin3-8b', 'llama-3.1-8b'],
  ['hermes3-8b', 'llama-3.1-8b'],
  ['nemotron-70b', 'llama-3.1-70b'],
  ['reflection-70b', 'llama-3.1-70b'],
  ['cogito-3b', 'llama-3.2-3b'],
  ['cogito-8b', 'llama-3.1-8b'],
  ['cogito-14b', 'qwen2.5-14b'],
  ['cogito-32b', 'qwen2.5-32b'],
  ['cogito-70b', 'llama-3.3-70b'],
  ['athene-v2', 'qwen2.5-72b'],
  ['deepcoder-14b', 'qwen2.5-14b'],
  ['deepscaler-1.5b', 'qwen2.5-1.5b'],
  ['openthinker-7b', 'qwen2.5-7b'],
  ['openthinker-32b', 'qwen2.5-32b'],
  ['qvq-72b', 'qwen2-vl-72b'],
  ['qwen-1.8b', 'qwen1.5-1.8b'],
  ['qwen2-math-1.5b', 'qwen2-1.5b'],
  ['qwen2-math-7b', 'qwen2-7b'],
  ['qwen2-math-72b', 'qwen2-72b'],
  ['qwen2.5-math-1.5b', 'qwen2.5-1.5b'],
  ['qwen2.5-math-72b', 'qwen2.5-72b'],
  ['qwen2.5vl-32b', 'qwen2.5-vl-32b'],
  ['qwen2.5vl-72b', 'qwen2.5-vl-72b'],
  ['qwen3-embedding-0.6b', 'qwen3-0.6b'],
  ['qwen3-embedding-4b', 'qwen3-4b'],
  ['qwen3-embedding-8b', 'qwen3-8b'],
  ['qwen3-reranker-0.6b', 'qwen3-0.6b'],
  ['qwen3-reranker-4b', 'qwen3-4b'],
  ['qwen3-reranker-8b', 'qwen3-8b'],
  ['qwen3.6-397b', 'qwen3.5-397b-a17b'],
  ['smollm-135m', 'smollm2-135m'],
  ['smollm-360m', 'smollm2-360m'],
  ['smollm-1.7b', 'smollm2-1.7b'],
  ['internlm2.5-1.8b', 'internlm2-1.8b'],
  ['internlm2.5-7b', 'internlm2-7b'],
  ['internlm2.5-20b', 'internlm2-20b'],
  ['exaone-deep-2.4b', 'exaone-3.5-2.4b'],
  ['exaone-deep-7.8b', 'exaone-3.5-7.8b'],
  ['exaone-deep-32b', 'exaone-3.5-32b'],
  ['exaone-3.0-7.8b', 'exaone-3.5-7.8b'],
  ['codegeex4-9b', 'glm-4-9b'],
  ['codegeex4-all-9b', 'glm-4-9b'],
  ['aya-8b', 'aya-expanse-8b'],
  ['aya-35b', 'command-r-35b'],
  ['olmo-3.1-32b', 'olmo-3-32b'],
  ['stable-code-3b', 'stablelm-3b-4e1t'],
  ['lfm2.5-1.2b', 'lfm2-1.2b'],
  ['lfm2.5-350m', 'lfm2-350m'],
];

/** Names that a shorter one would be taken for, of models that are not here. */
const others: readonly string[] = [
  'codestral-mamba',
  'mamba-codestral',
  'glm-4.6v-flash',
  'glm-4.1v',
  'qwen2.5-omni',
  'qwen3-omni',
  'qwen3.5-omni',
  'qwen3-vl-embedding',
  'qwen2-audio',
  'mistral-large-3',
  'mistral-medium',
  'mistral-small-4',
  'ministral-3b',
  'llama-4-behemoth',
  'phi-4-multimodal',
  'phi-3-vision',
  'phi-3.5-vision',
  'deepseek-v4',
  'deepseek-vl',
  'deepseek-ocr',
  'gemma-3n-e1b',
  'kimi-linear',
  'falcon-mamba',
  'falcon-h1',
  'granite-4',
  'glm-4.5v',
  'glm-4.6v',
  'recurrentgemma',
  't5gemma',
  'vaultgemma',
  'phi-4-mini-flash',
  'nemotron-super',
  'nemotron-ultra',
  'nemotron-nano-9b',
  'jina-embeddings',
  'mixtral-offloading',
  'paligemma',
  'internvl',
  'minicpm',
];

/** Ollama's names without a tag. As a part of a longer name they would say too little. */
const untagged: Readonly<Record<string, string>> = {
  // The distilled one; the model itself is `deepseek-r1:671b`.
  'deepseek-r1': 'qwen3-8b',
  llama4: 'llama-4-scout-17b-16e',
  'ministral-3': 'ministral-3-8b',
  llama2: 'llama-2-7b',
  llama3: 'llama-3-8b',
  'llama3.1': 'llama-3.1-8b',
  'llama3.2': 'llama-3.2-3b',
  'llama3.3': 'llama-3.3-70b',
  codellama: 'codellama-7b',
  mistral: 'mistral-7b-v0.3',
  gemma: 'gemma-7b',
  gemma2: 'gemma-2-9b',
  gemma3: 'gemma-3-4b',
  gemma3n: 'gemma-3n-e4b',
  phi3: 'phi-3-mini',
  phi4: 'phi-4',
  qwen2: 'qwen2-7b',
  'qwen2.5': 'qwen2.5-7b',
  'qwen2.5-coder': 'qwen2.5-7b',
  qwen3: 'qwen3-8b',
  qwq: 'qwq-32b',
  'gpt-oss': 'gpt-oss-20b',
  tinyllama: 'tinyllama-1.1b',
  phi: 'phi-2',
  vicuna: 'vicuna-7b',
  zephyr: 'zephyr-7b',
  solar: 'solar-10.7b',
  openchat: 'mistral-7b',
  'dolphin-mistral': 'mistral-7b',
  dolphin3: 'llama-3.1-8b',
  hermes3: 'llama-3.1-8b',
  nemotron: 'llama-3.1-70b',
  'nemotron-mini': 'nemotron-mini-4b',
  cogito: 'llama-3.1-8b',
  deepscaler: 'qwen2.5-1.5b',
  deepcoder: 'qwen2.5-14b',
  'mistral-small': 'mistral-small-24b',
  'qwen2.5vl': 'qwen2.5-vl-7b',
  'qwen3.5': 'qwen3.5-9b',
  'deepseek-coder': 'deepseek-coder-1.3b',
  starcoder2: 'starcoder2-3b',
  smollm2: 'smollm2-1.7b',
  falcon3: 'falcon3-7b',
  llava: 'llava-v1.6-mistral-7b',
  glm4: 'glm-4-9b',
  olmo2: 'olmo-2-7b',
  'exaone3.5': 'exaone-3.5-7.8b',
  'granite3.1-dense': 'granite-3-8b',
  'granite3.2': 'granite-3-8b',
  'granite3.3': 'granite-3-8b',
  'granite-code': 'granite-code-3b',
  codegemma: 'gemma-7b',
  'command-r7b': 'command-r7b',
  'llama3.2-vision': 'llama-3.2-11b-vision',
};

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
  const plain = untagged[name.toLowerCase().replace(/:latest$/, '')] ?? nameOfPublished(name);
  const key = keyOf(plain ?? name);
  const sizes = statedSizes(plain ?? name);
  const found = keys.find(
    ([candidate, shape]) => isPart(candidate, key, shape) && (!shape || isOfSize(shape, candidate, sizes)),
  )?.[1];
  return found && { doubts: [], ...found, origin: 'catalogue' };
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

/** What Ollama's library gives under a name without a file type: Q4_0 for models that it got before the middle of 2024, since then Q4_K_M. */
export function ollamaFileType(name: string): string {
  const base = name.toLowerCase().replace(/^.*\//, '').replaceAll(' ', '-');
  if (/^gpt-oss/.test(base)) return 'MXFP4';
  return /^(llama2|llama3\b(?!\.)|codellama|mixtral|dolphin|gemma2?\b|phi3\b|qwen2?\b(?!\.)|deepseek-coder|command-r|yi\b|starcoder2|tinyllama)/.test(
    base,
  )
    ? 'Q4_0'
    : 'Q4_K_M';
}

export const catalogueNames: readonly string[] = shapes.map(({ name }) => name);

/** Publishers put hyphens, colons, blanks and letters' cases as they like; the dots of version numbers say something. `4bit` is no part of a name. */
function keyOf(name: string): string {
  return name
    .toLowerCase()
    .replace(/\b\d{1,2}[-_ ]?bits?\b/g, '')
    .replace(/[-_:\s/]+/g, '');
}

/** A number that goes on would make it another name: `phi-3` is no part of `phi-3.5`. Dates do not (`-2507`, `-0528`), nor does the model's size (`phi4:14b`). */
function isPart(candidate: string, key: string, shape: Shape | undefined): boolean {
  if (!shape) return key.includes(candidate);
  for (let at = key.indexOf(candidate); at >= 0; at = key.indexOf(candidate, at + 1)) {
    const rest = key.slice(at + candidate.length);
    if (!/^\.?\d{1,3}(?!\d)/.test(rest)) return true;
    const size = /^(\d+(?:\.\d+)?)b/.exec(rest)?.[1];
    if (size !== undefined && isAbout(shape, Number(size))) return true;
  }
  return false;
}
