import { bracketBalance, unbalancedTags, type BracketBalance } from './brackets.ts';
import { definedName, namesIn } from './codeNames.ts';
import { diffHunks } from './lineDiff.ts';
import { indentationOf, isBlank, isCommon } from './lines.ts';
import { placeholdersIn } from './placeholders.ts';
import { hasSyntaxCheck, syntaxFault, type SyntaxFault } from './syntax/syntaxFaults.ts';

export interface Proposal {
  readonly languageId: string;
  /** What the user asked for, in the user's words. */
  readonly wish: string;
  readonly oldLines: readonly string[];
  readonly newLines: readonly string[];
  /** All of the document before and after the lines that were asked about. */
  readonly before: readonly string[];
  readonly after: readonly string[];
}

/** Why an answer is not offered as an edit. */
export type Distrust =
  | { readonly type: 'empty' }
  | { readonly type: 'placeholder'; readonly line: string }
  | { readonly type: 'collapsed'; readonly oldLines: number; readonly newLines: number }
  | { readonly type: 'endsEarly' }
  | { readonly type: 'lostNames'; readonly names: readonly string[] }
  | { readonly type: 'duplicatesNeighbours'; readonly line: string }
  | { readonly type: 'lostIndentation' }
  | { readonly type: 'lostLineEnds' }
  | { readonly type: 'unrelated' }
  | { readonly type: 'brokenSyntax'; readonly fault: SyntaxFault; readonly line: string }
  | { readonly type: 'repeats'; readonly line: string }
  | { readonly type: 'prose'; readonly line: string }
  | { readonly type: 'leftOver'; readonly line: string };

/**
 * Whether an answer may be offered as an edit. Wrong code that a person sees in a diff is a person's to judge; what is not offered is an answer that would
 * destroy code beside the change, which nobody sees in a long diff. Gives the first reason against it.
 */
export function trustCheck(proposal: Proposal): Distrust | undefined {
  const { oldLines, newLines } = proposal;
  if (newLines.length === oldLines.length && newLines.every((line, index) => line === oldLines[index]))
    return undefined;
  for (const check of checks) {
    const distrust = check(proposal);
    if (distrust) return distrust;
  }
  return undefined;
}

const checks: readonly ((proposal: Proposal) => Distrust | undefined)[] = [
  isEmpty,
  hasPlaceholder,
  hasLeftOver,
  lostLineEnds,
  repeatsItself,
  hasProse,
  duplicatesNeighbours,
  isUnrelated,
  lostIndentation,
  lostNames,
  isCollapsed,
  brokeSyntax,
];

/** In a sentence, for the user. */
export function distrustText(distrust: Distrust): string {
  switch (distrust.type) {
    case 'empty':
      return 'The answer would delete all of the code.';
    case 'placeholder':
      return `The answer leaves out code: it says “${shown(distrust.line)}” instead.`;
    case 'collapsed':
      return `The answer has ${distrust.newLines} lines for ${distrust.oldLines}: most of the code would be gone.`;
    case 'endsEarly':
      return 'The answer ends before the code does.';
    case 'lostNames':
      return `The answer leaves out ${listed(distrust.names)}.`;
    case 'duplicatesNeighbours':
      return `The answer repeats code from around the place (“${shown(distrust.line)}”), which would then be there twice.`;
    case 'lostIndentation':
      return 'The answer has lost the indentation of the code.';
    case 'lostLineEnds':
      return 'The answer has lost the line breaks of the code.';
    case 'unrelated':
      return 'The answer is not about this code.';
    case 'brokenSyntax':
      return faultText(distrust.fault, shown(distrust.line));
    case 'repeats':
      return `The answer repeats itself: “${shown(distrust.line)}”.`;
    case 'prose':
      return `The answer has sentences between the code: “${shown(distrust.line)}”.`;
    case 'leftOver':
      return `The answer has marks in it that are no code: “${shown(distrust.line)}”.`;
  }
}

