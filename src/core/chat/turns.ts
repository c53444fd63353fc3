import { describeForLog, type BackendError } from '../clients/errors.ts';
import { toBackendError } from '../clients/failures.ts';
import type { BackendId, ChatEvent, ChatRequest } from '../clients/llmClient.ts';
import type { BackendRegistry, Choice } from '../clients/registry.ts';
import type { Log } from '../host.ts';
import type { Settings } from '../settings/settings.ts';
import type { PromptPart } from './contextFit.ts';
import { continuationMessages, ContinuationJoint } from './continuation.ts';
import type { Answer, Attachment, Conversation, ConversationRecord, Message, RunEnding } from './conversation.ts';
import { explained, type FailureExplainer } from './failureReason.ts';
import { describeProgress } from './progress.ts';
import { pathMessages, sentOf } from './promptMessages.ts';
import { endingOf } from './runEnding.ts';
import { generationSettings, runRequest, type Outcome } from './session.ts';

/** What turns need of an open conversation. */
export interface ConversationSink {
  readonly conversation: Conversation;
  append(...records: readonly ConversationRecord[]): void;
}

export interface NewQuestion {
  readonly text: string;
  readonly attachments: readonly Attachment[];
  /** The answer it follows; left out: the last one that is shown. */
  readonly parentId?: string;
}

/** One run of one answer, from the choice of who answers to its end. Everything about it goes into the conversation. */
export interface Turn {
  readonly answerId: string;
  /** Keeps what came. */
  stop(): void;
  /** Settles when the run has its end in the conversation. Never rejects. */
  readonly done: Promise<void>;
  /** When it failed, after `done`: what the conversation keeps of it has no next step. */
  readonly error: BackendError | undefined;
  /** What is awaited, in words, now and whenever it changes. */
  onProgress(listener: (what: string) => void): void;
}

/** Who answers with these settings, where somebody saw it a moment ago: then the request needs no look before it. */
export type Chosen = (settings: Settings) => Choice | undefined;

export interface TurnsParts {
  readonly registry: BackendRegistry;
  readonly log: Log;
  /** Who asks, for the log. */
  readonly name: 'ask' | 'chat';
  readonly newId?: () => string;
  readonly chosen?: Chosen;
  /** Left out: a failure is told as the client tells it. */
  readonly explainFailure?: FailureExplainer;
  /** It is known who answers, and is asked now. */
  readonly onChoice?: (choice: Choice) => void;
}

/** Makes answers: each turn asks for one and writes down what comes. */
export class Turns {
  readonly #parts: TurnsParts;
  readonly #newId: () => string;
  readonly #running = new Map<string, RunningTurn>();

  constructor(parts: TurnsParts) {
    this.#parts = parts;
    this.#newId = parts.newId ?? (() => crypto.randomUUID());
  }

  ask(sink: ConversationSink, question: NewQuestion, settings: Settings): Turn {
    const { text, attachments, parentId = sink.conversation.path().at(-1)?.id } = question;
    return this.#askAt(sink, parentId, text, attachments, settings);
  }

  /** A question beside the first one, with the same attachments. Nothing happens to the first one and its answers. */
  edit(sink: ConversationSink, questionId: string, text: string, settings: Settings): Turn {
    const question = messageOf(sink, questionId, 'question');
    return this.#askAt(sink, question.parentId, text, question.attachments, settings);
  }

  /** An answer beside the first one, by the same model or another. */
  retry(
    sink: ConversationSink,
    answerId: string,
    settings: Settings,
    other?: { readonly backend: BackendId; readonly model: string },
  ): Turn {
    const { parentId } = messageOf(sink, answerId, 'answer');
    return this.#answer(sink, parentId, other ? withModel(settings, other.backend, other.model) : settings);
  }

