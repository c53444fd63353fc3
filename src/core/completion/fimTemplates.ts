import type { CodePlace } from './codePlace.ts';

/**
 * How model families are asked to fill a gap: their own tokens, in their own order. Servers that know them by themselves (Ollama's templates, llama-server's
 * `/infill`, the embedded engine) are left to it; vLLM and plain `/v1/completions` get the prompt that is written here.
 */
export interface FimTemplate {
  /** For people. */
  readonly family: string;
  /** Of a model's name in lower case, as servers write it: `qwen2.5-coder:1.5b`, `Qwen/Qwen2.5-Coder-7B`, `/models/starcoder2-3b.gguf`. */
  readonly names: RegExp;
  /** Where the tokens and their order are written down. */
  readonly source: string;
  readonly prompt: (place: CodePlace) => string;
  /** After the middle: what a server that does not end there by itself is told to stop at. Three at most, since OpenAI's API takes four. */
  readonly stop: readonly string[];
  /** The others that may come. None may ever be offered as code. */
  readonly tokens: readonly string[];
}

/** Those of StarCoder, which several families took over. */
const starCoderGap = ['<fim_prefix>', '<fim_suffix>', '<fim_middle>', '<fim_pad>'];
const barredGap = ['<|fim_prefix|>', '<|fim_suffix|>', '<|fim_middle|>', '<|fim_pad|>'];

