import type { ConversationRecord } from './conversation.ts';

/** JSON that may be a record. */
export interface Fields {
  readonly [name: string]: unknown;
  readonly type?: unknown;
  readonly version?: unknown;
  readonly id?: unknown;
  readonly text?: unknown;
  readonly reasoning?: unknown;
}

export function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

type Check = (value: unknown) => boolean;

const string: Check = (value) => typeof value === 'string';
const number: Check = (value) => typeof value === 'number';
const boolean: Check = (value) => typeof value === 'boolean';
const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);
const listOf =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check);
const object =
  (fields: Readonly<Record<string, Check>>): Check =>
  (value) =>
    isObject(value) && Object.entries(fields).every(([name, check]) => check(value[name]));
const oneOf =
  (tag: string, kinds: Readonly<Record<string, Check>>): Check =>
  (value) => {
    const kind = isObject(value) ? value[tag] : undefined;
    return typeof kind === 'string' && Object.hasOwn(kinds, kind) && kinds[kind]?.(value) === true;
  };

const attachment = oneOf('kind', {
  text: object({
    id: string,
    source: string,
    label: string,
    languageId: string,
    text: string,
    uri: optional(string),
    firstLine: optional(number),
  }),
  image: object({ id: string, label: string, mediaType: string, base64: string }),
});

const ending = object({
  outcome: oneOf('type', {
    finished: object({ reason: string }),
    stopped: object({}),
    failed: object({
      problem: object({ kind: string, message: string, hint: string, serverMessage: optional(string) }),
    }),
  }),
  usage: optional(
    object({ promptTokens: optional(number), outputTokens: optional(number), cachedPromptTokens: optional(number) }),
  ),
  speed: object({ totalMs: number, firstTokenMs: optional(number), tokensPerSecond: optional(number) }),
  reasoningMs: optional(number),
});

/** What a conversation needs in order not to stumble over a record, and what is shown of it. */
const checks: { readonly [Type in Exclude<ConversationRecord['type'], 'delta'>]: Check } = {
  begin: object({ version: number, id: string, atMs: number }),
  question: object({
    id: string,
    parentId: optional(string),
    atMs: number,
    text: string,
    attachments: listOf(attachment),
  }),
  answer: object({ id: string, parentId: string, atMs: number }),
  run: object({ id: string, atMs: number, backend: optional(string), model: optional(string) }),
  toolCall: object({ id: string, call: object({ id: string, name: string, argumentsJson: string }) }),
  warning: object({ id: string, message: string }),
  end: object({ id: string, atMs: number, ending }),
  show: object({ id: string }),
  leaveOut: object({ ids: listOf(string) }),
  takeBack: object({ ids: listOf(string) }),
  title: object({ title: string }),
  pin: object({ pinned: boolean }),
  delete: object({ deleted: boolean }),
};

/** `unknown` may be of a later version of the program, `damaged` of none. */
export function toRecord(value: unknown): ConversationRecord | 'damaged' | 'unknown' {
  if (Array.isArray(value)) {
    const [id, text, reasoning = ''] = value as readonly unknown[];
    if (typeof id !== 'string' || typeof text !== 'string' || typeof reasoning !== 'string') return 'damaged';
    return { type: 'delta', id, text, reasoning };
  }
  if (!isObject(value) || typeof value.type !== 'string') return 'damaged';
  if (!Object.hasOwn(checks, value.type)) return 'unknown';
  return checks[value.type as keyof typeof checks](value) ? (value as unknown as ConversationRecord) : 'damaged';
}
