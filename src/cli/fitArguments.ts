import { schemeNamed } from '../core/fit/checkpoint.ts';
import type { FitGpu, FitModel, FitServer } from '../core/fit/fitRequest.ts';
import { cudaBytesOfCard } from '../core/fit/gpus.ts';
import { isCacheType } from '../core/fit/kvCache.ts';
import { fileTypeNamed } from '../core/fit/modelNames.ts';
import { UsageError } from './usageError.ts';

/** The flags of `a2ia fit`, beside those that every command has. */
export const fitFlags = {
  gpu: { type: 'string', multiple: true },
  vram: { type: 'string', multiple: true },
  free: { type: 'string' },
  ram: { type: 'string' },
  context: { type: 'string' },
  'kv-cache': { type: 'string' },
  quantization: { type: 'string' },
  parallel: { type: 'string' },
  batch: { type: 'string' },
  utilization: { type: 'string' },
  'tensor-parallel': { type: 'string' },
  eager: { type: 'boolean' },
  'server-version': { type: 'string' },
  draft: { type: 'string' },
  with: { type: 'string' },
} as const;

export const fitUsage = `
a2ia fit
  --backend B                 ollama, llama-server or vllm; else what suits the model
  --gpu NAME                  "RTX 3500 Ada", "2x RTX 4090"; may be repeated. Else this
                              machine’s
  --vram SIZE                 What a process can have of the GPU: 11.6 (GiB), 12GB; may be
                              repeated
  --free SIZE                 What is free of it; --ram SIZE: of the machine’s memory
  --context N                 In tokens: 32k, 32768
  --kv-cache T                f16, q8_0, q4_0; vLLM: auto, fp8
  --quantization Q            Q4_K_M, Q8_0, …; vLLM: awq, gptq, fp8, …
  --parallel N                Requests at once; --batch N: tokens at once
  --utilization U, --tensor-parallel N, --eager     As vLLM’s flags
  --server-version V          0.33.0, b9500; else that of the running server, or the current
  --draft MODEL               A small model that guesses ahead (llama-server, vLLM)
  --with MODEL                Another model on the same GPU at the same time
`;

/** Undefined: not given. */
export interface FitOptions {
  readonly model: string;
  readonly kind: FitServer['kind'] | undefined;
  readonly quantization: Pick<FitModel, 'fileType' | 'scheme'>;
  /** Empty: this machine's. */
  readonly gpus: readonly FitGpu[];
  readonly freeRamBytes: number | undefined;
  readonly draft: string | undefined;
  /** Another model at the same time. */
  readonly beside: string | undefined;
  /** The server with the model in its usual form; what is not for its kind was refused. */
  serverOf(kind: FitServer['kind'], version: string | undefined): FitServer;
}

type Values = { readonly [flag in keyof typeof fitFlags]?: string | boolean | readonly string[] } & {
  readonly backend?: string | undefined;
};

/** @throws UsageError */
export function fitOptions(rest: readonly string[], values: Values): FitOptions {
  const [model, more] = rest;
  if (model === undefined) throw new UsageError('Say which model: a name, a GGUF file, a folder or an address.');
  if (more !== undefined) throw new UsageError(`fit takes one model, and no "${more}".`);
  const text = (flag: keyof typeof fitFlags): string | undefined => {
    const value = values[flag];
    return typeof value === 'string' ? value : undefined;
  };
  const whole = (flag: keyof typeof fitFlags) => wholeNumber(text(flag), flag);
  const cache = text('kv-cache');
  const ramText = text('ram');
  const contextTokens = tokensOf(text('context'));
  const kind = kindOf(values.backend);
  return {
    model,
    kind,
    quantization: quantizationOf(text('quantization')),
    gpus: gpusOf(list(values.gpu), list(values.vram), text('free')),
    draft: text('draft'),
    beside: text('with'),
    freeRamBytes: ramText === undefined ? undefined : bytesOf(ramText, 'ram'),
    serverOf(of, found) {
      const version = text('server-version') ?? found;
      const context = contextTokens === undefined ? {} : { contextTokens };
      const parallel = whole('parallel');
      const batch = whole('batch');
      if (of === 'vllm') {
        const utilization = utilizationOf(text('utilization'));
        const tensorParallel = whole('tensor-parallel');
        const release = version === undefined ? undefined : releaseOf(version);
        return {
          kind: of,
          ...context,
          ...(release ? { version: release } : {}),
          ...(parallel === undefined ? {} : { maxSequences: parallel }),
          ...(batch === undefined ? {} : { maxBatchedTokens: batch }),
          ...(utilization === undefined ? {} : { utilization }),
          ...(tensorParallel === undefined ? {} : { tensorParallel }),
          ...(values.eager === true ? { eager: true } : {}),
          ...(cache === undefined ? {} : { cacheType: vllmCache(cache) }),
        };
      }
      const refused = (['utilization', 'tensor-parallel', 'eager'] as const).find((flag) => values[flag] !== undefined);
      if (refused) throw new UsageError(`--${refused} is for vLLM, not for ${of}.`);
      if (cache !== undefined && !isCacheType(cache))
        throw new UsageError(`${of} has no KV cache of the type "${cache}".`);
      const common = {
        ...context,
        ...(parallel === undefined ? {} : { parallel }),
        ...(batch === undefined ? {} : { batchTokens: batch }),
        ...(cache === undefined ? {} : { cacheType: cache }),
      };
      if (of === 'ollama') return { kind: of, ...common, ...(version === undefined ? {} : { version }) };
      const build = version === undefined ? undefined : buildOf(version);
      return { kind: of, ...common, ...(build === undefined ? {} : { build }) };
    },
  };
}

