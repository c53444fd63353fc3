import type { ScannedLine } from './scan.ts';
import type { SyntaxFault } from './syntaxFaults.ts';

/** Blocks that words open and close. */
interface BlockWords {
  /** Where such a word stands: elsewhere it is an argument. */
  readonly before: string;
  readonly blocks: readonly { readonly opened: string; readonly closed: string }[];
}

export const shellBlocks: BlockWords = {
  before: '(?:^|[;&|({])\\s*(?:(?:do|then|else|if|while|until|!)\\s+)*',
  blocks: [
    { opened: 'do', closed: 'done' },
    { opened: 'if', closed: 'fi' },
    { opened: 'case', closed: 'esac' },
  ],
};

export const luaBlocks: BlockWords = {
  before: '(?<![\\w.:])',
  blocks: [
    { opened: 'function|if|do', closed: 'end' },
    { opened: 'repeat', closed: 'until' },
  ],
};

export function blockWordsFault(
  lines: readonly ScannedLine[],
  { before, blocks }: BlockWords,
): SyntaxFault | undefined {
  for (const { opened, closed } of blocks) {
    const word = new RegExp(`(?<=${before})(?:(${opened})|(${closed}))(?![\\w-])`, 'g');
    const open: { readonly sign: string; readonly line: number }[] = [];
    for (const [line, { code }] of lines.entries()) {
      for (const [sign, isOpened] of code.matchAll(word)) {
        if (isOpened !== undefined) open.push({ sign, line });
        else if (!open.pop()) return { type: 'block', sign, line };
      }
    }
    const last = open.at(-1);
    if (last) return { type: 'block', ...last };
  }
  return undefined;
}
