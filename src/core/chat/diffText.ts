import { mayHoldSecrets } from './fileContent.ts';
import { plural } from '../util/plural.ts';
import { TokenRoom } from './tokenRoom.ts';

export interface WorkingTree {
  /** As `git diff --cached` and `git diff` print them. */
  readonly staged: string;
  readonly unstaged: string;
  /** Not known to Git yet, so in neither. */
  readonly newFiles: readonly string[];
}

export interface DiffText {
  readonly text: string;
  /** `4 files`; `3 of 4 files` when something was left out. */
  readonly summary: string;
}

export interface FileDiff {
  /** Its name now, or the one it had. */
  readonly path: string;
  readonly head: string;
  readonly hunks: readonly string[];
}

/** What changed, in whole hunks; what does not fit, or may hold secrets, is named at the end. Undefined when nothing changed. */
export function diffText({ staged, unstaged, newFiles }: WorkingTree, roomTokens: number): DiffText | undefined {
  const room = new TokenRoom(roomTokens);
  const leftOut: string[] = [];
  const sections = [
    { title: 'Staged changes:', files: splitDiff(staged) },
    { title: 'Changes that are not staged:', files: splitDiff(unstaged) },
  ].filter(({ files }) => files.length > 0);
  if (sections.length === 0 && newFiles.length === 0) return undefined;
  const texts = sections.flatMap(({ title, files }) => {
    const fitting = files.map((file) => fit(file, room, leftOut)).filter((text) => text !== '');
    return fitting.length > 0 ? [title, ...fitting] : [];
  });
  if (newFiles.length > 0) texts.push(`New files, only their names: ${newFiles.join(', ')}`);
  if (leftOut.length > 0) texts.push(`Left out: ${leftOut.join('; ')}`);
  const count = sections.reduce((sum, { files }) => sum + files.length, 0) + newFiles.length;
  const whole = count - leftOut.length;
  return {
    text: texts.join('\n'),
    summary: leftOut.length > 0 ? `${whole} of ${plural(count, 'file')}` : plural(count, 'file'),
  };
}

function fit({ path, head, hunks }: FileDiff, room: TokenRoom, leftOut: string[]): string {
  if (mayHoldSecrets(path)) {
    leftOut.push(`${path} (may hold secrets)`);
    return '';
  }
  // A head alone says nothing, unless there is nothing else: a rename, a change of mode, a binary file.
  const [first, ...others] = hunks;
  if (!room.take(head + (first ?? ''))) {
    leftOut.push(`${path} (too long)`);
    return '';
  }
  const fitting = room.takeFirst(others);
  const missing = others.length - fitting.length;
  if (missing > 0) leftOut.push(`the last ${plural(missing, 'hunk')} of ${path}`);
  return (head + (first ?? '') + fitting.join('')).trimEnd();
}

/** By file; what comes before the first one is not of the diff. */
export function splitDiff(diff: string): readonly FileDiff[] {
  return diff
    .split(/^(?=diff --git )/m)
    .filter((part) => part.startsWith('diff --git '))
    .map((part) => {
      const [head = '', ...hunks] = part.split(/^(?=@@ )/m);
      return { path: pathOf(head), head, hunks };
    });
}

/** Git quotes names with unusual letters; the prefixes `a/` and `b/` depend on the user's settings. */
function pathOf(head: string): string {
  const [, after] = /^\+\+\+ (?!\/dev\/null)"?(?:[a-z]\/)?([^"\t\n]+)/m.exec(head) ?? [];
  const [, before] = /^--- (?!\/dev\/null)"?(?:[a-z]\/)?([^"\t\n]+)/m.exec(head) ?? [];
  const [, renamed] = /^rename to "?([^"\n]+)/m.exec(head) ?? [];
  const [, either] = /^diff --git .*? "?(?:[a-z]\/)?([^"\n]+)"?$/m.exec(head) ?? [];
  return after ?? before ?? renamed ?? either ?? 'a file';
}
