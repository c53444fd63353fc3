import * as vscode from 'vscode';
import { askMessages } from '../core/chat/prompts.ts';
import { generationSettings, runRequest, type Answer } from '../core/chat/session.ts';
import type { BackendError } from '../core/clients/errors.ts';
import { toBackendError } from '../core/clients/failures.ts';
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

  /** Stops the answer in the document the user is in, else all. */
  stop(): void {
    const active = vscode.window.activeTextEditor?.document;
    const here = [...this.#running].find(([, document]) => document && document === active);
    for (const [controller] of here ? [here] : this.#running) controller.abort();
  }

  async #ask(question: Question): Promise<AskResult> {
    const { registry, settings, statusBar, log } = this.#parts;
    const controller = new AbortController();
    this.#running.set(controller, undefined);
    statusBar.setAnswering(this.#running.size);
    try {
      const choice = await registry.choose(settings.current(), controller.signal);
      statusBar.show(choice);
      log.info(`ask: ${choice.client.backend} at ${choice.client.endpoint}, model ${choice.model}. ${choice.reason}`);
      return await this.#stream(question, choice, controller);
    } catch (thrown) {
      if (controller.signal.aborted) return { outcome: 'stopped', text: '' };
      const error = toBackendError(thrown, 'ollama');
      this.#explain(error, question);
      return failedResult(error, '');
    } finally {
      this.#running.delete(controller);
      statusBar.setAnswering(this.#running.size);
    }
  }

  async #stream(question: Question, choice: Choice, controller: AbortController): Promise<AskResult> {
    const settings = this.#parts.settings.current();
    const page = await AnswerDocument.open(heading(question), () => controller.abort());
    this.#running.set(controller, page.document);
    const waiting = showWaiting(choice, controller);
    const request = {
      model: choice.model,
      messages: askMessages(question.text, question.context, settings.systemPrompt),
      ...generationSettings(settings),
    };
    const show = (event: ChatEvent) => {
      if (event.type !== 'progress' && event.type !== 'warning') waiting.end();
      if (event.type === 'text') page.append(event.delta);
      if (event.type === 'warning') void vscode.window.showWarningMessage(`A2IA: ${event.message}`);
    };
    const answer = await runRequest(choice.client, request, controller.signal, show, question.context);
    waiting.end();
    await page.finish(footer(answer, choice));
    return this.#result(answer, choice, question);
  }

  #result(answer: Answer, choice: Choice, question: Question): AskResult {
    const { outcome, text, speed } = answer;
    const who = { backend: choice.client.backend, model: choice.model, text };
    if (outcome.type === 'failed') {
      this.#explain(outcome.error, question);
      return { ...who, ...failedResult(outcome.error, text) };
    }
    const { tokensPerSecond } = speed;
    return { ...who, outcome: outcome.type, ...(tokensPerSecond === undefined ? {} : { tokensPerSecond }) };
  }

  #explain(error: BackendError, question: Question): void {
    const { registry, log, actions } = this.#parts;
    registry.contradict(error);
    log.warn(`${error.kind}: ${error.message}${error.serverMessage ? ` It says: ${error.serverMessage}` : ''}`);
    showProblem(error, { ...actions, retry: () => void this.#ask(question) });
  }
}

function failedResult(error: BackendError, text: string): AskResult {
  return { outcome: 'failed', text, problem: `${error.message} ${error.hint}` };
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

function footer({ text, outcome, speed }: Answer, choice: Choice): string {
  const gap = text === '' ? '' : text.endsWith('\n') ? '\n' : '\n\n';
  const who = `${choice.client.backend} · ${choice.model}`;
  switch (outcome.type) {
    case 'stopped':
      return `${gap}*Stopped. ${who}*\n`;
    case 'failed':
      return `${gap}*${text === '' ? 'No answer' : 'The answer is incomplete'}: ${outcome.error.message} ${who}*\n`;
    case 'finished': {
      const tokens = outcome.usage.outputTokens ? ` · ${outcome.usage.outputTokens} tokens` : '';
      const rate = speed.tokensPerSecond ? ` · ${speed.tokensPerSecond.toFixed(1)} tokens/s` : '';
      const cut = outcome.reason === 'length' ? ' · ended at the length limit' : '';
      return `${gap}*${who}${tokens}${rate}${cut}*\n`;
    }
  }
}

/** Most answers begin sooner than this: a notification for each of them would be a flicker. */
const noticeDelayMs = 1000;

/** Until the first token there is nothing to see, so when it takes long a notification says what is awaited, and can stop it. */
function showWaiting(choice: Choice, controller: AbortController): { end(): void } {
  let end: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const options = {
    location: vscode.ProgressLocation.Notification,
    title: `A2IA: waiting for ${choice.model} (${choice.client.backend})`,
    cancellable: true,
  };
  const timer = setTimeout(() => {
    void vscode.window.withProgress(options, (_progress, token) => {
      token.onCancellationRequested(() => controller.abort());
      return ended;
    });
  }, noticeDelayMs);
  return {
    end: () => {
      clearTimeout(timer);
      end();
    },
  };
}
