import { planBackends, type PlanChoice, type PlanFlags, type PlanState } from './planState.ts';

/** To the page. Every part comes whole, so what was lost is made good by the next; a page that is shown again asks for all of them with `ready`. */
export interface PlanHostMessage {
  readonly type: 'state';
  readonly part: Partial<PlanState>;
}

/** From the page: what somebody did. */
export type PlanPageMessage =
  | { readonly type: 'ready' }
  /** `number` counts the choices of this page, from 1. */
  | { readonly type: 'choose'; readonly number: number; readonly change: Partial<PlanChoice> }
  | { readonly type: 'takeAlternative'; readonly number: number; readonly id: string }
  | { readonly type: 'copyCommand' }
  | { readonly type: 'openFile' }
  /** The address of a GGUF file or of a checkpoint. */
  | { readonly type: 'openAddress'; readonly address: string }
  /** What the load that the plan is corrected by took. */
  | { readonly type: 'forgetMeasured' }
  /** Looks for models and GPUs again. */
  | { readonly type: 'lookAgain' };

type Guard = (value: unknown) => boolean;

const isText: Guard = (value) => typeof value === 'string' && value.length <= 4096;
const isNumber: Guard = (value) => typeof value === 'number' && Number.isFinite(value);
const isCount: Guard = (value) => Number.isSafeInteger(value) && (value as number) > 0;

const messageShapes: { readonly [Type in PlanPageMessage['type']]: Readonly<Record<string, Guard>> } = {
  ready: {},
  choose: { number: isCount, change: (value) => parsePlanChange(value) !== undefined },
  takeAlternative: { number: isCount, id: isText },
  copyCommand: {},
  openFile: {},
  openAddress: { address: isText },
  forgetMeasured: {},
  lookAgain: {},
};

/** Undefined for anything that is not exactly one of the messages. */
export function parsePlanMessage(data: unknown): PlanPageMessage | undefined {
  if (!isRecord(data) || typeof data['type'] !== 'string' || !Object.hasOwn(messageShapes, data['type']))
    return undefined;
  const { type, ...fields } = data;
  const shape = messageShapes[type as PlanPageMessage['type']];
  const isWhole = Object.keys(shape).every((name) => name in fields);
  return isWhole && hasOnly(fields, shape) ? (data as unknown as PlanPageMessage) : undefined;
}

const isBoolean: Guard = (value) => typeof value === 'boolean';

const flagShape: { readonly [Key in keyof Required<PlanFlags>]: Guard } = {
  parallel: isCount,
  flashAttention: isBoolean,
  batchTokens: isCount,
  maxSequences: isCount,
  maxBatchedTokens: isCount,
  utilization: (value) => isNumber(value) && (value as number) > 0 && (value as number) <= 1,
  tensorParallel: isCount,
  eager: isBoolean,
};

const choiceShape: { readonly [Key in keyof Required<PlanChoice>]: Guard } = {
  modelId: isText,
  backend: (value) => planBackends.some((backend) => backend === value),
  format: isText,
  cacheType: isText,
  contextTokens: isCount,
  flags: (value) => isRecord(value) && hasOnly(value, flagShape),
  gpuId: isText,
  vramGib: (value) => isNumber(value) && (value as number) > 0 && (value as number) <= 10_000,
  gpuCount: (value) => isCount(value) && (value as number) <= 64,
  draftId: isText,
  besideId: isText,
};

/** Parts of a choice, from a page or from what was kept of one. Undefined: something in it is none. */
export function parsePlanChange(data: unknown): Partial<PlanChoice> | undefined {
  return isRecord(data) && hasOnly(data, choiceShape) ? data : undefined;
}

function hasOnly(fields: Readonly<Record<string, unknown>>, shape: Readonly<Record<string, Guard>>): boolean {
  return Object.entries(fields).every(([name, value]) => Object.hasOwn(shape, name) && shape[name]?.(value));
}

function isRecord(data: unknown): data is Readonly<Record<string, unknown>> {
  return typeof data === 'object' && data !== null && !Array.isArray(data);
}
