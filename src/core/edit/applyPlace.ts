import { definedName } from './codeNames.ts';
import { hasSearchMarks, looksLikeDiff } from './editBlocks.ts';
import type { LineRange } from './editSession.ts';
import { enclosingBlock } from './enclosingBlock.ts';
import { nameFromComment, nameFromInfo } from './fileNames.ts';
import { indentationOf, isBlank, isCommon } from './lines.ts';

/** A code block of an answer. */
export interface CodeToApply {
  /** What stands behind the fence. */
  readonly info: string;
  readonly lines: readonly string[];
  /** The file that the answer says it is for, beside it. */
  readonly saidFile?: string;
}

export interface NamedCode extends CodeToApply {
  /** As the model writes it, with `/`: relative to the workspace, or a mere name. Undefined where it names none. */
  readonly fileName: string | undefined;
}

/** The file that the code is for, from behind the fence or from a comment in its first line, which is no part of the code then. */
export function namedCode({ info, lines, saidFile }: CodeToApply): NamedCode {
  const inComment = nameFromComment(lines[0] ?? '');
  const fileName = nameFromInfo(info) ?? inComment ?? saidFile;
  return { info, fileName, lines: inComment === undefined ? lines : lines.slice(1) };
}

export type ApplyPlace =
  | ({ readonly type: 'found' } & LineRange)
  /** Nothing in the document says where the code belongs, or more than one place does. */
  | { readonly type: 'notFound' | 'ambiguous' };

/** Which lines of a document the code is a new version of. */
export function applyPlace(code: readonly string[], document: readonly string[], languageId: string): ApplyPlace {
  const whole = { type: 'found', start: 0, end: withoutLastBlank(document) } as const;
  if (document.every(isBlank) || hasSearchMarks(code) || looksLikeDiff(code, '')) return whole;
  if (isWholeFile(code, document, languageId)) return whole;
  const byName = placeByNames(code, document, languageId);
  return byName.type === 'notFound' ? placeByAnchors(code, document, languageId) : byName;
}

function withoutLastBlank(lines: readonly string[]): number {
  return lines.length > 1 && lines.at(-1) === '' ? lines.length - 1 : lines.length;
}

/** Most of the lines are there, from the first to the last; lines that a file has many times say no more than one. */
function isWholeFile(code: readonly string[], document: readonly string[], languageId: string): boolean {
  const telling = [...new Set(document.map((line) => line.trim()).filter((line) => !isCommon(line)))];
  const own = new Set(code.map((line) => line.trim()));
  const kept = telling.filter((line) => own.has(line)).length;
  const ends = [...telling.slice(0, 3), ...telling.slice(-3)].filter((line) => own.has(line)).length;
  const definedIn = (lines: readonly string[]) => new Set(lines.flatMap((line) => definedName(line, languageId) ?? []));
  const [old, now] = [definedIn(document), definedIn(code)];
  // Code that lacks a function of the file is rather one of its others, or of another file, that is written alike.
  const isPart = now.size > 0 && [...old].some((name) => !now.has(name));
  const wanted = isPart ? 0.8 : 0.6;
  return telling.length > 0 && kept / telling.length >= wanted && ends >= Math.min(4, telling.length);
}

/** By what the code defines, at its own margin: from the first of these definitions in the document to the end of the last. */
function placeByNames(code: readonly string[], document: readonly string[], languageId: string): ApplyPlace {
  const margin = Math.min(...code.filter((line) => !isBlank(line)).map((line) => indentationOf(line).length));
  const names = code.flatMap((line) => {
    const name = indentationOf(line).length === margin ? definedName(line, languageId) : undefined;
    return name === undefined ? [] : [name];
  });
  const places = names.map((name) =>
    document.flatMap((line, index) => (definedName(line, languageId) === name ? [index] : [])),
  );
  const known = places.filter((found) => found.length > 0);
  if (known.length === 0) return { type: 'notFound' };
  if (known.some((found) => found.length > 1)) return { type: 'ambiguous' };
  const lines = known.map(([at = 0]) => at);
  const [first = 0, last = 0] = [Math.min(...lines), Math.max(...lines)];
  const isInOrder = lines.every((at, index) => index === 0 || at > (lines[index - 1] ?? 0));
  // What stands between them and is not in the code would go with them.
  const between = document.slice(first, last).flatMap((line) => definedName(line, languageId) ?? []);
  const isWhole = between.every((name) => code.some((line) => line.includes(name)));
  if (!isInOrder || !isWhole) return { type: 'ambiguous' };
  return { type: 'found', start: withWhatBelongs(code, document, first), end: endOfBlock(document, last) };
}

function endOfBlock(document: readonly string[], head: number): number {
  let end = head + 1;
  do {
    let inside = end;
    while (inside < document.length - 1 && isBlank(document[inside] ?? '')) inside++;
    const block = enclosingBlock(document, Math.min(inside, document.length - 1));
    if (block.start > end - 1 || block.end <= end) return end;
    end = block.end;
    // A signature over several lines ends where the body begins.
  } while (/[{(:[]\s*$/.test(document[end - 1] ?? ''));
  return end;
}

/** Comments and decorators above the definition go along when the code has some as well. */
function withWhatBelongs(code: readonly string[], document: readonly string[], at: number): number {
  const isAbove = (line: string) => /^\s*(?:\/\/|\/\*|\*|#|@|--|""")/.test(line);
  if (!isAbove(code.find((line) => !isBlank(line)) ?? '')) return at;
  let start = at;
  while (start > 0 && isAbove(document[start - 1] ?? '')) start--;
  return start;
}

/** By its first and its last telling line, each of which the document has once. What begins with a definition of its own is no part of another one. */
function placeByAnchors(code: readonly string[], document: readonly string[], languageId: string): ApplyPlace {
  const telling = code.flatMap((line, index) => (isCommon(line) ? [] : [{ line: line.trim(), index }]));
  const placesOf = (text: string) => document.flatMap((line, index) => (line.trim() === text ? [index] : []));
  const first = telling.find(({ line }) => placesOf(line).length > 0);
  const last = telling.findLast(({ line }) => placesOf(line).length > 0);
  if (!first || !last || first.line === last.line) return { type: 'notFound' };
  const [begin] = telling;
  if (begin !== first && definedName(begin?.line ?? '', languageId) !== undefined) return { type: 'notFound' };
  const [starts, ends] = [placesOf(first.line), placesOf(last.line)];
  if (starts.length > 1 || ends.length > 1) return { type: 'ambiguous' };
  const start = (starts[0] ?? 0) - leadingSame(code, document, first.index, starts[0] ?? 0, -1);
  const end = (ends[0] ?? 0) + 1 + leadingSame(code, document, last.index, ends[0] ?? 0, 1);
  return end > start && end - start <= 3 * code.length + 10 ? { type: 'found', start, end } : { type: 'notFound' };
}

/** How many lines beyond an anchor are the same in both: brackets and blank lines that belong to the code. */
function leadingSame(
  code: readonly string[],
  document: readonly string[],
  inCode: number,
  at: number,
  step: 1 | -1,
): number {
  let count = 0;
  for (;;) {
    const own = code[inCode + step * (count + 1)];
    const other = document[at + step * (count + 1)];
    if (own === undefined || other === undefined || own.trim() !== other.trim()) return count;
    count++;
  }
}
