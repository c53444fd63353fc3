import { indentationOf, isBlank } from '../lines.ts';
import type { ScannedLine } from './scan.ts';
import type { SyntaxFault } from './syntaxFaults.ts';

interface Level {
  indentation: string;
  /** The statement before, by its first word: `else` needs one that it can belong to. */
  statement: Statement;
}

interface Statement {
  readonly word: string;
  readonly line: number;
}

/** What the statement before has to be, at the same indentation. */
const followed = new Map([
  ['elif', ['if', 'elif']],
  ['else', ['if', 'elif', 'for', 'while', 'except']],
  ['except', ['try', 'except']],
  ['finally', ['try', 'except', 'else']],
]);

const header = /^(?:async\s+)?(def|class|for|while|with|if|elif|else|try|except|finally)\b/;

/** The first line that Python would refuse for how it is indented, or for what a block lacks. */
export function pythonLayoutFault(lines: readonly ScannedLine[], texts: readonly string[]): SyntaxFault | undefined {
  const levels: Level[] = [];
  let opened: number | undefined;
  for (const { line, code } of logicalLines(lines)) {
    const indentation = indentationOf(texts[line] ?? '');
    const fault = (type: 'indentation' | 'noBlock' | 'noColon' | 'noTry', at = line): SyntaxFault => ({
      type,
      line: at,
    });
    const top = levels.at(-1);
    if (!top) levels.push({ indentation, statement: { word: '', line } });
    else if (opened !== undefined) {
      if (!isDeeper(indentation, top.indentation)) return fault('noBlock', opened);
      levels.push({ indentation, statement: { word: '', line } });
    } else if (indentation !== top.indentation) {
      if (isDeeper(indentation, top.indentation)) return fault('indentation');
      const left = leave(levels, indentation);
      if (left === 'nowhere') return fault('indentation');
      if (left) return fault('noTry', left.line);
    }
    const level = levels.at(-1);
    if (!level) continue;
    const statement = code.trim();
    const word = header.exec(statement)?.[1] ?? /^\w+/.exec(statement)?.[0] ?? '';
    const before = followed.get(word);
    const { statement: last } = level;
    // The first line of a selection may belong to one that is not selected.
    if (before && last.word !== '' && !before.includes(last.word)) return fault('noTry');
    if (before && last.word === '' && levels.length > 1) return fault('noTry');
    if (last.word === 'try' && word !== 'except' && word !== 'finally') return fault('noTry', last.line);
    if (word === 'return' && level.indentation === '') return fault('indentation');
    const isHeader = header.test(statement);
    const isOpening = statement.endsWith(':');
    if (isHeader && !isOpening && !withoutBrackets(statement).includes(':')) return fault('noColon');
    level.statement = { word, line };
    opened = isOpening ? line : undefined;
  }
  return opened === undefined ? undefined : { type: 'noBlock', line: opened };
}

function isDeeper(indentation: string, than: string): boolean {
  return indentation.length > than.length && indentation.startsWith(than);
}

/** Back to the level of this indentation. Gives the `try` that is left alone by it. */
function leave(levels: Level[], indentation: string): Statement | 'nowhere' | undefined {
  for (;;) {
    const top = levels.at(-1);
    if (!top || top.indentation === indentation) return undefined;
    if (isDeeper(indentation, top.indentation)) return 'nowhere';
    if (top.statement.word === 'try') return top.statement;
    // A selection may begin within a block, and leave it.
    if (levels.length === 1) {
      levels[0] = { indentation, statement: { word: '', line: 0 } };
      return undefined;
    }
    levels.pop();
  }
}

function withoutBrackets(code: string): string {
  let depth = 0;
  return [...code]
    .filter((sign) => {
      if (/[([{]/.test(sign)) depth++;
      if (/[)\]}]/.test(sign)) depth--;
      return depth === 0;
    })
    .join('');
}

function* logicalLines(lines: readonly ScannedLine[]): Generator<{ readonly line: number; readonly code: string }> {
  let current: { line: number; code: string } | undefined;
  for (const [line, { code, isContinued }] of lines.entries()) {
    if (current && (isContinued || current.code.endsWith('\\'))) {
      current.code = `${current.code.replace(/\\$/, ' ')}${code.trimEnd()}`;
      continue;
    }
    if (current) yield current;
    current = isBlank(code) ? undefined : { line, code: code.trimEnd() };
  }
  if (current) yield current;
}