  /** Another run of an answer that has an end already, where that was. One that still runs goes on as it does. */
  continueAnswer(sink: ConversationSink, answerId: string, settings: Settings): Turn {
    messageOf(sink, answerId, 'answer');
    return this.#running.get(answerId) ?? this.#start(sink, answerId, settings);
  }

  #askAt(
    sink: ConversationSink,
    parentId: string | undefined,
    text: string,
    attachments: readonly Attachment[],
    settings: Settings,
  ): Turn {
    const id = this.#newId();
    sink.append({
      type: 'question',
      id,
      ...(parentId === undefined ? {} : { parentId }),
      atMs: Date.now(),
      text,
      attachments,
    });
    return this.#answer(sink, id, settings);
  }

  #answer(sink: ConversationSink, parentId: string, settings: Settings): Turn {
    const id = this.#newId();
    sink.append({ type: 'answer', id, parentId, atMs: Date.now() });
    return this.#start(sink, id, settings);
  }

  #start(sink: ConversationSink, answerId: string, settings: Settings): Turn {
    const turn = new RunningTurn({ ...this.#parts, sink, answerId, settings });
    this.#running.set(answerId, turn);
    void turn.done.then(() => this.#running.delete(answerId));
    return turn;
  }
}

/** The same settings, but for who answers. */
export function withModel(settings: Settings, backend: BackendId, model: string): Settings {
  return { ...settings, backend, models: { ...settings.models, [backend]: model } };
}

interface TurnParts extends TurnsParts {
  readonly sink: ConversationSink;
  readonly answerId: string;
  readonly settings: Settings;
}

class RunningTurn implements Turn {
  readonly answerId: string;
  readonly done: Promise<void>;
  error: BackendError | undefined;
  readonly #parts: TurnParts;
  readonly #controller = new AbortController();
  readonly #listeners = new Set<(what: string) => void>();
  #what = 'looking for a model server';

  constructor(parts: TurnParts) {
    this.#parts = parts;
    this.answerId = parts.answerId;
    this.done = this.#run();
  }

  stop(): void {
    this.#controller.abort();
  }

  onProgress(listener: (what: string) => void): void {
    this.#listeners.add(listener);
    listener(this.#what);
  }

  #say(what: string): void {
    this.#what = what;
    for (const listener of this.#listeners) listener(what);
  }

  async #run(): Promise<void> {
    const { registry, log, name, sink, settings, answerId } = this.#parts;
    const startedMs = performance.now();
    let choice: Choice | undefined;
    let ending: RunEnding;
    try {
      choice = this.#parts.chosen?.(settings) ?? (await registry.choose(settings, this.#controller.signal));
      log.info(
        `${name}: ${choice.client.backend} at ${choice.client.endpoint}, model ${choice.model}. ${choice.reason}`,
      );
      this.#parts.onChoice?.(choice);
      sink.append(this.#runRecord(choice));
      ending = await this.#request(choice);
    } catch (thrown) {
      const isStopped = this.#controller.signal.aborted;
      if (!isStopped) this.error = toBackendError(thrown, choice?.client.backend);
      if (!choice) sink.append(this.#runRecord(undefined));
      const outcome: Outcome = this.error ? { type: 'failed', error: this.error } : { type: 'stopped' };
      ending = endingOf({ outcome, speed: { totalMs: performance.now() - startedMs } });
    }
    if (this.error) {
      registry.contradict(this.error);
      log.warn(describeForLog(this.error));
    }
    sink.append({ type: 'end', id: answerId, atMs: Date.now(), ending });
    this.#listeners.clear();
  }

  async #request(choice: Choice): Promise<RunEnding> {
    const { client, model, reason, isStandIn, contextTokens } = choice;
    const { sink, settings, answerId, explainFailure } = this.#parts;
    const { signal } = this.#controller;
    const { conversation } = sink;
    const answer = messageOf(sink, answerId, 'answer');
    const partial = answer.text.trim() === '' ? '' : answer.text;
    const path = conversation.pathTo(answer.parentId);
    // A question that is asked again is sent, whatever was left out before.
    const leftOut = { isLeftOut: (id: string) => id !== answer.parentId && conversation.isLeftOut(id) };
    const messages = [
      ...pathMessages(leftOut, path, settings.systemPrompt),
      ...(partial === '' ? [] : continuationMessages(partial)),
    ];
    const request: ChatRequest = { model, messages, ...generationSettings(settings) };
    this.#say(`waiting for ${model} (${client.backend})`);
    const writer = new AnswerWriter(sink, answer);
    const onEvent = (event: ChatEvent) => {
      if (event.type === 'progress') this.#say(`${model}: ${describeProgress(event)}`);
      else if (event.type !== 'finish') writer.write(event);
    };
    if (isStandIn) onEvent({ type: 'warning', message: reason });
    const answered = await runRequest(
      client,
      request,
      signal,
      onEvent,
      attachedTexts(sentOf(leftOut, path)),
      contextTokens,
    );
    writer.end();
    const result = await explained(answered, explainFailure, { choice, settings }, signal);
    if (result.outcome.type === 'failed') this.error = result.outcome.error;
    return endingOf(result, writer.reasoningMs);
  }

  #runRecord(choice: Choice | undefined): ConversationRecord {
    const who = choice ? { backend: choice.client.backend, model: choice.model } : {};
    return { type: 'run', id: this.answerId, atMs: Date.now(), ...who };
  }
}

/** Writes what comes into the conversation. */
class AnswerWriter {
  readonly #sink: ConversationSink;
  readonly #id: string;
  readonly #joint: ContinuationJoint;
  /** Between the reasoning of an earlier run and that of this one. */
  #gap: string;
  #firstReasoningMs: number | undefined;
  #lastReasoningMs = 0;

  constructor(sink: ConversationSink, { id, text, reasoning }: Answer) {
    this.#sink = sink;
    this.#id = id;
    this.#joint = new ContinuationJoint(text);
    this.#gap = reasoning === '' ? '' : '\n\n';
  }

  get reasoningMs(): number | undefined {
    return this.#firstReasoningMs === undefined ? undefined : this.#lastReasoningMs - this.#firstReasoningMs;
  }

  write(event: Exclude<ChatEvent, { readonly type: 'progress' | 'finish' }>): void {
    const id = this.#id;
    switch (event.type) {
      case 'text':
        return this.#text(this.#joint.push(event.delta));
      case 'reasoning':
        this.#lastReasoningMs = performance.now();
        this.#firstReasoningMs ??= this.#lastReasoningMs;
        this.#sink.append({ type: 'delta', id, reasoning: this.#gap + event.delta });
        this.#gap = '';
        return;
      case 'toolCall': {
        const { id: callId, name, argumentsJson } = event;
        return this.#sink.append({ type: 'toolCall', id, call: { id: callId, name, argumentsJson } });
      }
      case 'warning':
        return this.#sink.append({ type: 'warning', id, message: event.message });
    }
  }

  /** What was held back. */
  end(): void {
    this.#text(this.#joint.end());
  }

  #text(text: string): void {
    if (text !== '') this.#sink.append({ type: 'delta', id: this.#id, text });
  }
}

/** For the advice when it does not fit after all. */
function attachedTexts(messages: readonly Message[]): readonly PromptPart[] {
  const attachments = messages.flatMap((message) => (message.role === 'question' ? message.attachments : []));
  return attachments.filter((attachment) => attachment.kind === 'text');
}

/** @throws Error when the conversation has no such message: the caller is wrong then */
function messageOf<R extends Message['role']>(
  { conversation }: ConversationSink,
  id: string,
  role: R,
): Extract<Message, { readonly role: R }> {
  const message = conversation.message(id);
  if (message?.role !== role) throw new Error(`the conversation has no ${role} ${id}`);
  return message as Extract<Message, { readonly role: R }>;
}
