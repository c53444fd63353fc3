import { answerParts, type AnswerBlock } from './answerBlocks.ts';
import {
  diffBlocks,
  hasSearchMarks,
  looksLikeDiff,
  searchReplaceBlocks,
  trimBlank,
  type EditBlock,
} from './editBlocks.ts';
import { isShell } from './fileNames.ts';
import { isBlank, isCommon, linesOf } from './lines.ts';

/** The code that a model was asked to change. */
export interface AskedCode {
  readonly languageId: string;
  readonly lines: readonly string[];
}

export type AnswerCode =
  /** What the code shall become. While the answer comes, the last line may be incomplete, and is left out. */
  | { readonly type: 'lines'; readonly lines: readonly string[] }
  /** Which of its lines shall become what. */
  | { readonly type: 'blocks'; readonly blocks: readonly EditBlock[] }
  | { readonly type: 'none'; readonly why: 'noCode' | 'severalBlocks' };

/**
 * The code out of an answer: small models explain, think aloud, number lines, show the code before and after, forget fences and never agree on a format.
 * What it gives is what the answer says, whether or not that is any good: trustCheck.ts judges that.
 */
export function codeFromAnswer(answer: string, asked: AskedCode, isComplete = true): AnswerCode {
  const visible = unwrapped(withoutReasoning(answer), asked, isComplete);
  const all = linesOf(visible);
  const lines = isComplete ? all : all.slice(0, -1);
  if (hasSearchMarks(lines, isComplete) && !hasSearchMarks(asked.lines))
    return { type: 'blocks', blocks: searchReplaceBlocks(lines) };
  const { blocks, prose } = answerParts(lines, () => holdsFences(asked));
  const diffs = blocks.filter((block) => looksLikeDiff(block.lines, block.info) && !looksLikeDiff(asked.lines, ''));
  if (diffs.length > 0)
    return { type: 'blocks', blocks: diffs.flatMap((block) => diffBlocks(block.lines, asked.lines)) };
  // A text with blocks of its own, and no fence around it.
  const isBareText = isText(asked) && likeness(prose, asked.lines) > 0;
  const usable = isBareText
    ? []
    : blocks.filter((block) => block.lines.some((line) => !isBlank(line)) && !isBeside(block, asked));
  const chosen =
    usable.length > 0 ? chooseBlock(usable, asked) : bareCode(isBareText ? lines : prose, asked, isComplete);
  if (typeof chosen === 'string') return { type: 'none', why: chosen };
  if (usable.length === 0 && looksLikeDiff(chosen, '') && !looksLikeDiff(asked.lines, '')) {
    return { type: 'blocks', blocks: diffBlocks(chosen, asked.lines) };
  }
  return { type: 'lines', lines: withoutLineNumbers(withoutBlankEnds(chosen, asked), asked) };
}

const thinkStart = /^\s*<(think|thinking|thought|reasoning|reflection|scratchpad)>/i;
const thinkEnd = /<\/(?:think|thinking|thought|reasoning|reflection|scratchpad)>/i;

