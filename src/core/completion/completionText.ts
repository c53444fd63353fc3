/** Where a completion goes. Both texts have `\n` at line ends. */
export interface TextAround {
  readonly before: string;
  readonly after: string;
  readonly isMultiLine: boolean;
  /** Of the model: never code. */
  readonly tokens: readonly string[];
  /** Prose, in which fences and sentences are what one writes. */
  readonly isProse?: boolean;
}

export interface ShapedCompletion {
  /** To be inserted as it is; empty: nothing worth to be offered. */
  readonly text: string;
  /** More of the answer changes nothing any more: the server can stop. */
  readonly isComplete: boolean;
}

/** More than anybody reads before accepting it. */
const mostLines = 16;

/**
 * What of a model's answer is offered. A beginning of it (after a fence, where it has one around it), cut
 * - at a token of the model's own,
 * - where the text after the gap begins again,
 * - where the block that was begun before the gap is over,
 * - at the last whole line when the answer broke off.
 *
 * `isAll` says that the answer has ended by itself; of one that goes on or broke off, the last line is still open.
 */
export function shapeCompletion(answer: string, around: TextAround, isAll: boolean): ShapedCompletion {
  const { text, isCut, isRefused } = codeOf(answer, around, isAll);
  if (isRefused) return { text: '', isComplete: true };
  return around.isMultiLine ? shapeBlock(text, around, isAll || isCut) : shapeLine(text, around, isAll || isCut);
}

/**
 * Several lines where a block begins or a line is empty, one line within a statement: the rest of a line that somebody is writing is a guess that is often right,
 * the lines after it are not.
 */
