import type { FitRow } from '../core/fit/fitRequest.ts';
import type { Verdict } from '../core/fit/plan.ts';

/**
 * What the page of **A2IA: Plan a Model** is a picture of. Bytes are for lengths of a bar, texts for people. `null` where there is nothing: messages travel
 * as JSON, which drops what is undefined.
 */
export interface PlanState {
  readonly models: ModelsView;
  readonly controls: ControlsView;
  readonly plan: PlanView | null;
  readonly curve: CurveView | null;
  readonly alternatives: readonly AlternativeView[];
}

export const planBackends = ['ollama', 'llama-server', 'vllm'] as const;
export type PlanBackend = (typeof planBackends)[number];

/** What somebody chose, kept through a reload. What is left out is what the server takes by itself, or what the model comes as. */
export interface PlanChoice {
  readonly modelId?: string;
  readonly backend: PlanBackend;
  /** Of the weights: `Q4_K_M`, `awq`. */
  readonly format?: string;
  readonly cacheType?: string;
  readonly contextTokens?: number;
  /** Beyond those: taken over with a proposal. */
  readonly flags?: PlanFlags;
  /** `machine`, `size`, or a card's name. */
  readonly gpuId: string;
  /** For `size`: of one card. */
  readonly vramGib: number;
  readonly gpuCount: number;
  /** A small model that guesses ahead, for servers that take one. */
  readonly draftId?: string;
  /** Another model at the same time, for example to complete code with. */
  readonly besideId?: string;
}

/** As in the planner's request, which says what they mean. */
export interface PlanFlags {
  readonly parallel?: number;
  readonly flashAttention?: boolean;
  readonly batchTokens?: number;
  readonly maxSequences?: number;
  readonly maxBatchedTokens?: number;
  readonly utilization?: number;
  readonly tensorParallel?: number;
  readonly eager?: boolean;
}

export interface ModelsView {
  /** Servers and folders are still being looked through. */
  readonly isLooking: boolean;
  readonly groups: readonly ModelGroupView[];
}

export interface ModelGroupView {
  readonly label: string;
  readonly models: readonly ModelItemView[];
}

export interface ModelItemView {
  readonly id: string;
  readonly label: string;
  /** `4.7 GB · Q4_K_M` */
  readonly detail: string;
}

export interface ControlsView {
  /** The number of the last choice from the page that is in it: what the page chose since then is not. */
  readonly seen: number;
  readonly choice: PlanChoice;
  readonly model: ChosenModelView;
  /** `null`: this server takes none. */
  readonly draft: ChosenModelView | null;
  readonly beside: ChosenModelView;
  readonly formats: readonly OptionView[];
  readonly cacheTypes: readonly OptionView[];
  readonly gpus: readonly OptionView[];
  /** What is known of the GPU of this machine, where that is chosen and gives no figures. */
  readonly gpuNotice: string;
  /** Flags beyond the switches, as one would say them; they can be given up. */
  readonly flags: readonly string[];
  /** Positions of the slider, ascending; the last is what the model was trained for. Empty: no model. */
  readonly contextSteps: readonly number[];
}

export interface ChosenModelView {
  readonly state: 'none' | 'reading' | 'ready' | 'failed';
  readonly name: string;
  /** What it is and where its figures come from; what went wrong, where it could not be read. */
  readonly detail: string;
}

export interface OptionView {
  readonly id: string;
  readonly label: string;
  readonly detail: string;
}

export interface PlanView {
  readonly verdict: Verdict;
  /** One short line: `Fits on the GPU`. */
  readonly headline: string;
  /** `9.1 of 11.1 GiB` */
  readonly summary: string;
  readonly explanation: string;
  /** What fails: the inequality with its numbers, and what the server prints then. */
  readonly failure: { readonly inequality: string; readonly serverError: string } | null;
  readonly rows: readonly PlanRowView[];
  /** Of all that shall be on the GPU. */
  readonly need: MarkView;
  /** What the server lets it have: less than what is free, where the server keeps a margin. */
  readonly limit: MarkView | null;
  readonly free: MarkView | null;
  readonly total: MarkView | null;
  readonly contextTokens: number;
  readonly largestContextTokens: number | null;
  readonly command: string;
  /** The load of this machine that it is corrected by; empty: none. */
  readonly measured: string;
  readonly doubts: readonly string[];
}

export interface MarkView {
  readonly bytes: number;
  readonly lowBytes: number;
  readonly highBytes: number;
  readonly text: string;
  readonly range: string;
  readonly origin: string;
  readonly because: string;
}

export interface PlanRowView extends MarkView {
  readonly part: FitRow['part'];
  readonly label: string;
}

/** Memory at each position of the slider, for the picture behind it. */
export interface CurveView {
  readonly contextSteps: readonly number[];
  readonly parts: readonly { readonly part: FitRow['part']; readonly bytes: readonly number[] }[];
  readonly verdicts: readonly Verdict[];
  readonly limit: Pick<MarkView, 'bytes' | 'lowBytes' | 'highBytes'> | null;
}

export interface AlternativeView {
  readonly id: string;
  readonly label: string;
  readonly verdict: Verdict;
  /** `Fits on the GPU, 9.1 of 11.1 GiB` */
  readonly detail: string;
}
