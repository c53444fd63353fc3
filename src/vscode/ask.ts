import * as vscode from 'vscode';
import type { Ask } from '../core/chat/askAsConversation.ts';
import { explained, explainMemoryFailure } from '../core/chat/failureReason.ts';
import { describeProgress } from '../core/chat/progress.ts';
import { askMessages } from '../core/chat/prompts.ts';
import { generationSettings, runRequest, type Answer } from '../core/chat/session.ts';
import { BackendError, describeForLog } from '../core/clients/errors.ts';
import type { ChatEvent } from '../core/clients/llmClient.ts';
import type { BackendRegistry, Choice } from '../core/clients/registry.ts';
import { AnswerDocument } from './answerDocument.ts';
import type { AskInput, Question } from './askInput.ts';
import type { EditorSettings } from './editorSettings.ts';
import { showProblem, type ProblemActions } from './problems.ts';
import type { StatusBar } from './statusBar.ts';

export interface AskParts {
  readonly registry: BackendRegistry;
  readonly settings: EditorSettings;
  readonly input: AskInput;
  readonly statusBar: StatusBar;
  readonly log: vscode.LogOutputChannel;
  readonly actions: Omit<ProblemActions, 'retry'>;
}

/** What the command `a2ia.ask` resolves to, for key bindings, tasks and tests. */
export interface AskResult {
  readonly outcome: 'finished' | 'stopped' | 'failed';
  readonly backend?: string;
  readonly model?: string;
  readonly text: string;
  readonly tokensPerSecond?: number;
  /** What happened and what to do, when it failed. */
  readonly problem?: string;
}