/** The first that fits is taken, so that the narrower name comes before the wider one. */
export const fimTemplates: readonly FimTemplate[] = [
  {
    family: 'Qwen Coder',
    names: /qwen-?(2\.5|3)-?coder/,
    source: 'Qwen2.5-Coder Technical Report (arXiv 2409.12186), section 3.2: file-level and repo-level FIM',
    prompt: ({ path, prefix, suffix, neighbours }) => {
      const files = neighbours.map((file) => `<|file_sep|>${file.path}\n${file.text}\n`).join('');
      const beside = files && `<|repo_name|>${repositoryName}\n${files}<|file_sep|>${path}\n`;
      return `${beside}<|fim_prefix|>${prefix}<|fim_suffix|>${suffix}<|fim_middle|>`;
    },
    stop: ['<|endoftext|>', '<|fim_pad|>', '<|file_sep|>'],
    tokens: [...barredGap, '<|repo_name|>', '<|im_start|>', '<|im_end|>'],
  },
  {
    family: 'StarCoder2',
    names: /starcoder-?2/,
    source:
      'StarCoder 2 and The Stack v2 (arXiv 2402.19173), section 5.2: repository context, the path after the prefix token',
    prompt: ({ path, prefix, suffix, neighbours }) => {
      const gap = (before: string) => `<fim_prefix>${before}<fim_suffix>${suffix}<fim_middle>`;
      if (neighbours.length === 0) return gap(prefix);
      const files = neighbours.map((file) => `<file_sep>${file.path}\n${file.text}`).join('');
      return `<repo_name>${repositoryName}${files}<file_sep>${gap(`${path}\n${prefix}`)}`;
    },
    stop: ['<|endoftext|>', '<file_sep>', '<fim_prefix>'],
    tokens: [...starCoderGap, '<repo_name>'],
  },
  {
    family: 'Granite 4',
    names: /granite-?4/,
    source: 'model card of ibm-granite/granite-4.0-1b-base: fill-in-the-middle',
    prompt: ({ prefix, suffix }) => `<|fim_prefix|>${prefix}<|fim_suffix|>${suffix}<|fim_middle|>`,
    stop: ['<|end_of_text|>', '<|fim_pad|>', '<|fim_prefix|>'],
    tokens: barredGap,
  },
  {
    family: 'StarCoder, Granite Code, CodeQwen, Stable Code, Refact',
    names: /starcoder|granite.*code|granite-?3\.3|codeqwen|stable-?code|refact-?1/,
    source:
      'StarCoder: may the source be with you! (arXiv 2305.06161), section 5.1; the model cards of the others say the same tokens',
    prompt: ({ prefix, suffix }) => `<fim_prefix>${prefix}<fim_suffix>${suffix}<fim_middle>`,
    stop: ['<|endoftext|>', '<|end_of_text|>', '<fim_pad>'],
    tokens: [...starCoderGap, '<filename>', '<reponame>'],
  },
  {
    family: 'Codestral',
    names: /^(?!.*(mamba|embed)).*codestral/,
    source: 'mistral-common, encode_fim: the suffix comes first, and the middle goes on after the prefix',
    prompt: ({ path, prefix, suffix, neighbours }) => {
      const files = neighbours.map((file) => `+++++ ${file.path}\n${file.text}\n\n`).join('');
      return `[SUFFIX]${suffix}[PREFIX]${files && `${files}+++++ ${path}\n`}${prefix}`;
    },
    stop: ['\n+++++ ', '[SUFFIX]', '[PREFIX]'],
    tokens: ['[MIDDLE]'],
  },
  {
    // Of the variants only these two sizes were trained for it, and the one for Python was not.
    family: 'Code Llama',
    names: /code-?llama(?!.*(python|34b|70b))/,
    source: 'README of meta-llama/codellama, code infilling; Code Llama (arXiv 2308.12950), section 2.3',
    prompt: ({ prefix, suffix }) => `<PRE> ${prefix} <SUF>${suffix} <MID>`,
    stop: ['<EOT>', '<PRE>', '<SUF>'],
    tokens: ['<MID>'],
  },
  {
    family: 'DeepSeek Coder',
    names: /deepseek-?coder/,
    source: 'README of deepseek-ai/DeepSeek-Coder, code insertion; files of a repository begin with `#path`',
    prompt: ({ path, prefix, suffix, neighbours }) => {
      const files = neighbours.map((file) => `#${file.path}\n${file.text}\n`).join('');
      return `<｜fim▁begin｜>${files && `${files}#${path}\n`}${prefix}<｜fim▁hole｜>${suffix}<｜fim▁end｜>`;
    },
    stop: ['<｜end▁of▁sentence｜>', '<|EOT|>', '<｜fim▁begin｜>'],
    tokens: ['<｜fim▁hole｜>', '<｜fim▁end｜>'],
  },
  {
    // The instruction-tuned one was made for chat.
    family: 'CodeGemma',
    names: /codegemma(?!.*(-it\b|instruct))/,
    source: 'ai.google.dev/gemma/docs/codegemma/prompt-structure',
    prompt: ({ path, prefix, suffix, neighbours }) => {
      const files = neighbours.map((file) => `${file.path}\n${file.text}<|file_separator|>`).join('');
      return `${files && `${files}${path}\n`}<|fim_prefix|>${prefix}<|fim_suffix|>${suffix}<|fim_middle|>`;
    },
    stop: ['<|file_separator|>', '<eos>', '<end_of_turn>'],
    tokens: barredGap,
  },
  {
    family: 'Seed Coder',
    names: /seed-?coder.*base/,
    source: 'Seed-Coder (arXiv 2506.03524), section 3: suffix, prefix, middle',
    prompt: ({ prefix, suffix }) => `<[fim-suffix]>${suffix}<[fim-prefix]>${prefix}<[fim-middle]>`,
    stop: ['<[end▁of▁sentence]>', '<[fim-suffix]>', '<[fim-prefix]>'],
    tokens: ['<[fim-middle]>'],
  },
  {
    family: 'Mellum',
    names: /mellum/,
    source: 'model card of JetBrains/Mellum-4b-base: suffix, prefix, middle; files begin with `<filename>`',
    prompt: ({ path, prefix, suffix, neighbours }) => {
      const files = neighbours.map((file) => `<filename>${file.path}\n${file.text}\n`).join('');
      return `${files}<filename>${path}\n<fim_suffix>${suffix}<fim_prefix>${prefix}<fim_middle>`;
    },
    stop: ['<|endoftext|>', '<filename>', '<fim_suffix>'],
    tokens: [...starCoderGap, '<reponame>'],
  },
];

/** A name that no model knows: the real one would say to whom the code belongs, and helps nobody. */
const repositoryName = 'repository';

/**
 * Families whose vocabulary has no tokens for a gap, whatever they were trained on. SmolLM: its tokenizer has those of StarCoder for files and repositories, but
 * none for gaps (tokenizer_config.json of HuggingFaceTB/SmolLM2-135M-Instruct).
 */
const withoutGapTokens = /smollm/;

/** By any of the names a server gives a model; undefined when how the model does it is not known. */
export function fimTemplateOf(names: readonly string[]): FimTemplate | undefined {
  const lowered = names.map((name) => name.toLowerCase());
  return fimTemplates.find((template) => lowered.some((name) => template.names.test(name)));
}

export function isKnownWithoutFim(names: readonly string[]): boolean {
  return names.some((name) => withoutGapTokens.test(name.toLowerCase()));
}

/** What is cut off of an answer: the family's own tokens; where it is not known those of all that nobody writes in code. */
export function tokensOf(template: FimTemplate | undefined): readonly string[] {
  return template ? [...template.stop, ...template.tokens] : unmistakableTokens;
}

const unmistakableTokens: readonly string[] = [
  ...new Set(fimTemplates.flatMap(({ stop, tokens }) => [...stop, ...tokens]).filter((token) => /fim|\|/.test(token))),
];
