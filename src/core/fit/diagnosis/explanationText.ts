import { memoryText } from '../bytesText.ts';
import type { Diagnosis, LogExplanation, LogFigure } from './diagnosis.ts';
import type { ServerKind } from './loadFacts.ts';
import type { LogLine } from './logReader.ts';
import type { Remedy } from './remedies.ts';

/** An explanation as text: lines for a terminal, Markdown for a document, one sentence beside an answer that failed. */

export const serverNames: Readonly<Record<ServerKind, string>> = {
  ollama: 'Ollama',
  'llama.cpp': 'llama.cpp',
  vllm: 'vLLM',
};

const marks: Readonly<Record<Diagnosis['outcome'], string>> = { failed: '✘', partial: '⚠', loaded: '✔' };

/** `weights 13.5 GiB > memory of the GPU 11.5 GiB, because …`, without a full stop where nothing failed. */
export function causeSentence({ cause }: Diagnosis): string | undefined {
  if (!cause) return undefined;
  const what = cause.inequality ?? cause.title;
  return `${what.charAt(0).toUpperCase()}${what.slice(1)}, because ${cause.because}.`;
}

const nothingRecognised =
  'Nothing in this text is known to A2IA: it is no start, load or failure of Ollama, llama.cpp or vLLM that it can read.';
const wholeLogHint = 'Give it the whole log of the server, from its start on.';

export function explanationLines({ diagnosis, relevantLines }: LogExplanation, width = 80): string {
  if (!diagnosis) {
    const lines = [...wrap(`${nothingRecognised} ${wholeLogHint}`, width, '')];
    if (relevantLines.length > 0)
      lines.push(
        '',
        'Lines that look as if they mattered:',
        ...relevantLines.flatMap((line) => cut(lineText(line), width)),
      );
    return `${lines.join('\n')}\n`;
  }
  const { outcome, cause, remedies, remarks, figures } = diagnosis;
  const lines = [...wrap(`${marks[outcome]} ${headline(diagnosis)}`, width, '  ')];
  if (cause) {
    if (cause.inequality) lines.push('', ...wrap(`  ${cause.inequality}`, width, '    '));
    lines.push(...wrap(`  because ${cause.because}.`, width, '  '));
    if (cause.inVain) lines.push('', ...wrap(`  ${cause.inVain}`, width, '  '));
  }
  for (const remark of remarks) lines.push('', ...wrap(`  ${remark}`, width, '  '));
  if (remedies.length > 0)
    lines.push('', 'What to do', ...remedies.flatMap((remedy, index) => remedyLines(remedy, index, width)));
  if (figures.length > 0) lines.push('', 'What the log says', ...figureLines(figures));
  if (cause?.line) lines.push('', ...cut(lineText(cause.line), width));
  return `${lines.join('\n')}\n`;
}

export interface ExplanationDocument {
  readonly text: string;
  /** Where in it something can be done by one click. */
  readonly actions: readonly { readonly line: number; readonly remedy: Remedy }[];
}

export function explanationMarkdown({ diagnosis, relevantLines }: LogExplanation): ExplanationDocument {
  const lines = ['# A2IA: Out of Memory, Explained', ''];
  const actions: { readonly line: number; readonly remedy: Remedy }[] = [];
  if (!diagnosis) {
    lines.push(nothingRecognised, '', wholeLogHint, '');
    if (relevantLines.length > 0)
      lines.push('Lines that look as if they mattered:', '', ...fenced(relevantLines.map(lineText)), '');
    return { text: lines.join('\n'), actions };
  }
  const { outcome, cause, remedies, remarks, figures } = diagnosis;
  lines.push(`## ${marks[outcome]} ${escaped(headline(diagnosis))}`, '');
  if (cause) {
    if (cause.inequality)
      lines.push(`> **${escaped(cause.inequality)}**`, '>', `> because ${escaped(cause.because)}.`, '');
    else lines.push(`Because ${escaped(cause.because)}.`, '');
    if (cause.inVain) lines.push(escaped(cause.inVain), '');
  }
  for (const remark of remarks) lines.push(escaped(remark), '');
  if (remedies.length > 0) {
    lines.push('## What to do', '');
    remedies.forEach((remedy, index) => {
      actions.push({ line: lines.length, remedy });
      lines.push(`${index + 1}. ${withoutTags(remedy.text)}${gainText(remedy)}`);
      if (remedy.option) lines.push(`   \`${remedy.option}\``);
    });
    lines.push('');
  }
  if (figures.length > 0) {
    lines.push('## What the log says', '', '| | |', '| --- | --: |');
    lines.push(...figures.map(({ label, text }) => `| ${escaped(label)} | ${escaped(text)} |`), '');
  }
  if (cause?.line) lines.push(`Line ${cause.line.number}:`, '', ...fenced([cause.line.text]), '');
  return { text: lines.join('\n'), actions };
}

/** `Ollama 0.31.1, Llama 3.1 8B, RTX 3500: the KV cache does not fit beside the weights`. */
function headline({ server, version, model, gpu, cause, outcome }: Diagnosis): string {
  const who = [server && [serverNames[server], version].filter(Boolean).join(' '), model, gpu]
    .filter(Boolean)
    .join(', ');
  const what = cause?.title ?? (outcome === 'partial' ? 'It runs, with a part of it on the CPU' : 'The load succeeded');
  return who === '' ? what : `${who}: ${what.charAt(0).toLowerCase()}${what.slice(1)}`;
}

function remedyLines(remedy: Remedy, index: number, width: number): string[] {
  const number = `${index + 1}.`.padStart(4);
  const lines = wrap(`${number} ${remedy.text.replaceAll('`', '')}${gainText(remedy)}`, width, '     ');
  return remedy.option ? [...lines, `       ${remedy.option}`] : lines;
}

function gainText({ gainBytes }: Remedy): string {
  return gainBytes === undefined ? '' : ` Gains ${memoryText(gainBytes)}.`;
}

function figureLines(figures: readonly LogFigure[]): string[] {
  const width = Math.max(...figures.map(({ label }) => label.length));
  const textWidth = Math.max(...figures.map(({ text }) => text.length));
  return figures.map(({ label, text }) => `  ${label.padEnd(width)}  ${text.padStart(textWidth)}`);
}

function lineText({ number, text }: LogLine): string {
  return `Line ${number}: ${text}`;
}

/** Words longer than a line stay whole: a command is copied. */
function wrap(text: string, width: number, indent: string): string[] {
  const lines: string[] = [];
  let line = '';
  // The indentation of the first line stays.
  for (const word of text.split(/(?<=\S) /)) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = indent + word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

/** A line of a log, however long. */
function cut(text: string, width: number): string[] {
  return text.length <= width ? [text] : [`${text.slice(0, width - 1)}…`];
}

/** What a log says is not Markdown. */
function escaped(text: string): string {
  return text.replace(/[\\`*_[\]<>|#]/g, (mark) => `\\${mark}`);
}

/** Our own words, in which only placeholders would be taken for HTML outside of code. */
function withoutTags(text: string): string {
  return text.replace(/`[^`]*`|<(?=\w)/g, (part) => (part === '<' ? '\\<' : part));
}

function fenced(lines: readonly string[]): string[] {
  const longest = Math.max(0, ...lines.flatMap((line) => (line.match(/`+/g) ?? []).map((run) => run.length)));
  const fence = '`'.repeat(Math.max(3, longest + 1));
  return [`${fence}text`, ...lines, fence];
}
