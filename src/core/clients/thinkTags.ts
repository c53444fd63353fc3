const openingTag = '<think>';
const closingTag = '</think>';

/** Where the pieces go; a `DeltaJoiner` is one. */
export interface DeltaSink {
  add(type: 'text' | 'reasoning', delta: string): void;
}

/**
 * Tells reasoning from text for servers that leave `<think>…</think>` in the text, whatever the cuts.
 *
 * - A text that begins with `<think>`, after white space at most, is reasoning until `</think>`, or to its end. Later tags are text: a model writes about them.
 * - Some chat templates write the opening tag themselves, so that the answer begins in the reasoning and only `</think>` comes. That shows too late for the
 *   answer at hand: what came before stays text, and the tag is left out if it is the first tag and begins its line. `isUnopened` tells it, for
 *   `startsInReasoning` of the next answer.
 * - From the first delta in a field of its own on nothing is looked for: the server keeps reasoning apart.
 *
 * White space after a tag is layout, and left out.
 */
export class ThinkTagSplitter {
  readonly #sink: DeltaSink;
  readonly #startsInReasoning: boolean;
  #state: 'start' | 'reasoning' | 'text' | 'done' = 'start';
  /** What may be the beginning of a tag. */
  #held = '';
  #skipsSpace = false;
  #atLineStart = true;
  #isUnopened = false;
  #isUnclosed = false;

  constructor(sink: DeltaSink, startsInReasoning = false) {
    this.#sink = sink;
    this.#startsInReasoning = startsInReasoning;
  }

  /** The text went on after a `</think>` that nothing had opened. */
  get isUnopened(): boolean {
    return this.#isUnopened;
  }

  /** After `end`: all of it was reasoning only because of `startsInReasoning`, for no tag came. */
  get isUnclosed(): boolean {
    return this.#isUnclosed;
  }

  /** A delta of text that may hold tags. */
  text(delta: string): void {
    if (this.#state === 'done') return this.#emit('text', delta);
    const text = this.#held + delta;
    this.#held = '';
    if (this.#state === 'start') this.#start(text);
    else if (this.#state === 'reasoning') this.#reasoning(text);
    else this.#watch(text);
  }

  /** A delta of reasoning that the server itself keeps apart. */
  reasoning(delta: string): void {
    if (this.#state !== 'done') this.end();
    this.#sink.add('reasoning', delta);
  }

  /** Gives what is held back. To be called however the answer ends. */
  end(): void {
    const inReasoning = this.#state === 'reasoning' || (this.#state === 'start' && this.#startsInReasoning);
    this.#isUnclosed = inReasoning && this.#startsInReasoning;
    this.#state = 'done';
    this.#emit(inReasoning ? 'reasoning' : 'text', this.#held);
    this.#held = '';
  }

  #start(text: string): void {
    const trimmed = text.trimStart();
    if (trimmed.startsWith(openingTag)) {
      this.#state = 'reasoning';
      this.#skipsSpace = true;
      this.#reasoning(trimmed.slice(openingTag.length));
    } else if (openingTag.startsWith(trimmed)) {
      this.#held = text;
    } else if (this.#startsInReasoning) {
      this.#state = 'reasoning';
      this.#reasoning(text);
    } else {
      this.#state = 'text';
      this.#watch(text);
    }
  }

  #reasoning(text: string): void {
    const at = text.indexOf(closingTag);
    if (at < 0) return this.#emit('reasoning', this.#holdBack(text, [closingTag]));
    this.#emit('reasoning', text.slice(0, at));
    this.#close(text.slice(at + closingTag.length));
  }

  /** In text that began without a tag. */
  #watch(text: string): void {
    // Nearly always, and a stream has many deltas.
    if (!text.includes('<')) return this.#emit('text', text);
    const opening = text.indexOf(openingTag);
    const closing = text.indexOf(closingTag);
    if (opening < 0 && closing < 0) return this.#emit('text', this.#holdBack(text, [openingTag, closingTag]));
    const isFirst = closing >= 0 && (opening < 0 || closing < opening);
    const beginsLine = closing === 0 ? this.#atLineStart : text[closing - 1] === '\n';
    if (!isFirst || !beginsLine) {
      this.#state = 'done';
      return this.#emit('text', text);
    }
    this.#isUnopened = true;
    this.#emit('text', text.slice(0, closing));
    this.#close(text.slice(closing + closingTag.length));
  }

  #close(rest: string): void {
    this.#state = 'done';
    this.#skipsSpace = true;
    this.#emit('text', rest);
  }

  /** The text without what may be the beginning of a tag at its end. */
  #holdBack(text: string, tags: readonly string[]): string {
    const at = text.lastIndexOf('<');
    const tail = at < 0 ? '' : text.slice(at);
    if (tail === '' || !tags.some((tag) => tag.startsWith(tail))) return text;
    this.#held = tail;
    return text.slice(0, at);
  }

  #emit(type: 'text' | 'reasoning', delta: string): void {
    const rest = this.#skipsSpace ? delta.trimStart() : delta;
    if (rest === '') return;
    this.#skipsSpace = false;
    this.#atLineStart = rest.endsWith('\n');
    this.#sink.add(type, rest);
  }
}
