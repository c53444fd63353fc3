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
];

/** Ollama's names without a tag. As a part of a longer name they would say too little. */
const untagged: Readonly<Record<string, string>> = {
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
};

const byKey: ReadonlyMap<string, Shape> = new Map(shapes.map((shape) => [keyOf(shape.name), shape]));
const keys: readonly (readonly [key: string, shape: Shape])[] = [
  ...byKey,
  ...aliases.flatMap(([alias, name]): (readonly [string, Shape])[] => {
    const shape = byKey.get(keyOf(name));
    return shape ? [[keyOf(alias), shape]] : [];
  }),
].sort(([one], [other]) => other.length - one.length);

/**
 * The shape of the model that a name speaks of, whoever publishes it and however it is quantized: `Qwen/Qwen2.5-7B-Instruct-AWQ`, `qwen2.5:7b`. The
 * longest name that is part of it wins. Undefined: not in the catalogue.
 */
export function knownModel(name: string): ModelFacts | undefined {
  const plain = untagged[name.toLowerCase().replace(/:latest$/, '')] ?? nameOfPublished(name);
  const key = keyOf(plain ?? name);
  const found = keys.find(([candidate]) => isPart(candidate, key));
  return found && { doubts: [], ...found[1], origin: 'catalogue' };
}

/** For names that nobody knows: the one shape of this architecture with so many layers and, within a tenth, so many parameters. */
export function modelShapedLike(architecture: string, layers: number, parameters: number): ModelFacts | undefined {
  const alike = shapes.filter((shape) => shape.architecture === architecture && shape.layers.length === layers);
  const found = alike.filter((shape) => Math.abs(parameterCount(shape) / parameters - 1) < 0.1);
  // Generations of a family often share a shape.
  const [first] = found;
  return first && { doubts: [], ...first, origin: 'catalogue' };
}

function parameterCount(shape: Shape): number {
  return tensorsOf(shape).reduce((sum, { columns, rows }) => sum + columns * rows, 0);
}

/** What Ollama's library gives under a name without a file type: Q4_0 for models that it got before the middle of 2024, since then Q4_K_M. */
export function ollamaFileType(name: string): string {
  const base = name.replace(/^.*\//, '');
  if (/^gpt-oss/.test(base)) return 'MXFP4';
  return /^(llama2|llama3\b(?!\.)|codellama|mixtral|dolphin|gemma2?\b|phi3\b|qwen2?\b(?!\.)|deepseek-coder|command-r|yi\b|starcoder2|tinyllama)/.test(
    base,
  )
    ? 'Q4_0'
    : 'Q4_K_M';
}

export const catalogueNames: readonly string[] = shapes.map(({ name }) => name);

/** Publishers put hyphens, colons, blanks and letters' cases as they like; the dots of version numbers say something. */
function keyOf(name: string): string {
  return name.toLowerCase().replace(/[-_:\s/]+/g, '');
}

/** A number that goes on would make it another name: `phi-3` is no part of `phi-3.5`. Dates do not (`-2507`, `-0528`). */
function isPart(candidate: string, key: string): boolean {
  for (let at = key.indexOf(candidate); at >= 0; at = key.indexOf(candidate, at + 1)) {
    if (!/^\.?\d{1,3}(?!\d)/.test(key.slice(at + candidate.length))) return true;
  }
  return false;
}
