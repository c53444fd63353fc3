import type { ChatMessage } from '../clients/llmClient.ts';
import type { Attachment, ConversationRecord, Message } from './conversation.ts';
import { pathMessages, sentOf, type Draft, type LeftOut } from './promptMessages.ts';

/** To do it: append `records` to the conversation, and let the draft have `attachments`. */
export interface Proposal {
  /** The same for the same change. */
  readonly id: string;
  /** `Leave out the first 4 messages (2,100 tokens)`. */
  readonly label: string;
  readonly savedTokens: number;
  readonly records: readonly ConversationRecord[];
  readonly attachments: readonly Attachment[];
}

/** A request that may be too long. */
export interface PlannedRequest {
  readonly leftOut: LeftOut;
  readonly path: readonly Message[];
  readonly systemPrompt: string;
  readonly draft: Draft | undefined;
  readonly model: string;
  readonly takesImages: boolean | undefined;
  /** So much may be sent. */
  readonly mostTokens: number;
  readonly count: (messages: readonly ChatMessage[]) => number;
}

interface Change {
  /** Messages of the path, and attachments of its questions. */
  readonly leaveOut: readonly string[];
  readonly attachments: readonly Attachment[];
  /** What is done, in words for a sentence. */
  readonly words: readonly string[];
  readonly id: string;
}

/** Changes each of which makes the prompt fit, the one that loses least first. None when it fits, and none when nothing helps: the question alone is too long. */
export function proposalsFor(request: PlannedRequest): readonly Proposal[] {
  const { leftOut, path, systemPrompt, draft, mostTokens, count } = request;
  const tokensAfter = (change: Change): number => {
    const more = new Set(change.leaveOut);
    const all: LeftOut = { isLeftOut: (id) => more.has(id) || leftOut.isLeftOut(id) };
    return count(pathMessages(all, path, systemPrompt, draft && { ...draft, attachments: change.attachments }));
  };
  const fits = (change: Change) => tokensAfter(change) <= mostTokens;
  const nothing: Change = { leaveOut: [], attachments: draft?.attachments ?? [], words: [], id: '' };
  const start = withoutImages(request, nothing);
  const changes = fits(start) ? (start === nothing ? [] : [start]) : search(request, start, fits);
  const before = tokensAfter(nothing);
  return changes
    .map((change) => toProposal(change, before - tokensAfter(change)))
    .sort((a, b) => a.savedTokens - b.savedTokens);
}

/** What was left out may come back only if so much of the room is taken then: else it would be proposed again to leave it out with the next answer. */
const takeBackShare = 0.75;

/** Everything that was left out of the path, to be sent again. Undefined where nothing was, or there is not plenty of room for all of it. */
export function takeBackFor({
  leftOut,
  path,
  systemPrompt,
  draft,
  takesImages,
  mostTokens,
  count,
}: PlannedRequest): Proposal | undefined {
  const parts = path.flatMap((message): readonly (Message | Attachment)[] =>
    message.role === 'question' ? [message, ...message.attachments] : [message],
  );
  const taken = parts.filter(
    (part) => leftOut.isLeftOut(part.id) && !(takesImages === false && 'kind' in part && part.kind === 'image'),
  );
  if (taken.length === 0) return undefined;
  const ids = taken.map(({ id }) => id);
  const rest: LeftOut = { isLeftOut: (id) => leftOut.isLeftOut(id) && !ids.includes(id) };
  const tokens = count(pathMessages(rest, path, systemPrompt, draft));
  if (!Number.isFinite(mostTokens) || tokens > mostTokens * takeBackShare) return undefined;
  const savedTokens = count(pathMessages(leftOut, path, systemPrompt, draft)) - tokens;
  return {
    id: 'takeBack',
    label: `Send again what was left out (${amount(-savedTokens)} tokens)`,
    savedTokens,
    records: [{ type: 'takeBack', ids }],
    attachments: draft?.attachments ?? [],
  };
}

/** One change if that is enough; else all that was said before, and one; else everything but the question. */
function search(request: PlannedRequest, start: Change, fits: (change: Change) => boolean): readonly Change[] {
  const single = singleChanges(request, start, fits);
  if (single.length > 0) return single;
  const exchanges = earlierExchanges(request);
  const alone = exchanges.length > 0 ? withoutExchanges(start, exchanges, exchanges.length) : start;
  const both = alone === start ? [] : singleChanges(request, alone, fits);
  if (both.length > 0) return both;
  const bare = alone.attachments.reduce(withoutAttachment, alone);
  return fits(bare) ? [bare] : [];
}

function singleChanges(request: PlannedRequest, start: Change, fits: (change: Change) => boolean): readonly Change[] {
  const without = (attachment: Attachment) => withoutAttachment(start, attachment);
  const attached = [...start.attachments, ...sentAttachments(request, start)];
  return [
    fewestExchanges(request, start, fits),
    ...attached.map(without).filter(fits).slice(0, 2),
    shortened(start, fits),
  ].filter((change) => change !== undefined);
}

// ---- Earlier messages -------------------------------------------------------------------------------------------------------------------------------

