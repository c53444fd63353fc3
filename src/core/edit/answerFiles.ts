import path from 'node:path';
import { answerParts, type AnswerBlock } from './answerBlocks.ts';
import type { CodeToApply } from './applyPlace.ts';
import { withoutReasoning } from './codeFromAnswer.ts';
import { hasSearchMarks, looksLikeDiff } from './editBlocks.ts';
import {
  isHeading,
  isShell,
  mayBeIn,
  nameAlone,
  nameFromComment,
  nameFromDiff,
  nameFromInfo,
  nameFromProse,
} from './fileNames.ts';
import { isBlank, linesOf } from './lines.ts';

/** What an answer says of one file. */
export interface AnswerFile {
  /** As the model writes it, with `/`: relative to the workspace, or a mere name. */
  readonly fileName: string;
  /** In the order of the answer: new versions of the file or of parts of it, blocks of search and replace, diffs. */
  readonly pieces: readonly CodeToApply[];
  /** A file that is to go or to get another name has no new text. */
  readonly wants: 'change' | 'delete' | 'rename';
}

/** A piece of code of an answer with the file that it is for, where the answer says so. */
export interface AnswerPiece extends CodeToApply {
  readonly fileName: string | undefined;
  readonly wants: AnswerFile['wants'];
}

/** The files that an answer changes. Commands to run, what they print and code that belongs to no file are left out. */
export function answerFiles(answer: string): readonly AnswerFile[] {
  const files = new Map<string, { fileName: string; pieces: CodeToApply[]; wants: AnswerFile['wants'] }>();
  for (const { fileName, info, lines, wants } of answerPieces(answer)) {
    if (fileName === undefined) continue;
    const key = path.posix.normalize(fileName);
    const known = files.get(key) ?? { fileName, pieces: [], wants };
    files.set(key, known);
    if (wants === 'change') known.pieces.push({ info, lines });
    else known.wants = wants;
  }
  return [...files.values()];
}

/** The file that this code of the answer is for; undefined where the answer does not say, or says several. */
export function fileOfCode(answer: string, code: readonly string[]): string | undefined {
  const text = code.join('\n').trim();
  const names = answerBlocks(answer)
    .filter(({ lines }) => lines.join('\n').trim() === text)
    .map(({ fileName }) => fileName);
  return new Set(names).size === 1 ? names[0] : undefined;
}

interface NamedBlock extends CodeToApply {
  readonly fileName: string | undefined;
}

function answerPieces(answer: string): readonly AnswerPiece[] {
  return answerBlocks(answer).flatMap(piecesOf);
}

const isMarkdown = (info: string) => /^(?:markdown|md|mdx|quarto|rmd)\b/i.test(info) || /\.mdx?\b/i.test(info);

function answerBlocks(answer: string): readonly NamedBlock[] {
  const lines = linesOf(withoutReasoning(answer));
  const { blocks, prose } = answerParts(lines, isMarkdown);
  // Patches and blocks of search and replace come without a fence, too.
  if (hasSearchMarks(prose) || prose.some((line, index) => isHeadOfDiff(prose, index) || patchHead.test(line))) {
    return [{ info: '', lines, fileName: undefined }];
  }
  return withReplacements(named(blocks), blocks);
}

const isOutput =
  /\b(?:output|usage|for example|example of|you can (?:also |now |then )?(?:run|use|call|test|import))\b/i;

