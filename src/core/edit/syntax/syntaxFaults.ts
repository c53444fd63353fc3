import { isBlank } from '../lines.ts';
import { blockWordsFault, luaBlocks, shellBlocks } from './blockWords.ts';
import { grammarOf } from './grammars.ts';
import { pythonLayoutFault } from './pythonLayout.ts';
import { scan, type ScanFault, type ScannedLine } from './scan.ts';
import { withoutBlockTexts, yamlLayoutFault } from './yamlLayout.ts';

/** What the language does not allow. Lines count from 0. */
export type SyntaxFault =
  | ScanFault
  | { readonly type: 'block'; readonly sign: string; readonly line: number }
  | {
      readonly type: 'indentation' | 'tab' | 'space' | 'noBlock' | 'noColon' | 'noTry' | 'json';
      readonly line: number;
    };

/** Longer ones are written by programs, and a slash or a quote is understood by all that stands before it in its line. */
const mostLineLength = 5_000;

type Check = (scanned: readonly ScannedLine[], lines: readonly string[]) => SyntaxFault | undefined;

const checks: Readonly<Record<string, Check>> = {
  python: pythonLayoutFault,
  yaml: yamlLayoutFault,
  json: (_, lines) => jsonFault(lines),
  jsonc: (scanned) => jsonFault(withoutLastCommas(scanned.map(({ code }) => code))),
  shellscript: (scanned) => blockWordsFault(scanned, shellBlocks),
  lua: (scanned) => blockWordsFault(scanned, luaBlocks),
  makefile: (_, lines) => makefileFault(lines),
  html: (_, lines) => pageFault(lines),
  vue: (_, lines) => pageFault(lines),
  svelte: (_, lines) => pageFault(lines),
};

/** Whether anything is known of the language. */
export function hasSyntaxCheck(languageId: string): boolean {
  return grammarOf(languageId) !== undefined || checks[languageId] !== undefined;
}

/**
 * The first thing that the language does not allow, as far as that can be told from its brackets, strings, comments, words and layout. It is right about most
 * code, not about all: what is there after an edit and was not before says something.
 */
export function syntaxFault(lines: readonly string[], languageId: string): SyntaxFault | undefined {
  if (lines.some(({ length }) => length > mostLineLength)) return undefined;
  const grammar = grammarOf(languageId);
  const scanned = grammar && scan(languageId === 'yaml' ? withoutBlockTexts(lines) : lines, grammar);
  return scanned?.faults[0] ?? checks[languageId]?.(scanned?.lines ?? [], lines);
}

/** Of a page: its comments, scripts and styles. Its elements are known by what they were before, since many need no end. */
function pageFault(lines: readonly string[]): SyntaxFault | undefined {
  let part: { readonly name: string; readonly from: number } | undefined;
  for (const [line, text] of lines.entries()) {
    const end = part && new RegExp(part.name === '!--' ? '-->' : `</${part.name}\\s*>`, 'i').exec(text);
    if (part && end) {
      const language = { script: 'typescript', style: 'scss' }[part.name];
      const fault = language && syntaxFault(lines.slice(part.from + 1, line), language);
      if (fault) return { ...fault, line: fault.line + part.from + 1 };
      part = undefined;
    }
    // Only those of several lines: what begins and ends in one is seen at once.
    const [, name] = part ? [] : (/<(script|style|!--)(?:[^<]*(?:<(?!\/\1)[^<]*)*)$/i.exec(text) ?? []);
    if (name && !text.slice(text.lastIndexOf(`<${name}`)).includes('-->'))
      part = { name: name.toLowerCase(), from: line };
  }
  return part && { type: part.name === '!--' ? 'comment' : 'block', sign: `<${part.name}`, line: part.from };
}

function jsonFault(lines: readonly string[]): SyntaxFault | undefined {
  if (lines.every(isBlank)) return undefined;
  try {
    JSON.parse(lines.join('\n'));
    return undefined;
  } catch {
    return { type: 'json', line: 0 };
  }
}

function withoutLastCommas(lines: readonly string[]): readonly string[] {
  return [lines.join('\n').replace(/,(?=\s*[}\]])/g, '')];
}

/** The lines of a recipe begin with a tab, which models like to write as spaces. */
function makefileFault(lines: readonly string[]): SyntaxFault | undefined {
  let isInRecipe = false;
  let goesOn = false;
  for (const [line, text] of lines.entries()) {
    if (isInRecipe && !goesOn && /^ +\S/.test(text) && !/^ *#/.test(text)) return { type: 'space', line };
    if (!goesOn && !text.startsWith('\t') && !isBlank(text)) isInRecipe = /^[^\s#=:][^=]*:(?![:=])/.test(text);
    goesOn = text.endsWith('\\');
  }
  return undefined;
}
