import type { Scheme } from './checkpoint.ts';
import type { Corrections, MeasuredBy } from './corrections.ts';
import type { Figure } from './figure.ts';
import type { Inequality } from './inequality.ts';
import type { CacheType } from './kvCache.ts';
import type { ModelFacts, WeightBytes } from './modelFacts.ts';
import type { Placement, Verdict } from './plan.ts';

/** What the planner is asked: a model, the server that shall load it, and the graphics cards. Plain data: a panel sends it, a test writes it. */
export interface FitRequest {
  readonly model: FitModel;
  /** A small model that guesses ahead, for the large one to check: llama-server's and vLLM's speculative decoding. */
  readonly draft?: FitModel;
  readonly server: FitServer;
  /** Every card that the server may use; empty: not known, and then only sizes are said. */
  readonly gpus: readonly FitGpu[];
  /** Free RAM for what is not on a GPU; absent: not known. */
  readonly freeRamBytes?: number;
  /** What loads of this kind took on this machine beyond the plan: calibration.ts. */
  readonly corrections?: Corrections;
}

export interface FitModel {
  /** As the server calls it. */
  readonly name: string;
  /** Of its files, where the server tells it: a name may be given to another model. */
  readonly digest?: string;
  readonly facts: ModelFacts;
  /** By the tensor list of a file, or by the file type's mixture. Absent for a checkpoint, whose bytes follow from `scheme`. */
  readonly weights?: WeightBytes;
  /** `Q4_K_M`; absent: not known, or a checkpoint. */
  readonly fileType?: string;
  readonly scheme?: Scheme;
  /** Tensors of the checkpoint, where its index says so. */
  readonly checkpointBytes?: number;
}

/** What is left out is what the server takes by itself. */
export type FitServer =
  | {
      readonly kind: 'ollama';
      readonly version?: string;
      /** What the server that runs does without being told again: it is no part of the command. */
      readonly running?: RunningOllama;
      /** For one request. */
      readonly contextTokens?: number;
      readonly parallel?: number;
      readonly cacheType?: CacheType;
      readonly flashAttention?: boolean;
      readonly batchTokens?: number;
    }
  | {
      readonly kind: 'llama-server';
      readonly build?: number;
      /** Of all slots together. */
      readonly contextTokens?: number;
      readonly parallel?: number;
      readonly cacheType?: CacheType;
      readonly flashAttention?: boolean;
      readonly batchTokens?: number;
    }
  | {
      readonly kind: 'vllm';
      readonly version?: readonly [major: number, minor: number];
      readonly contextTokens?: number;
      readonly maxSequences?: number;
      readonly maxBatchedTokens?: number;
      readonly utilization?: number;
      readonly tensorParallel?: number;
      readonly eager?: boolean;
      readonly cacheType?: 'auto' | 'fp8';
    };

export interface RunningOllama {
  /** With which it has the model loaded, or loads any. */
  readonly contextTokens?: number;
  readonly parallel?: number;
  readonly cacheType?: CacheType;
  readonly flashAttention?: boolean;
}

export interface FitGpu {
  /** The driver's, for what was measured on this very card. */
  readonly id?: string;
  readonly name: string;
  readonly totalBytes: number;
  /** Absent: not known; an idle card is assumed. */
  readonly freeBytes?: number;
  readonly isUnified?: boolean;
  /** Its driver pages what is too much into the machine's memory instead of failing. */
  readonly spills?: boolean;
}

/** Models that are loaded now. `server`: the plan is for when they are gone, which the server sees to; `user`: it is for now, and without them it would be better. */
export interface Unloading {
  readonly models: readonly string[];
  readonly by: 'server' | 'user';
}

export interface FitPlan {
  readonly verdict: Verdict;
  /** In the order in which they are drawn; together all that is needed. */
  readonly rows: readonly FitRow[];
  /** Free on all GPUs that the server uses, before the load. */
  readonly free?: Figure;
  readonly total?: Figure;
  readonly conditions: readonly Inequality[];
  /** Where the verdict is `fails`, and `partial` where a server that does not offload would fail. */
  readonly failure?: FitFailure;
  readonly placement?: Placement;
  /** What the plan was made with, defaults included. */
  readonly contextTokens: number;
  /** The largest that stays on the GPU; absent: none, or not known. */
  readonly largestContextTokens?: number;
  /** What to run, or to send: `vllm serve …`, `ollama run …` with its options. */
  readonly command: string;
  /** The load of this machine that the plan is corrected by. Absent: by the formulas alone. */
  readonly measuredBy?: MeasuredBy;
  readonly unloading?: Unloading;
  /** What the driver pages into the machine's memory: then the verdict is `partial`. */
  readonly spilledBytes?: number;
  /** For the user: what was not known, and how that was bounded. */
  readonly doubts: readonly string[];
}

export interface FitRow {
  /** `beside`: another model at the same time; `ram`: not on the GPU. */
  readonly part: 'weights' | 'cache' | 'state' | 'compute' | 'graphs' | 'encoder' | 'overhead' | 'beside' | 'ram';
  readonly label: string;
  readonly figure: Figure;
}

export interface FitFailure {
  readonly condition: Inequality;
  /** What the server would print, with the numbers of this plan. */
  readonly serverError: string;
  /** In one sentence for the user: weights x + KV y + compute z > free w, because … */
  readonly explanation: string;
}

/** Something else that would do better, the best first. */
export interface Alternative {
  readonly change: 'contextTokens' | 'cacheType' | 'fileType' | 'flags' | 'backend' | 'model' | 'gpus';
  /** For a button: `Context of 24k`, `KV cache in q8_0`. */
  readonly label: string;
  readonly request: FitRequest;
  readonly plan: FitPlan;
}
