import { BackendError } from './errors.ts';
import type { ChatEvent } from './llmClient.ts';

/** One piece of a tool call in an OpenAI-style stream, as the servers really send it: any field may be missing or repeated. */
export interface ToolCallDelta {
  readonly index?: number;
  readonly id?: string | null;
  readonly function?: { readonly name?: string | null; readonly arguments?: string | object | null } | null;
}

interface OpenCall {
  readonly key: string | number;
  id: string;
  name: string;
  argumentsJson: string;
}

/** Of all calls of an answer together. The longest output of a model, a hundred thousand tokens, is about a tenth of it. */
const lengthLimitChars = 4 * 1024 * 1024;
/** What a call without arguments counts for: endless calls are no better than endless arguments. */
const callChars = 1024;

/** What is held of an answer until it is complete, and so may not grow for ever. */
export class HeldLength {
  #chars = 0;

  /** @throws BackendError of kind `protocol` */
  addCall(): void {
    this.add(callChars);
  }

  /** @throws BackendError of kind `protocol` */
  add(chars: number): void {
    this.#chars += chars;
    if (this.#chars <= lengthLimitChars) return;
    throw new BackendError({
      kind: 'protocol',
      message: `The tool calls of the answer have more than ${lengthLimitChars / 1024 / 1024} million characters and no end.`,
      hint: 'The answer was stopped there. Ask again; if it happens again, lower a2ia.maxOutputTokens or choose another model.',
      nextStep: { do: 'retry' },
    });
  }
}

/**
 * Puts tool calls together. Servers differ: some repeat id and name in every piece, some leave the index out, some use one index for several calls,
 * some give the arguments as an object.
 */
export class ToolCallAssembler {
  readonly #calls: OpenCall[] = [];
  readonly #held = new HeldLength();

  /** @throws BackendError of kind `protocol` when they have no end */
  add(delta: ToolCallDelta): void {
    const call = this.#callFor(delta);
    call.id ||= delta.id ?? '';
    call.name ||= delta.function?.name ?? '';
    const args = delta.function?.arguments;
    if (typeof args === 'string') {
      this.#held.add(args.length);
      call.argumentsJson += args;
    } else if (args) call.argumentsJson = JSON.stringify(args);
  }

  /** The complete calls, once. A call without an id gets one, for its result to refer to. */
  take(answerId = ''): ChatEvent[] {
    return this.#calls.splice(0).map((call, position) => ({
      type: 'toolCall',
      id: call.id || madeUpId(`${answerId} ${position} ${call.name} ${call.argumentsJson}`),
      name: call.name,
      argumentsJson: call.argumentsJson || '{}',
    }));
  }

  #callFor(delta: ToolCallDelta): OpenCall {
    const key = delta.index ?? delta.id ?? undefined;
    const last = this.#calls.at(-1);
    const open =
      key === undefined
        ? delta.function?.name && last?.name
          ? undefined
          : last
        : this.#calls.findLast((call) => call.key === key);
    if (open && (!delta.id || !open.id || delta.id === open.id)) return open;
    const call: OpenCall = { key: key ?? `position ${this.#calls.length}`, id: '', name: '', argumentsJson: '' };
    this.#held.addCall();
    this.#calls.push(call);
    return call;
  }
}

/**
 * Another for every call of a conversation, and the same for the same answer. Nine letters and digits: Mistral's templates take no other ids. FNV-1a, which is
 * enough for that: loading `node:crypto` takes a third of what the whole client layer does.
 */
function madeUpId(seed: string): string {
  let hash = 0xcbf29ce484222325n;
  for (const byte of Buffer.from(seed)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash.toString(16).padStart(16, '0').slice(0, 9);
}

/** For the APIs that want an object where the model may have written anything. */
export function argumentsObject(json: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : {};
  } catch {
    return {};
  }
}