function faultText(fault: SyntaxFault, line: string): string {
  switch (fault.type) {
    case 'bracket':
    case 'block':
      return `The answer is incomplete: a “${fault.sign}” has no counterpart.`;
    case 'string':
      return `The answer is incomplete: a string has no end in “${line}”.`;
    case 'comment':
      return 'The answer is incomplete: a comment has no end.';
    case 'hereDocument':
      return `The answer is incomplete: the text up to “${fault.sign}” has no end.`;
    case 'indentation':
      return `The answer has a line that is not indented as it must be: “${line}”.`;
    case 'tab':
      return `The answer is indented with a tab, which YAML does not allow: “${line}”.`;
    case 'space':
      return `The answer has spaces where a makefile needs a tab: “${line}”.`;
    case 'noBlock':
      return `The answer has nothing below “${line}”.`;
    case 'noColon':
      return `The answer lacks the colon of “${line}”.`;
    case 'noTry':
      return `The answer has a part of a statement without the other: “${line}”.`;
    case 'json':
      return 'With the answer the file would be no valid JSON.';
  }
}

function shown(line: string): string {
  const words = line.trim();
  return words.length > 60 ? `${words.slice(0, 60)}…` : words;
}

function listed(names: readonly string[]): string {
  const [first = '', second] = names;
  if (names.length > 2) return `${first}, ${second ?? ''} and ${names.length - 2} more`;
  return second === undefined ? first : `${first} and ${second}`;
}

/** Words of a wish with which code may become less, or other code. */
const wantsLess =
  /\b(?:remov|delet|drop|strip|short|shrink|simplif|minif|condens|compact|inlin|merg|combin|reduc|extract|trim|dedup|collaps|concis|one-?liner|only keep|keep only|clean(?:ed|ing)? up|get rid|undo|revert)/i;
const wantsNew =
  /\b(?:replac|rewrit|translat|convert|port|instead|from scratch|generat|creat|implement|write|turn|transform|change .* (?:to|into))\w*/i;

function isEmpty({ oldLines, newLines, wish }: Proposal): Distrust | undefined {
  const isGone = newLines.every(isBlank) && !oldLines.every(isBlank);
  return isGone && !/\b(?:remov|delet|drop|clear)/i.test(wish) ? { type: 'empty' } : undefined;
}

function hasPlaceholder({ newLines, oldLines, before, after }: Proposal): Distrust | undefined {
  const [line] = placeholdersIn(newLines, [...oldLines, ...before, ...after]);
  return line === undefined ? undefined : { type: 'placeholder', line };
}

const isText = /^(?:markdown|mdx|restructuredtext|plaintext|asciidoc|quarto|latex|tex)$/;

const leftOverMark =
  /^\s*(?:`{3,}|~{3,}|={5,}\s*$|<{5,}(?:\s|$)|>{5,}(?:\s|$)|<\/?(?:think|thinking|reasoning|answer|updated_code)>|@@ .* @@|<\|\w+\|>|the code to change(?: is)?:$|what stands (?:before|after))/i;
/** At home in texts: fences, and the line below a title. */
const markOfText = /^\s*(?:`{3,}|~{3,}|={5,}\s*$)/;

function hasLeftOver({ newLines, oldLines, languageId }: Proposal): Distrust | undefined {
  const known = new Set(oldLines.map((line) => line.trim()));
  const isLeftOver = (line: string) =>
    leftOverMark.test(line) && !known.has(line.trim()) && !(isText.test(languageId) && markOfText.test(line));
  const line = newLines.find(isLeftOver);
  return line === undefined ? undefined : { type: 'leftOver', line };
}

const wantsOneLine = /\b(?:one|single)[- ]?line|minif|compact|\bjoin/i;

/** All in one line, as when a model writes `\n` or a page has eaten the breaks. */
function lostLineEnds({ oldLines, newLines, wish }: Proposal): Distrust | undefined {
  const oldText = oldLines.filter((line) => !isBlank(line));
  const newText = newLines.filter((line) => !isBlank(line));
  if (oldText.length < 4 || newText.length > Math.max(1, oldText.length / 4) || wantsOneLine.test(wish))
    return undefined;
  const oldLength = oldText.join('').length;
  return newText.join('').length > oldLength * 0.6 ? { type: 'lostLineEnds' } : undefined;
}

