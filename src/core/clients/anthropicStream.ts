import { DeltaJoiner } from './chatStream.ts';
import type { ChatEvent, FinishReason, TokenUsage } from './llmClient.ts';
import { HeldLength } from './toolCalls.ts';

/** The fields that are read, of all kinds of events together. */
export interface MessageEvent {
  readonly type?: string;
  readonly index?: number;
  readonly message?: { readonly usage?: Usage };
  readonly content_block?: {
    readonly type?: string;
    readonly id?: string;
    readonly name?: string;
    readonly input?: object | null;
    readonly text?: string;
    readonly thinking?: string;
    readonly data?: string;
  };
  readonly delta?: {
    readonly text?: string;
    readonly thinking?: string;
    readonly signature?: string;
    readonly partial_json?: string | null;
    readonly stop_reason?: string | null;
  };
  readonly usage?: Usage;
  readonly error?: unknown;
  readonly object?: string;
}

interface Usage {
  readonly input_tokens?: number | null;
  readonly output_tokens?: number | null;
  readonly cache_read_input_tokens?: number | null;
  readonly cache_creation_input_tokens?: number | null;
}

type OpenBlock =
  | { readonly type: 'call'; readonly id: string; readonly name: string; readonly input: object; json: string }
  | { readonly type: 'thinking'; thinking: string; signature: string };

/** Puts the blocks of one answer together. Events of a kind it does not know change nothing. */
export class MessageReader {
  readonly #joiner = new DeltaJoiner();
  readonly #open = new Map<number, OpenBlock>();
  readonly #usage: Record<string, number> = {};
  readonly #callIds: string[] = [];
  readonly #thinking: object[] = [];
  readonly #held = new HeldLength();
  #stopReason: string | undefined;
  #isFinished = false;

  /** What came so far and was not taken yet; the last of it is `finish` when `isFinished`. */
  take(): readonly ChatEvent[] {
    return this.#joiner.take();
  }

  get isFinished(): boolean {
    return this.#isFinished;
  }

  /** The ids of the tool calls of this answer. */
  get callIds(): readonly string[] {
    return this.#callIds;
  }

  /** The blocks of thinking, as they have to be sent back with the results of those calls. */
  get thinking(): readonly object[] {
    return this.#thinking;
  }

  /** @throws BackendError of kind `protocol` when a tool call, or the thinking before it, has no end */
  add(event: MessageEvent): void {
    if (event.message?.usage) this.#count(event.message.usage);
    if (event.usage) this.#count(event.usage);
    if (event.delta?.stop_reason) this.#stopReason = event.delta.stop_reason;
    const index = event.index ?? 0;
    switch (event.type) {
      case 'content_block_delta':
        this.#extend(index, event.delta);
        break;
      case 'content_block_start':
        this.#start(index, event.content_block);
        break;
      case 'content_block_stop':
        this.#stop(index);
        break;
      case 'message_stop':
        for (const unfinished of [...this.#open.keys()]) this.#stop(unfinished);
        this.#joiner.push(this.#finish());
        this.#isFinished = true;
        break;
      default:
    }
  }

  #start(index: number, block: MessageEvent['content_block']): void {
    if (block?.type !== 'text') this.#held.addCall();
    if (block?.type === 'tool_use') {
      const id = block.id || `toolu_${crypto.randomUUID()}`;
      this.#open.set(index, { type: 'call', id, name: block.name ?? '', input: block.input ?? {}, json: '' });
    } else if (block?.type === 'thinking') {
      this.#open.set(index, { type: 'thinking', thinking: '', signature: '' });
      this.#extend(index, block);
    } else if (block?.type === 'redacted_thinking') {
      this.#thinking.push({ type: 'redacted_thinking', data: block.data });
    } else this.#extend(index, block);
  }

  #extend(index: number, delta: MessageEvent['delta']): void {
    if (delta?.thinking) this.#joiner.add('reasoning', delta.thinking);
    if (delta?.text) this.#joiner.add('text', delta.text);
    // Text opens no block.
    if (this.#open.size === 0) return;
    const block = this.#open.get(index);
    if (block) this.#held.add(heldChars(delta));
    if (block?.type === 'call') block.json += delta?.partial_json ?? '';
    if (block?.type === 'thinking') {
      block.thinking += delta?.thinking ?? '';
      block.signature += delta?.signature ?? '';
    }
  }

  #stop(index: number): void {
    const block = this.#open.get(index);
    this.#open.delete(index);
    if (block?.type === 'thinking') {
      const { thinking, signature } = block;
      this.#thinking.push({ type: 'thinking', thinking, signature });
    } else if (block) {
      const { id, name, input, json } = block;
      this.#callIds.push(id);
      // The arguments come in pieces; some gateways give them at once, with the start.
      this.#joiner.push({ type: 'toolCall', id, name, argumentsJson: json || JSON.stringify(input) });
    }
  }

  /** The counts grow, and some servers send zeros where they have none. */
  #count(usage: Usage): void {
    for (const [name, count] of Object.entries(usage)) {
      if (typeof count === 'number' && count > 0) this.#usage[name] = count;
    }
  }

  #finish(): ChatEvent {
    const reason = finishReason(this.#stopReason);
    return {
      type: 'finish',
      reason: reason === 'stop' && this.#callIds.length > 0 ? 'toolCalls' : reason,
      usage: toUsage(this.#usage),
    };
  }
}

/** `input_tokens` are those that neither came from the prompt cache nor were written to it. */
function toUsage(usage: Usage): TokenUsage {
  const cachedPromptTokens = usage.cache_read_input_tokens;
  const promptTokens = (usage.input_tokens ?? 0) + (cachedPromptTokens ?? 0) + (usage.cache_creation_input_tokens ?? 0);
  return {
    ...(promptTokens ? { promptTokens } : {}),
    ...(usage.output_tokens ? { outputTokens: usage.output_tokens } : {}),
    ...(cachedPromptTokens ? { cachedPromptTokens } : {}),
  };
}

function heldChars({ thinking, signature, partial_json: json }: NonNullable<MessageEvent['delta']> = {}): number {
  return (thinking?.length ?? 0) + (signature?.length ?? 0) + (json?.length ?? 0);
}

function finishReason(stopReason: string | undefined): FinishReason {
  switch (stopReason) {
    case 'max_tokens':
    case 'model_context_window_exceeded':
      return 'length';
    case 'tool_use':
      return 'toolCalls';
    case 'refusal':
      return 'contentFilter';
    default:
      return 'stop';
  }
}
