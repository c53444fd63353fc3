import type { ChatMessage } from '../clients/llmClient.ts';
import { splitDiff } from './diffText.ts';
import { mayHoldSecrets } from './fileContent.ts';
import { fenceFor } from './prompts.ts';

export interface CommitPrompt {
  readonly messages: readonly ChatMessage[];
  /** The files of which the model sees only a part, or only the name: the user is told. */
  readonly shortened: readonly string[];
}

export interface CommitRequest {
  /** As `git diff` prints it. */
  readonly diff: string;
  /** The room for the prompt. */
  readonly mostTokens: number;
  /** First lines of the latest commits, to show the style. */
  readonly subjects?: readonly string[];
}

const instructions =
  'You write commit messages. Answer with the message alone: a first line of at most 72 characters, in the imperative, that says what changes; where it is not plain why, an empty line and a few lines about that. No code block, no quotation marks.';

/** Diffs are mostly code and signs, of which a token holds less than of prose. */
const bytesPerToken = 3;
/** Names beyond these would take the room of the changes. */
const mostNames = 100;

/** Asks for a message of these changes. Of a diff that is too long the longest files are shortened, which is said to the model as well. */
export function commitPrompt({ diff, mostTokens, subjects = [] }: CommitRequest): CommitPrompt {
  const files = changedFiles(diff);
  const style =
    subjects.length > 0
      ? `The latest commits are called:\n${subjects.map((subject) => `- ${subject}`).join('\n')}\n\n`
      : '';
  const head = `${style}${overview(files)}\n\n`;
  const roomBytes = mostTokens * bytesPerToken - Buffer.byteLength(instructions + head + shortNote) - 100;
  const limit = limitFor(
    files.map(({ text }) => Buffer.byteLength(text)),
    Math.max(0, roomBytes),
  );
  const parts = files.map(({ text }) => shorten(text, limit));
  const shortened = files.filter(({ text }, index) => parts[index] !== text).map(({ path }) => path);
  const shown = parts.join('');
  const fence = fenceFor(shown);
  const text = `${head}${shortened.length > 0 ? shortNote : ''}${fence}diff\n${shown.replace(/\n*$/, '\n')}${fence}\n\nWrite the commit message.`;
  return {
    messages: [
      { role: 'system', text: instructions },
      { role: 'user', text },
    ],
    shortened,
  };
}

const shortNote = 'The changes are too long to show all of them: where lines are left out, it says so.\n\n';

/** The message without what models put around it. */
export function commitMessageOf(answer: string): string {
  const fenced = /```[^\n]*\n([^]*?)\n?```/.exec(answer)?.[1] ?? answer;
  const text = fenced
    .trim()
    .replace(/^(?:\*\*)?(?:here is|here's)? ?(?:the |a )?commit message:?(?:\*\*)?:?\s*\n+/i, '');
  const [, quoted] = /^(?:"([^"]*)"|“[^”]*”)$/.exec(text) ?? [];
  return (quoted ?? text).trim();
}

interface ChangedFile {
  readonly path: string;
  readonly text: string;
}

/** Of a file that may hold secrets nothing but the name is shown. */
function changedFiles(diff: string): readonly ChangedFile[] {
  return splitDiff(diff).map(({ path, head, hunks }) => ({
    path,
    text: head + (mayHoldSecrets(path) ? '' : hunks.join('')),
  }));
}

function overview(files: readonly ChangedFile[]): string {
  const names = files.slice(0, mostNames).map(({ path, text }) => {
    if (mayHoldSecrets(path)) return `- ${path} (may hold secrets, not shown)`;
    const added = text.match(/^\+(?!\+\+ )/gm)?.length ?? 0;
    const removed = text.match(/^-(?!-- )/gm)?.length ?? 0;
    return `- ${path} (+${added} -${removed})`;
  });
  const more = files.length > mostNames ? [`- and ${files.length - mostNames} more files`] : [];
  return ['The changed files, with the lines added and removed:', ...names, ...more].join('\n');
}

/** How long one may be at most, so that all together take no more room: only the longest are cut. */
function limitFor(sizes: readonly number[], room: number): number {
  const sorted = [...sizes].sort((a, b) => a - b);
  let left = room;
  for (const [index, size] of sorted.entries()) {
    const share = left / (sorted.length - index);
    if (size > share) return share;
    left -= size;
  }
  return Number.POSITIVE_INFINITY;
}

function shorten(text: string, limitBytes: number): string {
  if (Buffer.byteLength(text) <= limitBytes) return text;
  const lines = text.replace(/\n$/, '').split('\n');
  const kept: string[] = [];
  let bytes = 40;
  for (const line of lines) {
    bytes += Buffer.byteLength(line) + 1;
    if (bytes > limitBytes) break;
    kept.push(line);
  }
  return kept.length === 0 ? '' : `${kept.join('\n')}\n[${lines.length - kept.length} more lines are left out]\n`;
}
