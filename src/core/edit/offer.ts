import { codeFromAnswer } from './codeFromAnswer.ts';
import { applyBlocks } from './editBlocks.ts';
import { fitToPlace, type Place } from './fitToPlace.ts';
import { settledPart } from './streamedLines.ts';
import { distrustText, trustCheck, type Distrust } from './trustCheck.ts';

/** What was asked about, and what for. */
export interface EditRequest extends Place {
  readonly languageId: string;
  /** In the user's words; empty where there are none. */
  readonly wish: string;
}

/** What an answer comes to. */
export type Offer =
  /** All lines that the code shall become. */
  | { readonly type: 'edit'; readonly lines: readonly string[] }
  | { readonly type: 'unchanged' }
  /** Nothing is made of it; the user is told why, and may read the answer. */
  | { readonly type: 'refused'; readonly why: Refusal };

export type Refusal =
  | Distrust
  | { readonly type: 'noCode' }
  | { readonly type: 'severalBlocks' }
  | { readonly type: 'noPlace'; readonly block: number; readonly why: 'notFound' | 'ambiguous' | 'nothingToFind' };

/**
 * Makes an edit of an answer, or says why not.
 * @param isWhole false: the answer was stopped or cut off, and only what is certain of it counts
 */
export function offerFrom(answer: string, request: EditRequest, isWhole: boolean): Offer {
  const code = codeFromAnswer(answer, request, isWhole);
  if (code.type === 'none') return { type: 'refused', why: { type: code.why } };
  let lines: readonly string[];
  if (code.type === 'blocks') {
    const applied = applyBlocks(request.lines, code.blocks);
    if (applied.type === 'noPlace') return { type: 'refused', why: applied };
    if (code.blocks.length === 0) return { type: 'refused', why: { type: 'noCode' } };
    lines = applied.lines;
  } else {
    const fitted = fitToPlace(code.lines, request);
    lines = isWhole ? fitted : onlySettled(fitted, request.lines);
  }
  if (isSame(lines, request.lines)) return { type: 'unchanged' };
  const distrust = trustCheck({ ...request, oldLines: request.lines, newLines: lines });
  return distrust ? { type: 'refused', why: distrust } : { type: 'edit', lines };
}

/** What to show while the answer comes: what is certain, then what is being written, then the code that the answer has not come to. */
export function previewFrom(answer: string, request: EditRequest): readonly string[] {
  const code = codeFromAnswer(answer, request, false);
  if (code.type === 'none') return request.lines;
  if (code.type === 'blocks') {
    for (let count = code.blocks.length; count > 0; count--) {
      const applied = applyBlocks(request.lines, code.blocks.slice(0, count));
      if (applied.type === 'applied') return applied.lines;
    }
    return request.lines;
  }
  const lines = fitToPlace(code.lines, request);
  return [...lines, ...request.lines.slice(settledPart(request.lines, lines).reach)];
}

export function refusalText(why: Refusal): string {
  switch (why.type) {
    case 'noCode':
      return 'The answer has no code in it.';
    case 'severalBlocks':
      return 'The answer has several pieces of code, and does not say where each belongs.';
    case 'noPlace':
      return noPlaceTexts[why.why](why.block);
    default:
      return distrustText(why);
  }
}

const noPlaceTexts = {
  notFound: (block: number) => `Change ${block} of the answer is about code that is not here.`,
  ambiguous: (block: number) => `Change ${block} of the answer could belong to several places.`,
  nothingToFind: (block: number) => `Change ${block} of the answer does not say where it belongs.`,
};

function onlySettled(newLines: readonly string[], oldLines: readonly string[]): readonly string[] {
  const { lines, reach } = settledPart(oldLines, newLines);
  return [...newLines.slice(0, lines), ...oldLines.slice(reach)];
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((line, index) => line === other[index]);
}