/** Ids of a question and its answer. The last question stays where there is no draft: it is what the request is about. */
function earlierExchanges({ leftOut, path, draft }: PlannedRequest): readonly (readonly string[])[] {
  const end = draft ? path.length : path.findLastIndex(({ role }) => role === 'question');
  const exchanges: string[][] = [];
  for (const { role, id } of path.slice(0, end)) {
    if (leftOut.isLeftOut(id)) continue;
    const last = exchanges.at(-1);
    if (role === 'question' || !last) exchanges.push([id]);
    else last.push(id);
  }
  return exchanges;
}

function fewestExchanges(
  request: PlannedRequest,
  start: Change,
  fits: (change: Change) => boolean,
): Change | undefined {
  const exchanges = earlierExchanges(request).filter(([id]) => !start.leaveOut.includes(id ?? ''));
  const least = leastThat(exchanges.length, (count) => fits(withoutExchanges(start, exchanges, count)));
  return least === undefined ? undefined : withoutExchanges(start, exchanges, least);
}

function withoutExchanges(start: Change, exchanges: readonly (readonly string[])[], count: number): Change {
  const ids = exchanges.slice(0, count).flat();
  const which = count === exchanges.length ? 'all earlier messages' : `the first ${ids.length} messages`;
  return {
    ...start,
    leaveOut: [...start.leaveOut, ...ids],
    words: [...start.words, `leave out ${which}`],
    id: `${start.id}first:${count};`,
  };
}

// ---- Attachments ------------------------------------------------------------------------------------------------------------------------------------

/** Of questions that are sent with the next request again. */
function sentAttachments({ leftOut, path }: PlannedRequest, { leaveOut }: Change): readonly Attachment[] {
  const isLeftOut = (id: string) => leaveOut.includes(id) || leftOut.isLeftOut(id);
  return sentOf({ isLeftOut }, path).flatMap((message) =>
    message.role === 'question' ? message.attachments.filter(({ id }) => !isLeftOut(id)) : [],
  );
}

function withoutAttachment(start: Change, attachment: Attachment): Change {
  const isOfDraft = start.attachments.some(({ id }) => id === attachment.id);
  return {
    leaveOut: isOfDraft ? start.leaveOut : [...start.leaveOut, attachment.id],
    attachments: start.attachments.filter(({ id }) => id !== attachment.id),
    words: [...start.words, `leave out ${attachment.label}`],
    id: `${start.id}without:${attachment.id};`,
  };
}

function withoutImages(request: PlannedRequest, start: Change): Change {
  if (request.takesImages !== false) return start;
  const images = [...start.attachments, ...sentAttachments(request, start)].filter(({ kind }) => kind === 'image');
  if (images.length === 0) return start;
  const words = `leave out ${images.length === 1 ? 'the image' : `${images.length} images`}, which ${request.model} does not take`;
  return { ...images.reduce(withoutAttachment, start), words: [words] };
}

/** The longest text of the draft, to as many of its first lines as fit; of a text in one line, characters. */
function shortened(start: Change, fits: (change: Change) => boolean): Change | undefined {
  const texts = start.attachments.filter((attachment) => attachment.kind === 'text');
  const [longest] = texts.sort((a, b) => b.text.length - a.text.length);
  if (!longest) return undefined;
  const lines = longest.text.replace(/\n+$/, '').split('\n');
  const unit = lines.length > 1 ? 'lines' : 'characters';
  const size = unit === 'lines' ? lines.length : longest.text.length;
  const cut = (kept: number): Change => {
    const text = unit === 'lines' ? lines.slice(0, kept).join('\n') : longest.text.slice(0, kept);
    const part = `first ${amount(kept)} of ${amount(size)} ${unit}`;
    const short: Attachment = { ...longest, text, label: `${longest.label}, the ${part}` };
    return {
      ...start,
      attachments: start.attachments.map((attachment) => (attachment === longest ? short : attachment)),
      words: [...start.words, `shorten ${longest.label} to its ${part}`],
      id: `${start.id}shorten:${longest.id};`,
    };
  };
  const dropped = leastThat(size - 1, (count) => fits(cut(size - count)));
  return dropped === undefined ? undefined : cut(size - dropped);
}

// ---- Words and numbers ------------------------------------------------------------------------------------------------------------------------------

function toProposal(change: Change, savedTokens: number): Proposal {
  const words = change.words.join(' and ');
  const { leaveOut, attachments, id } = change;
  return {
    id,
    label: `${words.charAt(0).toUpperCase()}${words.slice(1)} (${amount(savedTokens)} tokens)`,
    savedTokens,
    records: leaveOut.length > 0 ? [{ type: 'leaveOut', ids: leaveOut }] : [],
    attachments,
  };
}

function amount(count: number): string {
  return count.toLocaleString('en');
}

/** The smallest number from 1 to `most` with which it is so, given that it stays so with larger ones; undefined when it is not so even with `most`. */
function leastThat(most: number, isSo: (count: number) => boolean): number | undefined {
  if (most < 1 || !isSo(most)) return undefined;
  let low = 1;
  let high = most;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (isSo(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