/** A model that has lost its way says the same lines again and again. */
function repeatsItself({ oldLines, newLines }: Proposal): Distrust | undefined {
  const known = counted(oldLines);
  const counts = counted(newLines);
  for (const [line, count] of counts) {
    if (
      count >= 6 &&
      count > newLines.length / 8 &&
      count > 3 * (known.get(line) ?? 0) &&
      isInARow(newLines, line, count)
    )
      return { type: 'repeats', line };
  }
  return undefined;
}

/** The same distance between each two of them: a row of `break;` is not a loop. */
function isInARow(lines: readonly string[], line: string, count: number): boolean {
  const places = lines.flatMap((candidate, index) => (candidate.trim() === line ? [index] : []));
  const distances = counted(places.slice(1).map((place, index) => String(place - (places[index] ?? 0))));
  const most = [...distances].reduce((best, one) => (one[1] > best[1] ? one : best), ['0', 0]);
  if (most[1] < count - 2) return false;
  const period = Number(most[0]);
  const [start = 0] = places.slice(-3);
  const block = (from: number) => lines.slice(from, from + period).join('\n');
  return block(start) === block(start - period) && start >= period;
}

function counted(lines: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const line of lines)
    if (!isCommon(line) || /^\d+$/.test(line)) counts.set(line.trim(), (counts.get(line.trim()) ?? 0) + 1);
  return counts;
}

