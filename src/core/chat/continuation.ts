import type { ChatMessage } from '../clients/llmClient.ts';

/**
 * To go on with an answer that broke off, on any backend: the model is shown what it has written and asked to write the rest. It is asked to begin with the
 * last words of that, since a new message never begins with a space or in the middle of a word, so that nobody could tell how the two belong together.
 */
export function continuationMessages(partial: string): readonly ChatMessage[] {
  const request = `Your answer broke off. Write the rest of it, without an introduction. Begin with its last words, unchanged, and go on from there:\n\n${lastWords(partial)}`;
  return [
    { role: 'assistant', text: partial },
    { role: 'user', text: request },
  ];
}

/** Fewer are the same by chance. */
const leastRepeatedChars = 6;
/** More would only be waited for. */
const mostRepeatedChars = 48;

/** What stands before a repetition is short. */
const mostLeadInChars = 200;

/** The last line, with as many before it as it takes to be found again; of a long one the end, from a word on. */
function lastWords(partial: string): string {
  const text = partial.trim();
  let start = text.length;
  do start = text.lastIndexOf('\n', start - 1);
  while (start > 0 && text.length - start <= leastRepeatedChars);
  const lines = text.slice(start + 1);
  if (lines.length <= mostRepeatedChars) return lines;
  const end = lines.slice(-mostRepeatedChars);
  return end.slice(end.search(/\s/) + 1);
}

/**
 * Joins the rest of an answer to what was there. What it repeats of that is dropped, whether it is the last words it was asked for, the word that was cut, or
 * all of it; the text is held back until that is decided. Text that may be meant twice is kept: a repetition can be read, a gap cannot.
 */
export class ContinuationJoint {
  readonly #partial: string;
  readonly #isInCode: boolean;
  #held = '';
  #isJoined: boolean;

  /** With nothing to continue it passes everything on. */
  constructor(partial: string) {
    this.#partial = partial;
    this.#isInCode = isInCode(partial);
    this.#isJoined = partial.trim() === '';
  }

  /** What of the answer is new, as far as that is known. */
  push(text: string): string {
    if (this.#isJoined) return text;
    this.#held += text;
    return this.#mayRepeat() ? '' : this.end();
  }

  end(): string {
    if (this.#isJoined) return '';
    this.#isJoined = true;
    const held = this.#held;
    const start = leadIn(held);
    const repeated = repetition(this.#partial.trimEnd(), held.slice(start));
    if (repeated > 0) return withoutStart(held.slice(start + repeated), trailingSpace(this.#partial));
    if (this.#isInCode) return held.replace(/^\s*(`{3,}|~{3,})[\w+#.-]+\n/, '');
    // Most likely a word ended there: models write whole words, and no space at the beginning of a message.
    return letterAtEnd.test(this.#partial) && letterAtStart.test(held) ? ` ${held}` : held;
  }

  /** As long as all of it stands somewhere in what was there. */
  #mayRepeat(): boolean {
    if (this.#held.length > this.#partial.length + mostLeadInChars) return false;
    const text = this.#held.slice(leadIn(this.#held));
    return text === '' || /^\s*(`+|~+)[\w+#.-]*$/.test(this.#held) || this.#partial.includes(text.trimEnd());
  }
}

/** Of the scripts that put spaces between words. */
const letterAtEnd = /[\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}]$/u;
const letterAtStart = /^[\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}]/u;

/** What models put before a repetition: space, dots, the fence of the code that they are in. */
function leadIn(text: string): number {
  return /^\s*(?:(?:\.{3}|…)\s*)?(?:(?:`{3,}|~{3,})[^\n`]*\n\s*)?/.exec(text)?.[0].length ?? 0;
}

/** How many characters at the beginning of the text are a repetition of the end of what was there. */
function repetition(before: string, rest: string): number {
  let longest = Math.min(before.length, rest.length);
  while (longest > 0 && !before.endsWith(rest.slice(0, longest))) longest--;
  const text = rest.slice(0, longest);
  const isAsAsked = longest >= lastWords(before).length;
  if (isAsAsked || (longest >= leastRepeatedChars && !isPattern(text, before))) return longest;
  const word = /[\p{L}\p{N}_]*\p{L}[\p{L}\p{N}_]*$/u.exec(before)?.[0] ?? '';
  return word.length > 1 && rest.startsWith(word) ? word.length : 0;
}

/** `0, 0, 0, `, or what stands there twice already: more of the same may well be meant. */
function isPattern(text: string, before: string): boolean {
  for (let period = 1; period <= text.length / 2; period++) if (text.startsWith(text.slice(period))) return true;
  return before.endsWith(text + text);
}

/** The space between what was there and the rest is there already. */
function withoutStart(text: string, start: string): string {
  return start !== '' && text.startsWith(start) ? text.slice(start.length) : text;
}

function trailingSpace(text: string): string {
  return text.slice(text.trimEnd().length);
}

/** In a fenced block that was not closed. */
function isInCode(text: string): boolean {
  let open: string | undefined;
  for (const line of text.split('\n')) {
    const [, fence, info] = /^ {0,3}(`{3,}|~{3,})(.*)$/.exec(line) ?? [];
    if (fence === undefined) continue;
    if (open === undefined) open = fence;
    else if (fence.startsWith(open) && info?.trim() === '') open = undefined;
  }
  return open !== undefined;
}