/** Before its end, thinking is all that there is. Some servers leave out the tag at its beginning. */
export function withoutReasoning(answer: string): string {
  const begin = thinkStart.exec(answer);
  const end = thinkEnd.exec(answer);
  if (begin && !end) return '';
  if (!end) return answer;
  const isOutsideCode = begin ?? !/^\s*(?:```|~~~)/m.test(answer.slice(0, end.index));
  return isOutsideCode ? withoutReasoning(answer.slice(end.index + end[0].length)) : answer;
}

const endTokens =
  /(?:<\|(?:im_end|endoftext|eot_id|end|end_of_text|file_separator)\|>|<\/s>|<end_of_turn>|\[\/?INST\])\s*$/;
const wrapper =
  /^\s*<(code|answer|output|file|result|updated_code|new_code|edited_code|final_code|replacement|response)(?:\s[^<>]*)?>\s*\n([^]*?)(?:\n\s*<\/\1>\s*)?$/i;

function unwrapped(answer: string, asked: AskedCode, isComplete: boolean): string {
  const text = answer.replace(endTokens, '');
  const inTag = wrapper.exec(text);
  if (inTag && !asked.lines.some((line) => line.includes(`<${inTag[1] ?? ''}`))) return inTag[2] ?? '';
  if (isComplete && /^\s*\{/.test(text) && !/^jsonc?$/.test(asked.languageId)) return codeInJson(text) ?? text;
  return text;
}

function codeInJson(text: string): string | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null) return undefined;
    const texts = Object.entries(value).filter(
      ([key, held]) => /code|content|text|answer|result/i.test(key) && typeof held === 'string',
    );
    return texts.length === 1 ? String(texts[0]?.[1]) : undefined;
  } catch {
    return undefined;
  }
}

function holdsFences({ languageId, lines }: AskedCode): boolean {
  return /^(?:markdown|mdx|quarto|rmd)$/.test(languageId) || lines.some((line) => /^\s*(?:`{3,}|~{3,})/.test(line));
}

/** A command to run or what it prints is not the code that was asked for. */
function isBeside({ info }: AnswerBlock, { languageId }: AskedCode): boolean {
  const language = /^[\w+#-]+/.exec(info)?.[0] ?? '';
  return isShell(language) && !isShell(languageId);
}

const isBefore = /\b(?:before|original|current(?:ly)?|old|existing|your code|you have|given)\b[^.]*:?\s*$/i;
const isAlternative =
  /\b(?:alternative(?:ly)?|another (?:way|option|version)|option \w|or,? (?:if|you)|you (?:can|could) (?:also|then)|usage|example|test it|to use)\b/i;

/** Which of several blocks is the answer. */
function chooseBlock(blocks: readonly AnswerBlock[], asked: AskedCode): readonly string[] | 'severalBlocks' {
  const label = (block: AnswerBlock) => trimBlank(block.prose).at(-1) ?? '';
  const primary = blocks.filter((block, index) => {
    if (blocks.length === 1) return true;
    if (isSameCode(block.lines, asked.lines)) return false;
    const isShownBefore =
      index < blocks.length - 1 && isBefore.test(label(block)) && likeness(block.lines, asked.lines) > 0.5;
    return !isShownBefore && (index === 0 || !isAlternative.test(label(block)));
  });
  const rest = primary.length > 0 ? primary : blocks.slice(-1);
  const scored = rest.map(({ lines }) => ({ lines, score: likeness(lines, asked.lines) }));
  const best = Math.max(...scored.map(({ score }) => score));
  const good = scored.filter(({ score }) => score >= 0.8 * best);
  const [first] = good;
  if (good.length === 1 || !first) return first?.lines ?? 'severalBlocks';
  // Corrected versions of one another: the last holds. Parts of one whole: nobody can tell where each belongs.
  return best > 0.6 || good.every(({ lines }) => likeness(lines, first.lines) > 0.5)
    ? (good.at(-1)?.lines ?? [])
    : 'severalBlocks';
}

function isSameCode(one: readonly string[], other: readonly string[]): boolean {
  const plain = (lines: readonly string[]) =>
    lines
      .map((line) => line.trim())
      .filter(Boolean)
      .join('\n');
  return plain(one) === plain(other);
}

/** The share of the telling lines of the other that this one has. */
function likeness(lines: readonly string[], other: readonly string[]): number {
  const telling = other.map((line) => line.trim()).filter((line) => !isCommon(line));
  if (telling.length === 0) return 0;
  const own = new Set(lines.map((line) => line.trim()));
  return telling.filter((line) => own.has(line)).length / telling.length;
}

/** An answer without a fence: code, when prose around it is taken away. */
function bareCode(lines: readonly string[], asked: AskedCode, isComplete: boolean): readonly string[] | 'noCode' {
  const inline = isComplete ? /^\s*`([^`\n]+)`\s*\.?\s*$/.exec(lines.join('\n'))?.[1] : undefined;
  if (inline !== undefined) return [inline];
  const known = new Set(asked.lines.map((line) => line.trim()));
  const isProse = (line: string) => !known.has(line.trim()) && isSentence(line, asked);
  let start = 0;
  let end = lines.length;
  while (
    start < end &&
    (isBlank(lines[start] ?? '') || isProse(lines[start] ?? '') || isLanguageName(lines[start] ?? '', asked))
  )
    start++;
  while (end > start && (isBlank(lines[end - 1] ?? '') || isProse(lines[end - 1] ?? ''))) end--;
  const code = lines.slice(start, end);
  if (code.length === 0) return 'noCode';
  if (isText(asked)) return code;
  const sentences = code.filter((line) => isProse(line)).length;
  const looksRight =
    likeness(code, asked.lines) > 0 ||
    code.some((line) => /[{}()[\];=<>]|^\s*(?:def|class|import|from|return|#|\/\/|--)\b/.test(line));
  return looksRight && sentences <= code.length / 4 ? code : 'noCode';
}

function isLanguageName(line: string, { languageId }: AskedCode): boolean {
  return line.trim().toLowerCase() === languageId;
}

function isText({ languageId }: AskedCode): boolean {
  return /^(?:markdown|mdx|plaintext|latex|tex|restructuredtext|asciidoc|quarto)$/.test(languageId);
}

const opening =
  /^(?:sure|certainly|of course|here(?:'s| is| are|’s)|okay|ok\b|below is|the (?:updated|modified|edited|new|following|revised|corrected) |this (?:is|version)|i(?:'ve| have|’ve) |yes\b|updated |let me)/i;
const closing =
  /^(?:note|explanation|this (?:code|version|change|function|implementation)|i (?:have|changed|added|removed)|in this|the (?:code|function|change|main)|let me know|hope|changes|key changes|now,? |- \*\*|\*\*|\d+\. )/i;

function isSentence(line: string, asked: AskedCode): boolean {
  const words = line.trim();
  if (/^\s/.test(line) || words === '') return false;
  if (opening.test(words) && /[:.!]$/.test(words)) return true;
  if (isText(asked)) return false;
  if (closing.test(words) && !/[;{}]$/.test(words)) return true;
  return /^[A-Z][\w'’,-]*(?:\s+[\w'’`(),.-]+){3,}[.:!?]$/.test(words);
}

