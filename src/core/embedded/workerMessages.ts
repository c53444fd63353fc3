import type { FinishReason, ServerTimings, TokenUsage } from '../clients/llmClient.ts';

/** What the extension and the engine's process say to each other, over the process's IPC channel. */

/** What an engine is started with; another one needs another process. */
export interface EngineConfig {
  readonly modelPath: string;
  readonly threads: number;
  readonly contextTokens: number;
}

export interface EngineMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly text: string;
}

export interface Sampling {
  readonly maxOutputTokens?: number;
  readonly temperature?: number;
  readonly topP?: number;
  readonly seed?: number;
  readonly stop?: readonly string[];
}

export type Work =
  | {
      readonly do: 'chat';
      readonly messages: readonly EngineMessage[];
      readonly sampling: Sampling;
      /** Of a model that thinks: how many tokens at most. Left out: as the engine has it. */
      readonly thoughtTokens?: number;
    }
  | {
      readonly do: 'complete';
      readonly prefix: string;
      readonly suffix: string;
      /** The gap in the model's own tokens, for a vocabulary in which the engine finds none for it. */
      readonly rawPrompt?: string;
      readonly sampling: Sampling;
    }
  | { readonly do: 'count'; readonly messages: readonly EngineMessage[] }
  /** Nothing but loading the model. */
  | { readonly do: 'load' };

export type ToWorker =
  /** Once, and first. */
  | { readonly type: 'load'; readonly config: EngineConfig }
  | { readonly type: 'work'; readonly id: number; readonly work: Work }
  | { readonly type: 'abort'; readonly id: number }
  | { readonly type: 'cpuTime'; readonly id: number };

export type LoadFailure = 'engineMissing' | 'outOfMemory' | 'loadFailed';

export type FromWorker =
  | { readonly type: 'loading'; readonly fraction: number }
  /** With what the process occupies then. */
  | { readonly type: 'loaded'; readonly residentBytes: number }
  | { readonly type: 'loadFailed'; readonly failure: LoadFailure; readonly detail: string }
  | { readonly type: 'readingPrompt'; readonly id: number; readonly fraction: number }
  | { readonly type: 'delta'; readonly id: number; readonly kind: 'text' | 'reasoning'; readonly delta: string }
  | {
      readonly type: 'finish';
      readonly id: number;
      readonly reason: FinishReason;
      readonly usage: TokenUsage;
      readonly timings: ServerTimings;
    }
  /** The end of a `count`. */
  | { readonly type: 'counted'; readonly id: number; readonly tokens: number }
  /** The end of a `load`. */
  | { readonly type: 'done'; readonly id: number }
  /** The vocabulary has no tokens for a gap. */
  | { readonly type: 'noInfill'; readonly id: number }
  | { readonly type: 'overflow'; readonly id: number; readonly promptTokens: number; readonly contextTokens: number }
  | { readonly type: 'failed'; readonly id: number; readonly detail: string }
  | { readonly type: 'cpuTime'; readonly id: number; readonly cpuMs: number };

/** The two programs are built together; the guards keep out what node or a debugger may send on the same channel. */
export function isToWorker(value: unknown): value is ToWorker {
  const message = fieldsOf(value);
  switch (message?.['type']) {
    case 'load':
      return fieldsOf(message['config']) !== undefined;
    case 'work':
      return isId(message) && fieldsOf(message['work']) !== undefined;
    case 'abort':
    case 'cpuTime':
      return isId(message);
    default:
      return false;
  }
}

export function isFromWorker(value: unknown): value is FromWorker {
  const message = fieldsOf(value);
  switch (message?.['type']) {
    case 'loading':
      return typeof message['fraction'] === 'number';
    case 'loaded':
      return typeof message['residentBytes'] === 'number';
    case 'readingPrompt':
      return isId(message) && typeof message['fraction'] === 'number';
    case 'counted':
      return isId(message) && typeof message['tokens'] === 'number';
    case 'done':
    case 'noInfill':
      return isId(message);
    case 'loadFailed':
      return typeof message['failure'] === 'string' && typeof message['detail'] === 'string';
    case 'delta':
      return isId(message) && typeof message['kind'] === 'string' && typeof message['delta'] === 'string';
    case 'finish':
      return isId(message) && typeof message['reason'] === 'string';
    case 'overflow':
      return (
        isId(message) && typeof message['promptTokens'] === 'number' && typeof message['contextTokens'] === 'number'
      );
    case 'failed':
      return isId(message) && typeof message['detail'] === 'string';
    case 'cpuTime':
      return isId(message) && typeof message['cpuMs'] === 'number';
    default:
      return false;
  }
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
}

function isId(message: Readonly<Record<string, unknown>>): boolean {
  return typeof message['id'] === 'number';
}
