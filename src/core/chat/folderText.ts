import { mayHoldSecrets } from './fileContent.ts';
import { plural } from '../util/plural.ts';
import { TokenRoom } from './tokenRoom.ts';

export interface FolderText {
  readonly text: string;
  /** `12 files`; `9 of 12 files` when the text of some was left out. */
  readonly summary: string;
}

/** Why the text of a file is not there. */
export type LeftOut = 'long' | 'binary' | 'unreadable' | 'secret';

/** The tree takes at most this part of the room: names without any text are of little use. */
const treeShare = 0.5;
/** Reading thousands of files to find some that fit keeps the user waiting. */
const mostReads = 200;

/**
 * A folder as a tree and the texts of its files, as many as fit whole; those near the top come first. What was left out is said at the end.
 * @param paths of its files, from the folder on, with `/`
 * @param read of a file that is small enough; never rejects
 */
export async function folderText(
  name: string,
  paths: readonly string[],
  roomTokens: number,
  read: (path: string) => Promise<{ readonly text: string } | LeftOut>,
): Promise<FolderText> {
  const room = new TokenRoom(roomTokens);
  const tree = fitTree(name, paths, room);
  const leftOut = new Map<LeftOut, string[]>();
  const texts: string[] = [];
  let reads = 0;
  const lookAt = (path: string) => {
    if (mayHoldSecrets(path)) return 'secret' as const;
    return room.leftTokens > 0 && reads++ < mostReads ? read(path) : ('long' as const);
  };
  for (const path of [...paths].sort((a, b) => depth(a) - depth(b) || (a < b ? -1 : 1))) {
    const found = await lookAt(path);
    const text = typeof found === 'string' ? undefined : `\n--- ${name}/${path}\n${found.text.trimEnd()}\n`;
    if (text !== undefined && room.take(text)) texts.push(text);
    else {
      const why = typeof found === 'string' ? found : 'long';
      const others = leftOut.get(why);
      if (others) others.push(path);
      else leftOut.set(why, [path]);
    }
  }
  const said = describe(leftOut);
  return {
    text: [tree, ...texts, ...(said ? [`\n${said}`] : [])].join(''),
    summary: said ? `${texts.length} of ${plural(paths.length, 'file')}` : plural(paths.length, 'file'),
  };
}

function fitTree(name: string, paths: readonly string[], room: TokenRoom): string {
  const half = new TokenRoom(room.leftTokens * treeShare);
  const all = treeLines(name, paths);
  const lines = half.takeFirst(all);
  const missing = all.length - lines.length;
  const tree = `${[...lines, ...(missing > 0 ? [`… and ${plural(missing, 'more line')}`] : [])].join('\n')}\n`;
  room.take(tree);
  return tree;
}

/** One line each, indented: a folder before what is in it. */
export function treeLines(name: string, paths: readonly string[]): readonly string[] {
  const lines = [`${name}/`];
  let open: readonly string[] = [];
  for (const path of [...paths].sort()) {
    const folders = path.split('/');
    const file = folders.pop() ?? '';
    const differs = folders.findIndex((folder, index) => folder !== open[index]);
    for (let at = differs < 0 ? folders.length : differs; at < folders.length; at++) {
      lines.push(`${'  '.repeat(at + 1)}${folders[at] ?? ''}/`);
    }
    lines.push('  '.repeat(folders.length + 1) + file);
    open = folders;
  }
  return lines;
}

const reasons: Readonly<Record<LeftOut, string>> = {
  long: 'no room for it',
  binary: 'binary',
  unreadable: 'cannot be read',
  secret: 'may hold secrets',
};
const mostNamed = 5;

function describe(leftOut: ReadonlyMap<LeftOut, readonly string[]>): string {
  const parts = [...leftOut].map(([why, paths]) => {
    const names = paths.slice(0, mostNamed).join(', ') + (paths.length > mostNamed ? ', …' : '');
    return `${plural(paths.length, 'file')} (${reasons[why]}): ${names}`;
  });
  return parts.length > 0 ? `The text was left out of ${parts.join('; of ')}` : '';
}

function depth(path: string): number {
  return path.split('/').length;
}
