import type { CompletionRequest } from '../clients/llmClient.ts';
import type { CodePlace, NeighbourFile } from './codePlace.ts';
import type { FimTemplate } from './fimTemplates.ts';

/** Code has about three UTF-8 bytes a token: on the low side, so that the budget holds. */
const bytesPerToken = 3;
/** Of the budget. What one part leaves over goes to the prefix. */
const suffixShare = 0.25;
const neighbourShare = 0.25;
/** In how many steps the beginning of the prefix moves through a long file. */
const prefixSteps = 4;

/**
 * What of a place goes into a prompt of so many tokens. The order and the cuts are such that a server's prefix cache holds while somebody types: neighbours
 * first, and a prefix whose beginning stays where it is until a quarter of it would not fit any more.
 */
export function fitPlace(place: CodePlace, budgetTokens: number): CodePlace {
  const budgetBytes = budgetTokens * bytesPerToken;
  const neighbours = fitNeighbours(place.neighbours, budgetBytes * neighbourShare);
  const suffix = headOf(place.suffix, budgetBytes * suffixShare);
  const usedBytes = Buffer.byteLength(suffix) + neighbours.reduce((sum, file) => sum + sizeOf(file), 0);
  return { ...place, neighbours, suffix, prefix: tailOf(place.prefix, budgetBytes - usedBytes) };
}

export interface CompletionWish {
  readonly model: string;
  readonly place: CodePlace;
  /** Left out: the server knows the model's way, or nobody does. */
  readonly template?: FimTemplate;
  readonly isMultiLine: boolean;
}

const multiLineTokens = 192;
const singleLineTokens = 64;

export function completionRequest({ model, place, template, isMultiLine }: CompletionWish): CompletionRequest {
  return {
    model,
    prefix: place.prefix,
    suffix: place.suffix,
    neighbours: place.neighbours,
    ...(template ? { rawPrompt: template.prompt(place) } : {}),
    maxOutputTokens: isMultiLine ? multiLineTokens : singleLineTokens,
    // The likeliest code, and the same for the same place.
    temperature: 0,
    stop: [...(isMultiLine ? [] : ['\n']), ...(template?.stop ?? [])],
  };
}

/** Those edited last, whole files in their order. */
function fitNeighbours(neighbours: readonly NeighbourFile[], budgetBytes: number): readonly NeighbourFile[] {
  const fitting: NeighbourFile[] = [];
  let leftBytes = budgetBytes;
  for (const file of [...neighbours].reverse()) {
    leftBytes -= sizeOf(file);
    if (leftBytes < 0) break;
    fitting.unshift(file);
  }
  return fitting;
}

function sizeOf({ path, text }: NeighbourFile): number {
  return Buffer.byteLength(path) + Buffer.byteLength(text);
}

/** Whole lines from the beginning, at least what fits of the first. */
function headOf(text: string, budgetBytes: number): string {
  const cut = unitsWithin(text, budgetBytes);
  if (cut === text.length) return text;
  const lineEnd = text.lastIndexOf('\n', cut - 1) + 1;
  return text.slice(0, lineEnd || cut);
}

/**
 * Whole lines up to the end, at least what fits of the last. Where it begins depends on the text before that place only by steps, so that a longer text has
 * mostly the same beginning.
 */
function tailOf(text: string, budgetBytes: number): string {
  const excessBytes = Buffer.byteLength(text) - budgetBytes;
  if (excessBytes <= 0) return text;
  const stepBytes = Math.max(1, Math.floor(budgetBytes / prefixSteps));
  const cut = unitsBeyond(text, Math.ceil(excessBytes / stepBytes) * stepBytes);
  const lineStart = text.indexOf('\n', cut - 1) + 1;
  return text.slice(lineStart || cut);
}

/** The longest beginning of at most so many UTF-8 bytes, in UTF-16 units, never through a character. */
function unitsWithin(text: string, bytes: number): number {
  let units = 0;
  let usedBytes = 0;
  while (units < text.length) {
    const code = text.codePointAt(units) ?? 0;
    usedBytes += utf8Bytes(code);
    if (usedBytes > bytes) break;
    units += code > 0xffff ? 2 : 1;
  }
  return units;
}

/** The shortest beginning of at least so many bytes. */
function unitsBeyond(text: string, bytes: number): number {
  const units = unitsWithin(text, bytes - 1);
  return units + ((text.codePointAt(units) ?? 0) > 0xffff ? 2 : 1);
}

function utf8Bytes(code: number): number {
  if (code < 0x80) return 1;
  if (code < 0x800) return 2;
  return code > 0xffff ? 4 : 3;
}
