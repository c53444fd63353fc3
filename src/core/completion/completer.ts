import { BackendError } from '../clients/errors.ts';
import type { ChatEvent, CompletionRequest } from '../clients/llmClient.ts';
import { CompletionCache } from './completionCache.ts';
import type { CodePlace } from './codePlace.ts';
import { completionRequest, fitPlace } from './completionPrompt.ts';
import { shapeCompletion, wantsMultiLine, type TextAround } from './completionText.ts';
import { tokensOf, type FimTemplate } from './fimTemplates.ts';
import { TypingRhythm } from './typingRhythm.ts';

/** Who completes. */
export interface CompletionModel {
  readonly model: string;
  /** Left out where the server knows how the model fills a gap. */
  readonly template?: FimTemplate;
  /** Of a prompt, at most. */
  readonly budgetTokens: number;
  readonly ask: (request: CompletionRequest, signal: AbortSignal) => AsyncIterable<ChatEvent>;
}

/** Time, so that a test has its own. */
export interface Clock {
  nowMs(): number;
  /** Resolves early, without an error, when the signal is aborted. */
  wait(durationMs: number, signal: AbortSignal): Promise<void>;
}

export interface CompletionPlace extends CodePlace {
  /** The same for the same document. */
  readonly document: string;
  readonly isProse: boolean;
}

export interface CompletionWay {
  /** Asked for by a key of its own: at once, and wherever it is. */
  readonly isInvoked: boolean;
  /** A request is on its way, or is no more. */
  readonly onAsking?: (isAsking: boolean) => void;
}

const leastBudgetTokens = 256;
/** Reading a prompt may take so long. */
const longestReadingMs = 1_500;

/** From a place in a file to the text that is offered there. At most one request is on its way: a new call cancels the one before it. */
export class Completer {
  readonly #model: CompletionModel;
  readonly #clock: Clock;
  readonly #cache = new CompletionCache();
  readonly #rhythm = new TypingRhythm();
  #current: AbortController | undefined;
  #budgetTokens: number;

  constructor(model: CompletionModel, clock: Clock) {
    this.#model = model;
    this.#clock = clock;
    this.#budgetTokens = model.budgetTokens;
  }

  /**
   * Empty: there is nothing to offer, or the call was cancelled.
   * @throws BackendError
   */
  async complete(place: CompletionPlace, way: CompletionWay, signal: AbortSignal): Promise<string> {
    this.cancel();
    if (!way.isInvoked) this.#rhythm.keyPressed(this.#clock.nowMs());
    const cursor = { document: place.document, before: place.prefix, after: place.suffix };
    const known = this.#cache.find(cursor);
    if (known !== undefined && (known !== '' || !way.isInvoked)) return known;
    if (!way.isInvoked && !isWorthAsking(place)) return '';
    const controller = new AbortController();
    this.#current = controller;
    const cancelled = AbortSignal.any([signal, controller.signal]);
    if (!way.isInvoked) await this.#clock.wait(this.#rhythm.pauseMs, cancelled);
    if (cancelled.aborted) return '';
    way.onAsking?.(true);
    try {
      const text = await this.#ask(place, cancelled);
      if (cancelled.aborted) return '';
      this.#cache.remember(cursor, text);
      return text;
    } finally {
      way.onAsking?.(false);
    }
  }

  /** The server stops generating. */
  cancel(): void {
    this.#current?.abort();
    this.#current = undefined;
  }

  async #ask(place: CompletionPlace, signal: AbortSignal): Promise<string> {
    const { model, template, ask } = this.#model;
    const { prefix: before, suffix: after, isProse } = place;
    const tokens = tokensOf(template);
    const fitted = fitPlace(
      { ...place, neighbours: place.neighbours.filter((file) => !holds(file.text, tokens)) },
      this.#budgetTokens,
    );
    // A file in which the model's own tokens are text would be another prompt than it looks.
    if (holds(fitted.prefix, tokens) || holds(fitted.suffix, tokens)) return '';
    const isMultiLine = wantsMultiLine(before, after);
    const around: TextAround = { before, after, isMultiLine, isProse, tokens };
    const request = completionRequest({ model, place: fitted, isMultiLine, ...(template ? { template } : {}) });
    let answer = '';
    try {
      for await (const event of ask(request, signal)) {
        if (event.type === 'text') answer += event.delta;
        const isEnd = event.type === 'finish';
        if (isEnd) this.#learn(event);
        if (!isEnd && event.type !== 'text') continue;
        // A single line ends at the line end that the server was told to stop at; one that was cut by its length is half a line.
        const { text, isComplete } = shapeCompletion(answer, around, isEnd && event.reason !== 'length');
        if (isComplete || isEnd) return text;
      }
    } catch (error) {
      if (!(error instanceof BackendError) || error.kind !== 'contextOverflow') throw error;
      // The next request is shorter; this one is not worth a second try.
      this.#halveBudget();
    }
    return '';
  }

  #learn({ timings }: ChatEvent & { readonly type: 'finish' }): void {
    if ((timings?.promptMs ?? 0) > longestReadingMs) this.#halveBudget();
  }

  #halveBudget(): void {
    this.#budgetTokens = Math.max(leastBudgetTokens, Math.floor(this.#budgetTokens / 2));
  }
}

/** Not within a word, where the end of it is there already, and not in an empty file, of which nothing is known. */
function isWorthAsking({ prefix, suffix }: CodePlace): boolean {
  if (/\w$/.test(prefix) && /^\w/.test(suffix)) return false;
  return prefix.trim() !== '';
}

function holds(text: string, tokens: readonly string[]): boolean {
  return tokens.some((token) => text.includes(token));
}