/** The command A2IA: Ask. Several may run at once, each in a document of its own. */
export class AskCommand {
  readonly #parts: AskParts;
  readonly #running = new Map<AbortController, vscode.TextDocument | undefined>();
  /** Those whose documents are open, by the address of the document. */
  readonly #asked = new Map<string, Ask>();
  readonly #closing = vscode.workspace.onDidCloseTextDocument(({ uri }) => {
    if (this.#asked.delete(uri.toString())) this.#showAsked();
  });

  constructor(parts: AskParts) {
    this.#parts = parts;
  }

  /** Without a question the user is asked for one. */
  async run(argument: unknown): Promise<AskResult | undefined> {
    const { settings, input } = this.#parts;
    if (typeof argument === 'string') {
      const text = argument.trim();
      return text ? this.#ask({ text, context: [] }) : undefined;
    }
    const question = await input.show(describeBackend(settings.current()));
    return question && this.#ask(question);
  }

  /** Stops the answer in the document the user is in, else all; false when it was not one alone. */
  stop(): boolean {
    const active = vscode.window.activeTextEditor?.document;
    const here = [...this.#running].find(([, document]) => document && document === active);
    for (const [controller] of here ? [here] : this.#running) controller.abort();
    return here !== undefined;
  }

  /** What the document is the answer to; undefined when it is none, or has not its end. */
  asked(document: vscode.TextDocument | undefined): Ask | undefined {
    return document && this.#asked.get(document.uri.toString());
  }

  /** Leaves the servers that are still answering. */
  dispose(): void {
    this.#closing.dispose();
    for (const controller of this.#running.keys()) controller.abort();
  }

  async #ask(question: Question): Promise<AskResult> {
    const { statusBar } = this.#parts;
    const controller = new AbortController();
    this.#running.set(controller, undefined);
    statusBar.setAnswering('ask', this.#running.size);
    const waiting = showWaiting(controller);
    let page: AnswerDocument | undefined;
    try {
      page = await AnswerDocument.open(heading(question), () => controller.abort());
      this.#running.set(controller, page.document);
      const atMs = Date.now();
      const { answer, choice } = await this.#answer(question, page, waiting, controller.signal);
      waiting.end();
      await page.finish(footer(answer, choice));
      const { text, context } = question;
      this.#asked.set(page.document.uri.toString(), { question: text, context, answer, choice, atMs });
      this.#showAsked();
      return this.#result(answer, choice, question);
    } finally {
      waiting.end();
      page?.dispose();
      this.#running.delete(controller);
      statusBar.setAnswering('ask', this.#running.size);
    }
  }

  /** For the button above such a document. */
  #showAsked(): void {
    void vscode.commands.executeCommand('setContext', 'a2ia.answers', [...this.#asked.keys()]);
  }

  /** Who answers is found out, and answers. That there is nobody is an answer too: a failed one. */
  async #answer(question: Question, page: AnswerDocument, waiting: Waiting, signal: AbortSignal): Promise<Answered> {
    const { registry, statusBar, log } = this.#parts;
    const settings = this.#parts.settings.current();
    let choice: Choice;
    try {
      choice = await registry.choose(settings, signal);
    } catch (thrown) {
      return { answer: noAnswer(thrown, signal), choice: undefined };
    }
    statusBar.show(choice);
    log.info(`ask: ${choice.client.backend} at ${choice.client.endpoint}, model ${choice.model}. ${choice.reason}`);
    waiting.say(`waiting for ${choice.model} (${choice.client.backend})`);
    const request = {
      model: choice.model,
      messages: askMessages(question.text, question.context, settings.systemPrompt),
      ...generationSettings(settings),
    };
    const show = (event: ChatEvent) => {
      if (event.type === 'progress') return waiting.say(`${choice.model}: ${describeProgress(event)}`);
      if (event.type !== 'warning') waiting.end();
      if (event.type === 'text') page.append(event.delta);
      if (event.type === 'warning') void vscode.window.showWarningMessage(`A2IA: ${event.message}`);
    };
    if (choice.isStandIn) show({ type: 'warning', message: choice.reason });
    const answered = await runRequest(choice.client, request, signal, show, question.context);
    return { answer: await explained(answered, explainMemoryFailure, { choice, settings }, signal), choice };
  }

  #result(answer: Answer, choice: Choice | undefined, question: Question): AskResult {
    const { outcome, text, speed } = answer;
    const who = choice ? { backend: choice.client.backend, model: choice.model } : {};
    if (outcome.type === 'failed') {
      this.#explain(outcome.error, question);
      return { ...who, outcome: 'failed', text, problem: `${outcome.error.message} ${outcome.error.hint}` };
    }
    const { tokensPerSecond } = speed;
    return { ...who, outcome: outcome.type, text, ...(tokensPerSecond === undefined ? {} : { tokensPerSecond }) };
  }

  #explain(error: BackendError, question: Question): void {
    const { registry, log, actions } = this.#parts;
    registry.contradict(error);
    log.warn(describeForLog(error));
    showProblem(error, { ...actions, retry: () => void this.#ask(question) });
  }
}

interface Answered {
  readonly answer: Answer;
  /** Undefined when nobody was found who could answer. */
  readonly choice: Choice | undefined;
}

function noAnswer(thrown: unknown, signal: AbortSignal): Answer {
  const nothing = { text: '', reasoning: '', speed: { totalMs: 0 } };
  if (signal.aborted) return { ...nothing, outcome: { type: 'stopped' } };
  if (thrown instanceof BackendError) return { ...nothing, outcome: { type: 'failed', error: thrown } };
  throw thrown;
}

function describeBackend(settings: { readonly backend: string; readonly model: string }): string {
  return [settings.backend === 'auto' ? 'your model' : settings.backend, settings.model].filter(Boolean).join(' · ');
}

/** The question as it stands above its answer. A very long one is cut here, and only here. */
function heading(question: Question): string {
  const shown = question.text.length > 2000 ? `${question.text.slice(0, 2000)}…` : question.text;
  const quoted = shown.split('\n').map((line) => `> ${line}`.trimEnd());
  const context = question.context.map((piece) => `>\n> *with ${piece.label}*`);
  return `${[...quoted, ...context].join('\n')}\n\n`;
}

function footer({ text, outcome, speed }: Answer, choice: Choice | undefined): string {
  const gap = text === '' ? '' : text.endsWith('\n') ? '\n' : '\n\n';
  const who = choice ? listed(choice.client.backend, choice.model) : '';
  switch (outcome.type) {
    case 'stopped':
      return `${gap}*${join('Stopped.', who)}*\n`;
    case 'failed': {
      const what = text === '' ? 'No answer' : 'The answer is incomplete';
      return `${gap}*${join(`${what}: ${outcome.error.message}`, who)}*\n`;
    }
    case 'finished': {
      const tokens = outcome.usage.outputTokens ? `${outcome.usage.outputTokens} tokens` : '';
      const rate = speed.tokensPerSecond ? `${speed.tokensPerSecond.toFixed(1)} tokens/s` : '';
      const cut = outcome.reason === 'length' ? 'ended at the length limit' : '';
      return `${gap}*${listed(who, tokens, rate, cut)}*\n`;
    }
  }
}

/** In ASCII: in Restricted Mode the editor puts a box around every other character of a document (`editor.unicodeHighlight.nonBasicASCII`). */
function listed(...parts: readonly string[]): string {
  return parts.filter(Boolean).join(', ');
}

function join(sentence: string, who: string): string {
  return who === '' ? sentence : `${sentence} ${who}`;
}

/** Most answers begin sooner than this: a notification for each of them would be a flicker. */
const noticeDelayMs = 1000;

interface Waiting {
  say(text: string): void;
  end(): void;
}

/** Until the first token there is nothing to see, so when it takes long a notification says what is awaited, and can stop it. */
function showWaiting(controller: AbortController): Waiting {
  let text = 'looking for a model server';
  let report: () => void = () => undefined;
  let end: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const options = { location: vscode.ProgressLocation.Notification, title: 'A2IA', cancellable: true };
  const timer = setTimeout(() => {
    void vscode.window.withProgress(options, (progress, token) => {
      token.onCancellationRequested(() => controller.abort());
      report = () => progress.report({ message: text });
      report();
      return ended;
    });
  }, noticeDelayMs);
  return {
    say: (next) => {
      text = next;
      report();
    },
    end: () => {
      clearTimeout(timer);
      end();
    },
  };
}
