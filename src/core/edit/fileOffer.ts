import { fenceFor } from '../chat/prompts.ts';
import { applyPlace, type CodeToApply } from './applyPlace.ts';
import { hasSearchMarks, looksLikeDiff } from './editBlocks.ts';
import { nameFromComment } from './fileNames.ts';
import { isBlank } from './lines.ts';
import { offerFrom, refusalText, type EditRequest } from './offer.ts';

/** The file before an answer changes it. */
export interface FileToChange {
  readonly languageId: string;
  /** What the user asked for, in the user's words. */
  readonly wish: string;
  /** As in an editor: a text that ends with a line end has an empty last line. One empty line is a file that is not there yet. */
  readonly lines: readonly string[];
}

export type FileOffer =
  /** All lines that the file shall have. */
  | { readonly type: 'edit'; readonly lines: readonly string[] }
  | { readonly type: 'unchanged' }
  /** In a sentence or two. */
  | { readonly type: 'refused'; readonly why: string };

/**
 * What all pieces of an answer make of a file, one after the other, each at its place: all of them, or nothing. A piece is looked for in what the ones before
 * have left, as whoever reads the answer would do.
 */
export function fileOffer(pieces: readonly CodeToApply[], file: FileToChange): FileOffer {
  let lines = file.lines;
  for (const [index, piece] of pieces.entries()) {
    const offer = pieceOffer(piece, { ...file, lines });
    if (offer.type === 'refused') {
      const which = pieces.length > 1 ? `Part ${index + 1} of ${pieces.length}: ` : '';
      return { type: 'refused', why: which + offer.why };
    }
    if (offer.type === 'edit') lines = offer.lines;
  }
  const isSame = lines.length === file.lines.length && lines.every((line, index) => line === file.lines[index]);
  return isSame ? { type: 'unchanged' } : { type: 'edit', lines };
}

function pieceOffer(piece: CodeToApply, file: FileToChange): FileOffer {
  const code = withoutName(piece.lines, file.lines);
  const isNew = file.lines.every(isBlank);
  const place = isNew
    ? ({ type: 'found', start: 0, end: file.lines.length } as const)
    : applyPlace(code, file.lines, file.languageId);
  if (place.type !== 'found') return { type: 'refused', why: noPlaceTexts[place.type] };
  const { start, end } = place;
  const isSpelledOut = hasSearchMarks(code) || looksLikeDiff(code, piece.info);
  const request: EditRequest = {
    languageId: file.languageId,
    // A diff names each line that goes: it does not lose any.
    wish: isSpelledOut ? `Remove. ${file.wish}` : file.wish,
    lines: file.lines.slice(start, end),
    before: file.lines.slice(0, start),
    after: file.lines.slice(end),
  };
  const text = code.join('\n');
  const fence = fenceFor(text);
  const offer = offerFrom(`${fence}${isSpelledOut ? 'diff' : ''}\n${text}\n${fence}`, request, true);
  if (offer.type === 'refused') return { type: 'refused', why: refusalText(offer.why) };
  if (offer.type === 'unchanged') return offer;
  const lines = [...file.lines.slice(0, start), ...offer.lines, ...file.lines.slice(end)];
  // A file ends with a line end.
  return { type: 'edit', lines: isNew && lines.at(-1) !== '' ? [...lines, ''] : lines };
}

/** The comment that names the file is for the reader of the answer, unless the file has it. */
function withoutName(code: readonly string[], lines: readonly string[]): readonly string[] {
  const [first = ''] = code;
  return nameFromComment(first) !== undefined && !lines.includes(first) ? code.slice(1) : code;
}

const noPlaceTexts = {
  notFound: 'Nothing in the file says where this code belongs.',
  ambiguous: 'The code could belong to several places in the file.',
};