/** From behind the fence, from a comment, from the sentence before, or from the heading above, which holds until the next one. */
function named(blocks: readonly AnswerBlock[]): readonly NamedBlock[] {
  let section: { readonly fileName: string; readonly language: string } | undefined;
  return blocks.map(({ info, lines, prose }) => {
    const language = /^[\w+#-]+(?![\w.+#-]*[./])/.exec(info)?.[0] ?? '';
    const explicit = nameFromInfo(info) ?? nameFromComment(lines[0] ?? '');
    const label = labelOf(prose);
    if (label.hasHeading) section = undefined;
    const fits = (name: string | undefined) =>
      name !== undefined && mayBeIn(language, name) && !(isShell(language) && !isScript(name)) && !isTree(lines)
        ? name
        : undefined;
    const own = explicit ?? fits(label.fileName);
    const isSameSection = section?.language === language && !isOutput.test(label.last);
    const fileName = own ?? (isSameSection ? fits(section?.fileName) : undefined);
    if (own !== undefined) section = label.hasHeading || label.isAlone ? { fileName: own, language } : undefined;
    return { info, lines, fileName };
  });
}

function isScript(fileName: string): boolean {
  return /\.(?:sh|bash|zsh|fish|ps1|psm1|bat|cmd)$|(?:^|\/)[A-Z][a-z]+file$/.test(fileName);
}

/** Which files there are, and nothing of what is in them. */
function isTree(lines: readonly string[]): boolean {
  const isEntry = (line: string) => isBlank(line) || /^[\s│├└─|`+-]*[\w.@][\w.@-]*\/?(?:\s+#.*)?$/.test(line);
  return lines.every(isEntry) && lines.some((line) => /[├└]|\w\/\s*(?:#.*)?$/.test(line));
}

interface Label {
  readonly fileName: string | undefined;
  /** The last line of prose before the block. */
  readonly last: string;
  /** A heading begins something else. */
  readonly hasHeading: boolean;
  /** Stands over the code as a title does. */
  readonly isAlone: boolean;
}

/** From the block upwards, as far as the next heading: a file that is spoken of earlier is another matter. */
function labelOf(prose: readonly string[]): Label {
  const last = prose.findLast((line) => !isBlank(line)) ?? '';
  const hasHeading = prose.some(isHeading);
  let paragraphs = 0;
  for (let index = prose.length - 1; index >= 0; index--) {
    const line = prose[index] ?? '';
    if (isBlank(line)) {
      if (!isBlank(prose[index + 1] ?? '')) paragraphs++;
      continue;
    }
    const alone = nameAlone(line);
    const isNear = paragraphs === 0 || line.trim().endsWith(':') || isHeading(line);
    const fileName = alone ?? (isNear ? nameFromProse(line) : undefined);
    if (fileName !== undefined) return { fileName, last, hasHeading, isAlone: alone !== undefined };
    if (isHeading(line) || (index === lastIndex(prose) && isOutput.test(line))) break;
  }
  return { fileName: undefined, last, hasHeading, isAlone: false };
}

function lastIndex(prose: readonly string[]): number {
  return prose.findLastIndex((line) => !isBlank(line));
}

const asksToFind = /\b(?:change|replace|find|from|before|old|original|current(?:ly)?|look for|this)\b.*:\s*\**$/i;
const saysWith = /^\W*(?:to|with|by|into|after|new|(?:it |this )?(?:becomes|should (?:be|become)))\b.{0,40}:\s*\**$/i;

/** “Change … to: …” in two blocks is what is to be found and what takes its place. */
function withReplacements(blocks: readonly NamedBlock[], raw: readonly AnswerBlock[]): readonly NamedBlock[] {
  const lastLine = (index: number) => raw[index]?.prose.findLast((line) => !isBlank(line))?.trim() ?? '';
  const result: NamedBlock[] = [];
  for (const [index, block] of blocks.entries()) {
    const before = result.at(-1);
    const isPair =
      before?.fileName !== undefined &&
      (block.fileName === undefined || block.fileName === before.fileName) &&
      saysWith.test(lastLine(index)) &&
      asksToFind.test(lastLine(index - 1)) &&
      !hasSearchMarks(before.lines) &&
      !hasSearchMarks(block.lines);
    if (!isPair) result.push(block);
    else {
      const lines = ['<<<<<<< SEARCH', ...before.lines, '=======', ...block.lines, '>>>>>>> REPLACE'];
      result[result.length - 1] = { ...before, lines };
    }
  }
  return result;
}

const patchHead = /^\*\*\* (Update|Add|Delete|Move) (?:File|to): (.+)$/;
const patchFrame = /^\*\*\* (?:Begin|End) (?:Patch|of File)/;

/** One block may speak of several files: a diff, a patch, blocks of search and replace that each follow the name of their file. */
function piecesOf(block: NamedBlock): readonly AnswerPiece[] {
  const { info, lines, fileName } = block;
  if (lines.some((line) => patchHead.test(line))) return patchPieces(lines);
  if (lines.some((_, index) => isHeadOfDiff(lines, index))) return diffPieces(lines, fileName);
  if (hasSearchMarks(lines)) return searchPieces(block);
  const isDiff = looksLikeDiff(lines, info);
  const own = isDiff && !lines.some((line) => line.startsWith('@@')) ? ['@@ @@', ...lines] : lines;
  return [{ info: isDiff ? 'diff' : info, lines: own, fileName, wants: 'change' }];
}

/** `--- a/src/a.ts` above `+++ b/src/a.ts`: a removed line of dashes above an added one of plus signs names no files. */
function isHeadOfDiff(lines: readonly string[], index: number): boolean {
  const [old, now] = [/^--- (\S.*)$/.exec(lines[index] ?? ''), /^\+\+\+ (\S.*)$/.exec(lines[index + 1] ?? '')];
  const isName = (text = '') => text.trim() === '/dev/null' || /[\w)\]]\.\w+|\/|^\w+file\b/i.test(text);
  return old !== null && now !== null && isName(old[1]) && isName(now[1]);
}

function diffPieces(lines: readonly string[], outer: string | undefined): readonly AnswerPiece[] {
  const heads = lines.flatMap((_, index) => (isHeadOfDiff(lines, index) ? [index] : []));
  const isBetween = (line: string) =>
    /^(?:diff --git |index [\da-f]+\.\.|(?:new|deleted|old) (?:file )?mode |similarity index |rename (?:from|to) )/.test(
      line,
    );
  const pieces = heads.map((head, index): AnswerPiece => {
    const old = nameFromDiff((lines[head] ?? '').slice(4));
    const now = nameFromDiff((lines[head + 1] ?? '').slice(4));
    const body = lines.slice(head + 2, heads[index + 1] ?? lines.length).filter((line) => !isBetween(line));
    // A diff may shorten the path.
    const longer = heads.length === 1 && now !== undefined && outer?.endsWith(`/${now}`) ? outer : now;
    if (now === undefined) return { info: 'diff', lines: [], fileName: old, wants: 'delete' };
    if (old === undefined) return newFile(body, longer ?? now);
    if (old !== now && !old.endsWith(`/${now}`) && !now.endsWith(`/${old}`))
      return { info: 'diff', lines: [], fileName: old, wants: 'rename' };
    return { info: 'diff', lines: withHunkHead(body), fileName: longer, wants: 'change' };
  });
  const renamed = lines.flatMap((line): AnswerPiece[] => {
    const from = /^rename from (.+)$/.exec(line)?.[1];
    return from === undefined ? [] : [{ info: 'diff', lines: [], fileName: nameFromDiff(from), wants: 'rename' }];
  });
  return [...renamed, ...pieces];
}

function newFile(body: readonly string[], fileName: string): AnswerPiece {
  const lines = body.filter((line) => line.startsWith('+')).map((line) => line.slice(1));
  return { info: '', lines, fileName, wants: 'change' };
}

/** Of the form that begins with `*** Begin Patch`; its `@@` has one side, and names what is around the place. */
function patchPieces(lines: readonly string[]): readonly AnswerPiece[] {
  const pieces: AnswerPiece[] = [];
  for (const [index, line] of lines.entries()) {
    const [, verb, name = ''] = patchHead.exec(line) ?? [];
    if (verb === undefined || verb === 'Move') continue;
    const rest = lines.slice(index + 1);
    const end = rest.findIndex((one) => /^\*\*\* (?:Update|Add|Delete) File: |^\*\*\* End Patch/.test(one));
    const body = (end < 0 ? rest : rest.slice(0, end)).filter((one) => !patchFrame.test(one));
    const fileName = nameFromDiff(name);
    if (verb === 'Add' && fileName !== undefined) pieces.push(newFile(body, fileName));
    else if (verb === 'Delete') pieces.push({ info: 'diff', lines: [], fileName, wants: 'delete' });
    else if (body.some((one) => patchHead.test(one)))
      pieces.push({ info: 'diff', lines: [], fileName, wants: 'rename' });
    else {
      const own = withHunkHead(body.map((one) => (one.startsWith('@@') ? '@@ @@' : one)));
      pieces.push({ info: 'diff', lines: own, fileName, wants: 'change' });
    }
  }
  return pieces;
}

function withHunkHead(body: readonly string[]): readonly string[] {
  return body.some((line) => line.startsWith('@@')) ? body : ['@@ @@', ...body];
}

/** `src/a.ts` in a line of its own, before `<<<<<<< SEARCH` or the fence around it. */
function searchPieces({ info, lines, fileName }: NamedBlock): readonly AnswerPiece[] {
  const pieces: AnswerPiece[] = [];
  let name = fileName;
  let block: string[] | undefined;
  for (const line of lines) {
    if (/^\s*<{5,}/.test(line)) block = [];
    block?.push(line);
    if (!block) name = nameAlone(line) ?? nameFromProse(line) ?? name;
    else if (/^\s*>{5,}/.test(line)) {
      const last = pieces.at(-1);
      // Blocks for one file belong together: between two of them its brackets may not be balanced.
      if (last && last.fileName === name) pieces[pieces.length - 1] = { ...last, lines: [...last.lines, ...block] };
      else pieces.push({ info, lines: block, fileName: name, wants: 'change' });
      block = undefined;
    }
  }
  return pieces;
}
