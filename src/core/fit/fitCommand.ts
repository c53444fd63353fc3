import type { FitGpu, FitModel, FitRequest, FitServer } from './fitRequest.ts';
import type { LlamaCppSettings } from './llamaCpp.ts';

/** What the makers of vLLM use in their examples. */
const guessedTokens = 5;

type Ollama = Extract<FitServer, { kind: 'ollama' }>;
type LlamaServer = Extract<FitServer, { kind: 'llama-server' }>;
type Vllm = Extract<FitServer, { kind: 'vllm' }>;

/** Lines for a terminal. What the server itself has to be started with comes first; the context is set where one types. */
export function ollamaCommand(model: FitModel, server: Ollama, contextTokens: number): string {
  const { running = {}, cacheType, flashAttention, parallel } = server;
  const newCache = cacheType === running.cacheType ? undefined : cacheType;
  const needsFlash = newCache !== undefined && newCache !== 'f16' && !running.flashAttention;
  const newFlash = flashAttention === running.flashAttention ? undefined : flashAttention;
  const environment = [
    ...(newFlash === undefined && !needsFlash ? [] : [`OLLAMA_FLASH_ATTENTION=${flashAttention === false ? 0 : 1}`]),
    ...(newCache === undefined ? [] : [`OLLAMA_KV_CACHE_TYPE=${newCache}`]),
    ...(parallel === undefined || parallel === running.parallel ? [] : [`OLLAMA_NUM_PARALLEL=${parallel}`]),
  ];
  const lines = environment.length > 0 ? [`${environment.join(' ')} ollama serve`] : [];
  if (isFile(model.name)) {
    const name = ollamaName(model.name);
    lines.push(
      `echo ${quoted(`FROM ${model.name}`)} > Modelfile && ollama create ${quoted(name)} && ollama run ${quoted(name)}`,
    );
  } else lines.push(`ollama run ${quoted(model.name)}`);
  if (server.contextTokens !== undefined && server.contextTokens !== running.contextTokens)
    lines.push(`/set parameter num_ctx ${contextTokens}`);
  if (server.batchTokens !== undefined) lines.push(`/set parameter num_batch ${server.batchTokens}`);
  return lines.join('\n');
}

export function llamaServerCommand(
  model: FitModel,
  server: LlamaServer,
  settings: LlamaCppSettings,
  draft: FitModel | undefined,
): string {
  const words = ['llama-server', '-m', quoted(ggufName(model)), '-c', settings.contextTokens];
  if (draft) words.push('-md', quoted(ggufName(draft)));
  if (server.parallel !== undefined) words.push('-np', server.parallel);
  if (server.cacheType !== undefined) words.push('-ctk', server.cacheType, '-ctv', server.cacheType);
  if (server.flashAttention !== undefined || (server.cacheType !== undefined && server.cacheType !== 'f16')) {
    words.push('-fa', server.flashAttention === false ? 'off' : 'on');
  }
  if (server.batchTokens !== undefined) words.push('-ub', server.batchTokens);
  // Builds before the end of 2025 leave everything on the CPU unless they are told.
  if (server.build !== undefined && server.build < 7400) words.push('-ngl', 99);
  return words.join(' ');
}

function ggufName({ name, fileType }: FitModel): string {
  return isFile(name) ? name : `${name}${fileType ? `-${fileType}` : ''}.gguf`;
}

/** `devices`: which of the machine's GPUs, where it is not the first ones. */
export function vllmCommand(
  { model, draft }: Pick<FitRequest, 'model' | 'draft'>,
  server: Vllm,
  contextTokens: number,
  gpu: FitGpu | undefined,
  devices: string | undefined,
): string {
  const words: (string | number)[] = ['vllm', 'serve', quoted(model.name), '--max-model-len', contextTokens];
  const flags: readonly (readonly [flag: string, value: string | number | undefined])[] = [
    ['--gpu-memory-utilization', server.utilization],
    ['--max-num-seqs', server.maxSequences],
    ['--max-num-batched-tokens', server.maxBatchedTokens],
    ['--tensor-parallel-size', server.tensorParallel === 1 ? undefined : server.tensorParallel],
    ['--quantization', quantization(model)],
    ['--kv-cache-dtype', server.cacheType === 'auto' ? undefined : server.cacheType],
    // Cards before Ampere have no bfloat16, which most checkpoints are in.
    ['--dtype', gpu && /\b(T4|V100|P40|P100|RTX 20\d\d|GTX|TITAN|Quadro RTX)\b/.test(gpu.name) ? 'half' : undefined],
  ];
  for (const [flag, value] of flags) if (value !== undefined) words.push(flag, value);
  if (server.eager) words.push('--enforce-eager');
  if (draft) {
    const speculative = { model: draft.name, num_speculative_tokens: guessedTokens };
    words.push('--speculative-config', quoted(JSON.stringify(speculative)));
  }
  const command = words.join(' ');
  return devices === undefined ? command : `CUDA_VISIBLE_DEVICES=${devices} ${command}`;
}

/** What a checkpoint in 16 bits is made while it is loaded; one that is quantised says so itself, in its name too. */
function quantization({ name, scheme }: FitModel): string | undefined {
  if (scheme?.kind === 'fp8' && !/fp8/i.test(name)) return 'fp8';
  return scheme?.kind === 'nf4' && !/bnb|nf4|4bit/i.test(name) ? 'bitsandbytes' : undefined;
}

export function isFile(name: string): boolean {
  return /\.gguf$/i.test(name);
}

/** A file's name without folder and ending, as Ollama allows names. */
function ollamaName(file: string): string {
  const base = file.replace(/^.*[\\/]/, '').replace(/\.gguf$/i, '');
  return base.toLowerCase().replaceAll(/[^a-z0-9._-]+/g, '-');
}

/** For a POSIX shell; PowerShell reads it the same. */
function quoted(word: string): string {
  return /^[\w./:@+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