export function wantsMultiLine(before: string, after: string): boolean {
  const line = lastLine(before);
  if (!/^[\s)\]}>;,'"`]*$/.test(firstLine(after))) return false;
  return line.trim() === '' || /(?:[{([:,>=]|\b(?:then|do|begin|else|try))\s*$/.test(line) || declaration.test(line);
}

const declaration =
  /^\s*(?:(?:export|default|public|private|protected|static|async|pub|override|final|abstract)\s+)*(?:function|def|class|fn|func|fun|struct|impl|trait|enum|interface|type|if|for|while|switch|match|try|catch|with)\b/;

// ---- What is code ------------------------------------------------------------------------------------------------------------------------------------

interface Code {
  readonly text: string;
  /** It ends here, whatever comes. */
  readonly isCut: boolean;
  readonly isRefused?: true;
}

function codeOf(answer: string, { before, tokens, isProse }: TextAround, isAll: boolean): Code {
  const clean = answer.replaceAll('\r', '');
  const token = firstOf(clean, tokens);
  const isCut = token >= 0;
  const text = isCut ? clean.slice(0, token) : isAll ? clean : withoutOpenToken(clean, tokens);
  if (isProse) return { text, isCut };
  if (isChatter(text, lastLine(before))) return { text: '', isCut: true, isRefused: true };
  return withoutFences(text, isCut, isAll);
}

/** How models begin that talk about the code instead of writing it. In a comment or a string somebody may write the same. */
function isChatter(text: string, beforeOnLine: string): boolean {
  if (/\/\/|[#*'"`]|--/.test(beforeOnLine)) return false;
  return (
    /^\s*(?:(?:sure|certainly|of course)[,!.] |(?:here(?: is|['’]s| are)|the (?:missing|completed?|following)|to complete)\b[^\n]*[:!.])/i.test(
      text,
    ) || /^\s*I(?:['’](?:m|ll|ve)| (?:am|can|will|have|would))\b/.test(text)
  );
}

/** The end of an answer that goes on may be the beginning of a token. */
function withoutOpenToken(text: string, tokens: readonly string[]): string {
  const longest = Math.max(0, ...tokens.map(({ length }) => length));
  for (let at = Math.max(0, text.length - longest); at < text.length; at++) {
    const tail = text.slice(at);
    if (tokens.some((token) => token.startsWith(tail))) return text.slice(0, at);
  }
  return text;
}

/** One around all of it goes; at a later one the code is over. */
function withoutFences(text: string, isCut: boolean, isAll: boolean): Code {
  // Whether it opens a fence is known with its whole line.
  if (!isAll && !isCut && /^\s*(?:`{1,3}[^\n`]*)?$/.test(text)) return { text: '', isCut: false };
  const opening = /^\s*```[^\n`]*\n/.exec(text);
  const inner = opening ? text.slice(opening[0].length) : text;
  const closing = /(?:^|\n)[ \t]*```/.exec(inner);
  return closing ? { text: inner.slice(0, closing.index), isCut: true } : { text: inner, isCut };
}

// ---- One line ----------------------------------------------------------------------------------------------------------------------------------------

function shapeLine(text: string, around: TextAround, isAll: boolean): ShapedCompletion {
  const isComplete = isAll || text.includes('\n');
  return { text: isComplete ? finished(firstLine(text), around) : '', isComplete };
}

/** Without what stands behind the gap already, and without white space at its end unless more follows on a line of its own. */
function finished(text: string, { before, after }: TextAround): string {
  const rest = firstLine(after).trimEnd();
  const shaped = withoutRest(text, rest, lastLine(before));
  if (shaped.trim() === '') return '';
  return rest.trim() !== '' && shaped.includes('\n') ? shaped : shaped.trimEnd();
}

/**
 * Without the rest of the line. Brackets and quotes are what editors add while one types: of those only such go that are closed once too often.
 */
function withoutRest(text: string, rest: string, beforeOnLine: string): string {
  const trimmed = text.trimEnd();
  const isPunctuation = /^[\s)\]}>'"`;,]*$/.test(rest);
  for (let length = Math.min(rest.length, trimmed.length); length > 0; length--) {
    const tail = rest.slice(0, length);
    if (tail.trim() === '' || !trimmed.endsWith(tail)) continue;
    const kept = trimmed.slice(0, -length);
    const isRepeated = isPunctuation ? isExcess(tail, kept, beforeOnLine) : length === rest.length || length >= 3;
    if (isRepeated) return kept;
  }
  return text;
}

/** Whether what is kept needs none of these brackets and quotes. */
function isExcess(tail: string, kept: string, beforeOnLine: string): boolean {
  const brackets = [...tail].filter((character) => closers.has(character));
  if (brackets.length > 0) {
    return brackets.every((closer) => unclosed(kept, closers.get(closer) ?? '', closer) === 0);
  }
  const quotes = [...tail].filter((character) => `'"\``.includes(character));
  return quotes.every((quote) => occurrences(beforeOnLine + lastLine(kept), quote) % 2 === 1);
}

const closers: ReadonlyMap<string, string> = new Map([
  [')', '('],
  [']', '['],
  ['}', '{'],
]);

/** How many of the opening brackets are still open at the end; closing ones without one before do not count. */
function unclosed(text: string, opener: string, closer: string): number {
  let open = 0;
  for (const character of text) {
    if (character === opener) open++;
    else if (character === closer && open > 0) open--;
  }
  return open;
}

function occurrences(text: string, character: string): number {
  return text.split(character).length - 1;
}

// ---- Several lines -----------------------------------------------------------------------------------------------------------------------------------

function shapeBlock(text: string, around: TextAround, isAll: boolean): ShapedCompletion {
  const all = text.split('\n');
  // The last line may go on.
  const block = blockOf(isAll ? all : all.slice(0, -1), around);
  return { text: finished(block.lines.join('\n'), around), isComplete: isAll || block.isOver };
}

interface Block {
  readonly lines: readonly string[];
  readonly isOver: boolean;
}

/** The lines up to where the block is over. */
function blockOf(lines: readonly string[], { before, after }: TextAround): Block {
  const here = lastLine(before);
  const isOnEmptyLine = here.trim() === '';
  const next = after
    .slice(firstLine(after).length)
    .split('\n')
    .find((line) => line.trim() !== '');
  const endsAt = isOnEmptyLine ? endOfParagraph(indentOf(here)) : endOfBody(indentOf(here));
  for (const [index, line] of lines.entries()) {
    // The first line goes on where the cursor is: of it only what is written on an empty line can be compared.
    const whole = index > 0 ? line : isOnEmptyLine ? here + line : undefined;
    const isRepeated = whole !== undefined && next !== undefined && repeats(whole, next);
    const end = index >= mostLines || isRepeated || isThirdOfAKind(lines, index) ? 'before' : endsAt(line, index === 0);
    if (end !== undefined) return { lines: lines.slice(0, end === 'before' ? index : index + 1), isOver: true };
  }
  return { lines, isOver: false };
}

/** Where a block is over: before a line, or after it. */
type EndsAt = (line: string, isFirst: boolean) => 'before' | 'after' | undefined;

/** What is begun on an empty line ends with the next empty line, or where it is less indented; at the left margin one function or class is whole. */
function endOfParagraph(baseIndent: number): EndsAt {
  let hasCode = false;
  let wentDeeper = false;
  return (line, isFirst) => {
    const isInside = baseIndent === 0 && wentDeeper;
    if (line.trim() === '') return hasCode && !isInside ? 'before' : undefined;
    hasCode = true;
    if (isFirst) return undefined;
    const indent = indentOf(line);
    if (indent < baseIndent) return 'before';
    wentDeeper ||= indent > baseIndent;
    return isInside && indent === 0 && !closer.test(line) && !continuation.test(line) ? 'before' : undefined;
  };
}

/** What is begun at the end of a line is what is indented below it, and the line that closes it, unless that one opens the next, as `} else {` does. */
function endOfBody(baseIndent: number): EndsAt {
  return (line, isFirst) => {
    const indent = indentOf(line);
    if (isFirst || line.trim() === '' || indent > baseIndent) return undefined;
    if (indent < baseIndent || !closer.test(line)) return 'before';
    return /[{([:]\s*$/.test(line) ? undefined : 'after';
  };
}

const closer = /^\s*(?:[)\]}>]|<\/|(?:end|fi|done|esac)\b)/;
const continuation = /^\s*(?:else|elif|elsif|except|rescue|catch|finally|ensure|when|case|and|or|\.|\||&)/;

/** Whether a line is the next one of the file: in all but its indentation, or in that too where it is only brackets. */
function repeats(line: string, next: string): boolean {
  return /\w/.test(next) ? line.trim() === next.trim() : line.trimEnd() === next.trimEnd();
}

/** A small model that goes in circles writes one line again and again. */
function isThirdOfAKind(lines: readonly string[], index: number): boolean {
  const line = lines[index]?.trim() ?? '';
  return /\w/.test(line) && line === lines[index - 1]?.trim() && line === lines[index - 2]?.trim();
}

// ---- Texts -------------------------------------------------------------------------------------------------------------------------------------------

function indentOf(line: string): number {
  return /^\s*/.exec(line)?.[0].length ?? 0;
}

export function firstLine(text: string): string {
  const end = text.indexOf('\n');
  return end < 0 ? text : text.slice(0, end);
}

export function lastLine(text: string): string {
  return text.slice(text.lastIndexOf('\n') + 1);
}

function firstOf(text: string, needles: readonly string[]): number {
  const places = needles.map((needle) => text.indexOf(needle)).filter((place) => place >= 0);
  return places.length > 0 ? Math.min(...places) : -1;
}