function list(value: Values['gpu']): readonly string[] {
  return Array.isArray(value) ? (value as readonly string[]) : [];
}

function kindOf(backend: string | undefined): FitServer['kind'] | undefined {
  if (backend === undefined || backend === 'auto') return undefined;
  const kind = (['ollama', 'llama-server', 'vllm'] as const).find((each) => each === backend);
  if (kind) return kind;
  if (backend === 'openai-compatible') return 'llama-server';
  throw new UsageError(`fit knows the backends ollama, llama-server and vllm, not "${backend}".`);
}

function quantizationOf(text: string | undefined): Pick<FitModel, 'fileType' | 'scheme'> {
  if (text === undefined) return {};
  const scheme = schemeNamed(text);
  const fileType = fileTypeNamed(text);
  if (!scheme && fileType === undefined) throw new UsageError(`"${text}" is no quantization that is known here.`);
  return { ...(scheme ? { scheme } : {}), ...(fileType === undefined ? {} : { fileType }) };
}

function gpusOf(names: readonly string[], sizes: readonly string[], free: string | undefined): readonly FitGpu[] {
  const freeBytes = free === undefined ? {} : { freeBytes: bytesOf(free, 'free') };
  const spelled = names.flatMap((name) => {
    const [, count = '1', card = name] = /^(\d{1,2})\s*[x×]\s*(.+)$/i.exec(name) ?? [];
    return Array.from({ length: Math.max(1, Number(count)) }, () => card);
  });
  const count = Math.max(spelled.length, sizes.length);
  if (count === 0 && free !== undefined) throw new UsageError('--free needs --gpu or --vram.');
  return Array.from({ length: count }, (_, index) => {
    const name = spelled[index] ?? spelled.at(-1);
    const size = sizes[index] ?? sizes.at(-1);
    const totalBytes = size === undefined ? cudaBytesOfCard(name ?? '') : bytesOf(size, 'vram');
    if (totalBytes === undefined) {
      throw new UsageError(`How much memory "${name}" has is not known here: say it with --vram.`);
    }
    return { name: name ?? 'GPU', totalBytes, ...freeBytes };
  });
}

/** In GiB unless a unit says otherwise; GB are a thousand million bytes. */
function bytesOf(text: string, flag: string): number {
  const [, amount, unit = 'GiB'] = /^(\d+(?:\.\d+)?)\s*(GiB|GB|MiB|MB|G|M)?$/i.exec(text.trim()) ?? [];
  const bytes = Number(amount) * (units[unit.toLowerCase()] ?? NaN);
  if (!(bytes > 0) || bytes > 2 ** 50)
    throw new UsageError(`--${flag} takes a size such as 11.6 (GiB) or 12GB, not "${text}".`);
  return bytes;
}

const units: Readonly<Record<string, number>> = {
  gib: 2 ** 30,
  g: 2 ** 30,
  gb: 1e9,
  mib: 2 ** 20,
  m: 2 ** 20,
  mb: 1e6,
};

function tokensOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const [, amount, thousand] = /^(\d+(?:\.\d+)?)\s*(k)?$/i.exec(text.trim().replaceAll(',', '')) ?? [];
  const tokens = Math.round(Number(amount) * (thousand ? 1024 : 1));
  if (!(tokens >= 1) || tokens > 2 ** 31)
    throw new UsageError(`--context takes tokens such as 32k or 32768, not "${text}".`);
  return tokens;
}

function wholeNumber(text: string | undefined, flag: string): number | undefined {
  if (text === undefined) return undefined;
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1 || number > 2 ** 20)
    throw new UsageError(`--${flag} takes a whole number, not "${text}".`);
  return number;
}

function utilizationOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const number = Number(text);
  if (!(number > 0 && number <= 1))
    throw new UsageError(`--utilization takes a number up to 1, such as 0.9, not "${text}".`);
  return number;
}

function vllmCache(text: string): 'auto' | 'fp8' {
  if (text === 'fp8' || text === 'auto') return text;
  if (text === 'f16') return 'auto';
  throw new UsageError(`vLLM has no KV cache of the type "${text}"; it has auto and fp8.`);
}

function releaseOf(version: string): readonly [number, number] {
  const [, major, minor] = /^v?(\d+)\.(\d+)/.exec(version) ?? [];
  if (major === undefined) throw new UsageError(`--server-version takes a version such as 0.11, not "${version}".`);
  return [Number(major), Number(minor)];
}

function buildOf(version: string): number {
  const [, build] = /^b?(\d{3,6})$/i.exec(version) ?? [];
  if (build === undefined) throw new UsageError(`--server-version takes a build such as b9500, not "${version}".`);
  return Number(build);
}
