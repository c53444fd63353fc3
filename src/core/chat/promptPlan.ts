import type { ChatMessage, LLMClient, TokenCount } from '../clients/llmClient.ts';
import { estimateTextTokens, estimateTokens, tokenSize, tokensPerImage } from '../clients/tokenEstimate.ts';
import type { Settings } from '../settings/settings.ts';
import type { Attachment, Conversation, Message } from './conversation.ts';
import { pathMessages, renderAttachment, type Draft } from './promptMessages.ts';
import { proposalsFor, takeBackFor, type Proposal } from './proposals.ts';

export interface PlanInput {
  readonly conversation: Conversation;
  /** What the request would be about; left out: the path that is shown. To ask again it ends with the question. */
  readonly path?: readonly Message[];
  /** What is in the composer; left out: nothing is added to the path. */
  readonly draft?: Draft;
  readonly settings: Pick<Settings, 'systemPrompt' | 'maxOutputTokens'>;
  /** Who would answer. Empty: nobody was found yet. */
  readonly model: string;
  /** Of that model; undefined where it is not known. */
  readonly contextTokens: number | undefined;
  /** False: the model takes no images. Undefined: nobody knows. */
  readonly takesImages?: boolean | undefined;
}

/** The next request, what it takes of the context window, and what can be done when it does not fit. Nothing is ever left out unless the user says so. */
export interface PromptPlan {
  readonly messages: readonly ChatMessage[];
  readonly budget: Budget;
  /** False: it does not fit into the window together with an answer, or has images that the model does not take. */
  readonly fits: boolean;
  /** Each of them makes it fit; the first loses least. Empty when it fits, and when even the question alone does not. */
  readonly proposals: readonly Proposal[];
  /** What was left out fits again: it may be, but need not be done. */
  readonly takeBack: Proposal | undefined;
}

export interface Budget {
  readonly contextTokens: number | undefined;
  /** The system prompt and the messages so far that are sent, with what is attached to them. */
  readonly historyTokens: number;
  readonly attachmentTokens: number;
  readonly draftTokens: number;
  /** Kept free for the answer. */
  readonly answerTokens: number;
  readonly isExact: boolean;
}

/** Pure, and quick enough for every key that is typed. `counted`: what the server counted for just these messages. */
export function planPrompt(input: PlanInput, counted?: TokenCount): PromptPlan {
  const { conversation, draft, settings, model, contextTokens, takesImages } = input;
  const { systemPrompt, maxOutputTokens } = settings;
  const path = input.path ?? conversation.path();
  const messages = pathMessages(conversation, path, systemPrompt, draft);
  const size =
    (counted && tokenSize({ messages }, counted.tokens)) ?? measuredTokenSize(conversation, path, model, systemPrompt);
  const count = (some: readonly ChatMessage[]) => countMessages(some, size);
  const totalTokens = counted?.tokens ?? count(messages);
  const historyTokens = Math.min(totalTokens, count(pathMessages(conversation, path, systemPrompt)));
  const attached = (draft?.attachments ?? []).reduce((sum, one) => sum + attachmentTokens(one, size), 0);
  const ofAttachments = Math.min(attached, totalTokens - historyTokens);
  const answerTokens = answerReserve(maxOutputTokens, contextTokens);
  const mostTokens = contextTokens === undefined ? Number.POSITIVE_INFINITY : contextTokens - answerTokens;
  const request = { leftOut: conversation, path, systemPrompt, draft, model, takesImages, mostTokens, count };
  const proposals = proposalsFor(request);
  return {
    messages,
    budget: {
      contextTokens,
      historyTokens,
      attachmentTokens: ofAttachments,
      draftTokens: totalTokens - historyTokens - ofAttachments,
      answerTokens,
      isExact: counted?.isExact ?? false,
    },
    fits: totalTokens <= mostTokens && proposals.length === 0,
    proposals,
    takeBack: proposals.length === 0 ? takeBackFor(request) : undefined,
  };
}

/**
 * As `planPrompt`, with the server's own count where the window may become too narrow: what is far from it needs none, and costs no round trip.
 * @throws BackendError
 */
export async function planExactly(input: PlanInput, client: LLMClient, signal: AbortSignal): Promise<PromptPlan> {
  const contextTokens = input.contextTokens ?? (await client.contextWindow(input.model, signal));
  const known = { ...input, contextTokens };
  const plan = planPrompt(known);
  if (contextTokens === undefined) return plan;
  // Whatever the text, an estimate is not wrong by more than a factor of two.
  if (promptTokens(plan.budget) * 2 + plan.budget.answerTokens < contextTokens) return plan;
  return planPrompt(known, await client.countTokens({ model: input.model, messages: plan.messages }, signal));
}

export function promptTokens({ historyTokens, attachmentTokens, draftTokens }: Budget): number {
  return historyTokens + attachmentTokens + draftTokens;
}

/** About; `size` in bytes per token, as measured. */
export function attachmentTokens(attachment: Attachment, size?: number): number {
  return attachment.kind === 'image'
    ? tokensPerImage
    : estimateTextTokens(renderAttachment(attachment, { isLeftOut: () => false }), size);
}

function countMessages(messages: readonly ChatMessage[], size: number | undefined): number {
  return estimateTokens({ messages }, size === undefined ? {} : { bytesPerToken: size }).tokens;
}

/** More say nothing new, and each is a look at all messages before it. */
const measuredAnswers = 3;

/**
 * Bytes per token of this model, from what servers counted for its latest answers in this conversation: the smallest of them, since servers that count only
 * what was not in their cache report too little. Of an answer that followed messages that are left out now, nobody knows what was sent for it: then its own
 * text says it.
 */
function measuredTokenSize(
  conversation: Conversation,
  path: readonly Message[],
  model: string,
  systemPrompt: string,
): number | undefined {
  const answers = path.filter((message) => message.role === 'answer');
  const latest = answers.filter(({ runs }) => runs.length === 1 && runs[0]?.model === model).slice(-measuredAnswers);
  const sizes = latest.flatMap((answer) => {
    const usage = answer.runs[0]?.ending?.usage;
    const before = path.slice(0, path.indexOf(answer));
    const isAsSent = !before.some(({ id }) => conversation.isLeftOut(id));
    const size = isAsSent
      ? tokenSize({ messages: pathMessages(conversation, before, systemPrompt) }, usage?.promptTokens)
      : tokenSize({ messages: [{ role: 'assistant', text: answer.text + answer.reasoning }] }, usage?.outputTokens);
    return size ?? [];
  });
  return sizes.length > 0 ? Math.min(...sizes) : undefined;
}

/** Longer answers are seldom. */
const usualAnswerTokens = 1024;

/** As long as the answer may become, else as long as most are, and not more of a small window than a quarter. */
function answerReserve(maxOutputTokens: number | undefined, contextTokens = Number.POSITIVE_INFINITY): number {
  return maxOutputTokens ?? Math.min(usualAnswerTokens, Math.floor(contextTokens / 4));
}