const proseLine =
  /^(?:Here(?:'s|’s| is| are)|This (?:code|function|version|change|will|should|implementation)|I(?:'ve|’ve| have| will| am|'m) |Note that|Sure[,!]|Certainly|Let me|In this (?:code|version)|The (?:above|following|updated|code|function) |Please note|As an AI|I'm sorry|I can(?:not|'t) )/;

/** Words and nothing that code is made of. */
const sentence = /^[A-Z][a-z]+(?: [\w'’,-]+){5,}[.:!?]?$/;

function hasProse({ newLines, oldLines, languageId }: Proposal): Distrust | undefined {
  if (/^(?:markdown|mdx|restructuredtext|plaintext|asciidoc|quarto|latex|tex|html|yaml)$/.test(languageId))
    return undefined;
  const known = new Set(oldLines);
  const line = newLines.find(
    (candidate) =>
      (proseLine.test(candidate) || sentence.test(candidate)) &&
      !/[;{(]$/.test(candidate.trim()) &&
      !known.has(candidate) &&
      !isInText(newLines, candidate),
  );
  return line === undefined ? undefined : { type: 'prose', line };
}

/** In a comment or a string of many lines sentences are at home. */
function isInText(lines: readonly string[], line: string): boolean {
  const before = lines.slice(0, lines.indexOf(line)).join('\n');
  const count = (mark: string) => before.split(mark).length - 1;
  return count('"""') % 2 === 1 || count("'''") % 2 === 1 || count('`') % 2 === 1 || count('/*') > count('*/');
}

/** Lines of the answer that are new in it but stand just before or after. */
function duplicatesNeighbours({ oldLines, newLines, before, after, languageId }: Proposal): Distrust | undefined {
  const own = new Set(oldLines.map((line) => line.trim()));
  const added = new Set(newLines.map((line) => line.trim()).filter((line) => !own.has(line)));
  const nearest = [
    before.slice(-4).findLast((line) => !isCommon(line)),
    after.slice(0, 4).find((line) => !isCommon(line)),
  ];
  const next = nearest.find((line) => line !== undefined && added.has(line.trim()));
  if (next !== undefined) return { type: 'duplicatesNeighbours', line: next };
  for (const near of [before.slice(-30), after.slice(0, 30)]) {
    const defines = (candidate: string) => definedName(candidate, languageId) !== undefined;
    const twice = near.filter((line) => !isCommon(line) && added.has(line.trim()));
    const [line] = twice.filter(defines).concat(twice);
    if (line !== undefined && (twice.length >= 3 || twice.some(defines))) return { type: 'duplicatesNeighbours', line };
  }
  return undefined;
}

function lostNames({ oldLines, newLines, wish, languageId }: Proposal): Distrust | undefined {
  if (
    /\b(?:remov|delet|drop|inline|merg|combin|rewrit|replac|renam|convert|translat|split|extract|from scratch)/i.test(
      wish,
    )
  )
    return undefined;
  // A comment that says that a function stays is not the function.
  const code = newLines.filter((line) => !/^\s*(?:\/\/|\/?\*|#\s|--\s|<!--)/.test(line));
  const words = new Set(code.flatMap((line) => line.match(/#?[A-Za-z_$][\w$]*/g) ?? []));
  const names = [
    ...new Set(oldLines.map((line) => definedName(line, languageId)).filter((name) => name !== undefined)),
  ];
  const lost = names.filter((name) => !words.has(name) && !wish.includes(name));
  // The one name of a function may be what the wish is about: “call it better”.
  return lost.length > (names.length === 1 ? 1 : 0) || (lost.length === 1 && names.length > 1)
    ? { type: 'lostNames', names: lost }
    : undefined;
}

/** Much less than before, or lines that go without anything in their place: the end above all, where a model stops early. */
function isCollapsed({ oldLines, newLines, wish }: Proposal): Distrust | undefined {
  const count = (lines: readonly string[]) => lines.filter((line) => !isBlank(line)).length;
  const [was, is] = [count(oldLines), count(newLines)];
  // Nothing at all has been judged already.
  if (is === 0) return undefined;
  const wanted = wantsLess.test(wish);
  const distrust = { type: 'collapsed', oldLines: was, newLines: is } as const;
  if (was >= 8 && is < was * (wanted ? 0.1 : 0.4)) return distrust;
  if (wanted) return undefined;
  let gone = 0;
  let goneAtEnd = 0;
  for (const { oldStart, oldEnd, newStart, newEnd } of diffHunks(oldLines, newLines)) {
    const less = count(oldLines.slice(oldStart, oldEnd)) - count(newLines.slice(newStart, newEnd));
    if (newStart === newEnd) gone += less;
    if (newStart === newLines.length && oldEnd === oldLines.length) goneAtEnd = less;
  }
  if (gone >= 3 && gone > was * 0.3) return distrust;
  return goneAtEnd >= 2 ? { type: 'endsEarly' } : undefined;
}

/** Neither the names nor the lines are those of the code: an answer to another question, or to none. */
function isUnrelated({ oldLines, newLines, wish, languageId }: Proposal): Distrust | undefined {
  const old = namesIn(oldLines);
  const now = namesIn(newLines);
  if (old.size < 5 || now.size === 0) return undefined;
  const kept = [...old].filter((word) => now.has(word)).length / old.size;
  const isNew = wantsNew.test(wish);
  if (kept < (isNew ? 0.08 : 0.2)) return { type: 'unrelated' };
  // A text says the same in other words.
  if (isNew || isText.test(languageId) || wantsLess.test(wish)) return undefined;
  return likenessOfLines(oldLines, newLines) < 0.3 ? { type: 'unrelated' } : undefined;
}

/** So many lines are compared with all others: of long code some stand for all. */
const mostCompared = 60;

/** The share of lines that have one in the other that has at least half of its words. */
function likenessOfLines(oldLines: readonly string[], newLines: readonly string[]): number {
  const wordsOf = (line: string) => line.match(/[\p{L}\p{N}_$]+/gu) ?? [];
  const telling = oldLines.filter((line) => !isCommon(line));
  const step = Math.ceil(telling.length / mostCompared) || 1;
  const compared = telling.filter((_, index) => index % step === 0).map(wordsOf);
  const others = newLines.map((line) => new Set(wordsOf(line)));
  const alike = compared.filter((words) => {
    return others.some((other) => words.filter((word) => other.has(word)).length >= words.length / 2);
  });
  return compared.length === 0 ? 1 : alike.length / compared.length;
}

/** Lines that are there before and after, but moved to the left by more than one distance: what is taken out of a block moves together. */
function lostIndentation({ oldLines, newLines, languageId }: Proposal): Distrust | undefined {
  const depths = new Map(
    oldLines.filter((line) => !isCommon(line)).map((line) => [line.trim(), indentationOf(line).length]),
  );
  const shifts = newLines.flatMap((line) => {
    const was = depths.get(line.trim());
    return was === undefined ? [] : [indentationOf(line).length - was];
  });
  const newDepths = new Set(newLines.filter((line) => !isBlank(line)).map(indentationOf));
  if (newDepths.size === 1 && new Set(shifts).size > 1) return { type: 'lostIndentation' };
  const lost = shifts.filter((shift) => shift < 0);
  const isIndentedCode = /^(?:python|yaml|coffeescript|makefile|pug|haml|nim|fsharp)$/.test(languageId);
  const isMessy = new Set(lost).size > (isIndentedCode ? 1 : 2) && lost.length > shifts.length / 2;
  return isMessy ? { type: 'lostIndentation' } : undefined;
}

/** Longer documents are judged by the lines that were asked about alone. */
const mostLinesRead = 20_000;

/** Only what got worse: what was wrong before may have been what the wish was about, or be more than is known of the language. */
function brokeSyntax(proposal: Proposal): Distrust | undefined {
  const { oldLines, newLines, before, after, languageId } = proposal;
  if (/^(?:html|xml|svg|vue|svelte|astro|javascriptreact|typescriptreact|handlebars|php)$/.test(languageId)) {
    const known = unbalancedTags(oldLines);
    const name = [...unbalancedTags(newLines, oldLines)].find((candidate) => !known.has(candidate));
    if (name !== undefined) return broken(`<${name}>`);
  }
  if (!hasSyntaxCheck(languageId)) return lostBracket(proposal);
  const whole = (lines: readonly string[]) => [...before, ...lines, ...after];
  const isShort = before.length + oldLines.length + after.length <= mostLinesRead;
  const pairs = [...(isShort ? [[whole(oldLines), whole(newLines)] as const] : []), [oldLines, newLines] as const];
  const judged = pairs.find(([was]) => !syntaxFault(was, languageId));
  const fault = judged && syntaxFault(judged[1], languageId);
  return fault && { type: 'brokenSyntax', fault, line: judged[1][fault.line] ?? '' };
}

function broken(sign: string): Distrust {
  return { type: 'brokenSyntax', fault: { type: 'bracket', sign, line: 0 }, line: '' };
}

const noBrackets =
  /^(?:markdown|mdx|plaintext|latex|tex|restructuredtext|asciidoc|quarto|bat|diff|gitcommit|csv|log|ini|properties)$/;

/** Of a language of which nothing is known: both with and without strings and comments, since regular expressions and templates fool either count. */
function lostBracket({ oldLines, newLines, languageId }: Proposal): Distrust | undefined {
  if (noBrackets.test(languageId)) return undefined;
  const was = bracketBalance(oldLines);
  const is = bracketBalance(newLines);
  const wasPlain = plainBalance(oldLines);
  const isPlain = plainBalance(newLines);
  for (const [kind, signs] of kinds) {
    const isWorse = is[kind] !== was[kind] && isPlain[kind] !== wasPlain[kind];
    if (isWorse && Math.abs(is[kind]) > Math.abs(was[kind])) return broken(is[kind] > was[kind] ? signs[0] : signs[1]);
  }
  return undefined;
}

const kinds = [
  ['curly', ['{', '}']],
  ['round', ['(', ')']],
  ['square', ['[', ']']],
] as const;

function plainBalance(lines: readonly string[]): BracketBalance {
  const text = lines.join('\n');
  const count = (sign: string) => text.split(sign).length - 1;
  return { round: count('(') - count(')'), square: count('[') - count(']'), curly: count('{') - count('}') };
}
