import type { Answer, Attachment, Conversation, Message, Question } from '../../core/chat/conversation.ts';
import { attachmentTokens } from '../../core/chat/promptPlan.ts';
import { answerFiles } from '../../core/edit/answerFiles.ts';
import type {
  AnswerFacts,
  AnswerState,
  AnswerView,
  AttachmentView,
  BranchView,
  ButtonView,
  ConversationView,
  QuestionView,
} from '../../protocol/panelState.ts';
import type { RunningState } from './runningAnswers.ts';

/** What this program knows of an answer beside its records. */
export interface AnswerKnowledge {
  running(answerId: string): RunningState | undefined;
  /** What can be done about its failure. */
  buttons(answerId: string): readonly ButtonView[];
}

export function conversationView(conversation: Conversation, knowledge: AnswerKnowledge): ConversationView {
  const messages = conversation
    .path()
    .map((message) =>
      message.role === 'question' ? questionView(conversation, message) : answerView(conversation, message, knowledge),
    );
  return { id: conversation.id, title: conversation.title, messages };
}

function questionView(conversation: Conversation, question: Question): QuestionView {
  const { id, text, attachments } = question;
  return {
    role: 'question',
    id,
    branch: branchOf(conversation, question),
    text,
    attachments: attachments.map((attachment) => attachmentView(attachment, conversation.isLeftOut(attachment.id))),
    isLeftOut: conversation.isLeftOut(id),
  };
}

/** Costs nothing that grows with the conversation: an answer that streams is looked at many times. */
export function answerView(conversation: Conversation, answer: Answer, knowledge: AnswerKnowledge): AnswerView {
  const { id, text, reasoning, toolCalls, warnings, runs } = answer;
  // A run for which nobody was found has written nothing of it.
  const writer = runs.findLast(({ model }) => model !== undefined);
  return {
    role: 'answer',
    id,
    branch: branchOf(conversation, answer),
    text,
    reasoning,
    reasoningMs: reasoningMsOf(answer),
    toolCalls,
    warnings,
    backend: writer?.backend,
    model: writer?.model,
    state: stateOf(answer, knowledge),
    fileCount: knowledge.running(id) ? 0 : fileCountOf(answer),
    facts: factsOf(answer),
    isLeftOut: conversation.isLeftOut(id),
  };
}

export function attachmentView(attachment: Attachment, isLeftOut = false): AttachmentView {
  const { kind, id, label } = attachment;
  return {
    id,
    kind: kind === 'image' ? 'image' : attachment.source,
    label,
    tokens: attachmentTokens(attachment),
    canOpen: true,
    isLeftOut,
  };
}

function branchOf(conversation: Conversation, message: Message): BranchView {
  const siblings = conversation.siblings(message);
  const index = siblings.indexOf(message.id);
  return { number: index + 1, count: siblings.length, previousId: siblings[index - 1], nextId: siblings[index + 1] };
}

function stateOf({ id, runs }: Answer, knowledge: AnswerKnowledge): AnswerState {
  const running = knowledge.running(id);
  if (running) return running;
  const outcome = runs.at(-1)?.ending?.outcome;
  if (!outcome) return { type: 'interrupted' };
  return outcome.type === 'failed' ? { ...outcome, buttons: knowledge.buttons(id) } : outcome;
}

const fileCounts = new WeakMap<Answer, { readonly text: string; readonly count: number }>();

/** A snapshot asks it of every answer of the conversation, again and again. */
function fileCountOf(answer: Answer): number {
  const { text } = answer;
  const known = fileCounts.get(answer);
  if (known?.text === text) return known.count;
  const count = answerFiles(text).length;
  fileCounts.set(answer, { text, count });
  return count;
}

/** Undefined while a run may still add to it. */
function reasoningMsOf({ runs }: Answer): number | undefined {
  const times = runs.map(({ ending }) => ending?.reasoningMs).filter((ms) => ms !== undefined);
  return times.length === 0 || !runs.at(-1)?.ending ? undefined : times.reduce((sum, ms) => sum + ms, 0);
}

/** Of an answer that was continued: the tokens of all its runs, the first token of the first, the rest of the last. */
function factsOf({ runs }: Answer): AnswerFacts {
  const endings = runs.map(({ ending }) => ending).filter((ending) => ending !== undefined);
  const last = endings.at(-1);
  if (!last) return {};
  const outputs = endings.map(({ usage }) => usage?.outputTokens);
  const counted = outputs.filter((tokens) => tokens !== undefined);
  const outputTokens = counted.length === outputs.length ? counted.reduce((sum, tokens) => sum + tokens, 0) : undefined;
  const { promptTokens, cachedPromptTokens } = last.usage ?? {};
  return withoutUndefined({
    promptTokens,
    cachedPromptTokens,
    outputTokens,
    tokensPerSecond: last.speed.tokensPerSecond,
    firstTokenMs: endings[0]?.speed.firstTokenMs,
  });
}

function withoutUndefined(facts: { readonly [Fact in keyof AnswerFacts]: number | undefined }): AnswerFacts {
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined));
}