function withoutBlankEnds(lines: readonly string[], asked: AskedCode): readonly string[] {
  const trimmed = trimBlank(lines);
  const count = (from: readonly string[]) => from.findIndex((line) => !isBlank(line));
  const before = Math.max(0, count(asked.lines));
  const after = Math.max(0, count([...asked.lines].reverse()));
  // Blank lines around the code are no part of what a model is asked to change, so they stay as they are.
  return asked.lines.some((line) => !isBlank(line))
    ? [...asked.lines.slice(0, before), ...trimmed, ...asked.lines.slice(asked.lines.length - after)]
    : trimmed;
}

const numbered = /^\s*(\d+)(?:\s*[|:│]\s?|\t| {2})(.*)$/;

/** Only where all lines have numbers that rise one by one, and the code itself has none. */
function withoutLineNumbers(lines: readonly string[], asked: AskedCode): readonly string[] {
  const parts = lines.map((line) => numbered.exec(line) ?? /^\s*(\d+)\s*[|:│]?()$/.exec(line));
  const rising = parts.every((part, index) => {
    if (!part) return isBlank(lines[index] ?? '');
    const previous = parts[index - 1];
    return !previous || Number(part[1]) === Number(previous[1]) + 1;
  });
  const isNumbered = parts.filter(Boolean).length >= Math.min(2, lines.length) && rising;
  if (!isNumbered || asked.lines.some((line) => numbered.test(line))) return lines;
  return parts.map((part) => part?.[2] ?? '');
}
