import * as vscode from 'vscode';
import type { Run, RunEnding } from '../core/chat/conversation.ts';
import { OpenConversation } from '../core/chat/openConversation.ts';
import { explainMemoryFailure } from '../core/chat/failureReason.ts';
import type { Draft } from '../core/chat/promptMessages.ts';
import { Turns, type Turn } from '../core/chat/turns.ts';
import type { BackendRegistry } from '../core/clients/registry.ts';
import { AnswerDocument } from './answerDocument.ts';
import type { AskInput } from './askInput.ts';
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

/** The command A2IA: Ask. Several may run at once, each in a document and a conversation of its own. */
export class AskCommand {
  readonly #parts: AskParts;
  readonly #turns: Turns;
  readonly #running = new Map<AbortController, vscode.TextDocument | undefined>();
  /** Those whose documents are open, by the address of the document. */
  readonly #asked = new Map<string, OpenConversation>();
  readonly #closing = vscode.workspace.onDidCloseTextDocument(({ uri }) => {
    if (this.#asked.delete(uri.toString())) this.#showAsked();
  });

  constructor(parts: AskParts) {
    this.#parts = parts;
    const { registry, log, statusBar } = parts;
    this.#turns = new Turns({
      registry,
      log,
      name: 'ask',
      explainFailure: explainMemoryFailure,
      onChoice: (choice) => statusBar.show(choice),
    });
  }

  /** Without a question the user is asked for one. */
  async run(argument: unknown): Promise<AskResult | undefined> {
    const { settings, input } = this.#parts;
    if (typeof argument === 'string') {
      const text = argument.trim();
      return text ? this.#ask({ text, attachments: [] }) : undefined;
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

  /** The conversation of which the document is the beginning; undefined when it is none, or its answer has not its end. */
  asked(document: vscode.TextDocument | undefined): OpenConversation | undefined {
    return document && this.#asked.get(document.uri.toString());
  }

  /** Leaves the servers that are still answering. */
  dispose(): void {
    this.#closing.dispose();
    for (const controller of this.#running.keys()) controller.abort();
  }

  async #ask(question: Draft): Promise<AskResult> {
    const { statusBar } = this.#parts;
    const controller = new AbortController();
    this.#running.set(controller, undefined);
    statusBar.setAnswering('ask', this.#running.size);
    const waiting = showWaiting(controller);
    let page: AnswerDocument | undefined;
    try {
      page = await AnswerDocument.open(heading(question), () => controller.abort());
      this.#running.set(controller, page.document);
      const open = OpenConversation.begin();
      const turn = await this.#answer(open, question, page, waiting, controller.signal);
      waiting.end();
      const answered = answerOf(open, turn);
      await page.finish(footer(answered));
      this.#asked.set(page.document.uri.toString(), open);
      this.#showAsked();
      if (turn.error) showProblem(turn.error, { ...this.#parts.actions, retry: () => void this.#ask(question) });
      return resultOf(answered);
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

  /** Returns when the answer has its end in the conversation; the document gets what is written there as it comes. */
  async #answer(
    open: OpenConversation,
    question: Draft,
    page: AnswerDocument,
    waiting: Waiting,
    signal: AbortSignal,
  ): Promise<Turn> {
    const stopListening = open.onChange((record) => {
      if (record.type === 'warning') void vscode.window.showWarningMessage(`A2IA: ${record.message}`);
      if (record.type === 'delta' || record.type === 'toolCall') waiting.end();
      if (record.type === 'delta' && record.text) page.append(record.text);
    });
    const turn = this.#turns.ask(open, question, this.#parts.settings.current());
    turn.onProgress((what) => waiting.say(what));
    if (signal.aborted) turn.stop();
    signal.addEventListener('abort', () => turn.stop());
    await turn.done;
    stopListening();
    return turn;
  }
}

interface Answered {
  readonly text: string;
  readonly run: Run;
  readonly ending: RunEnding;
}

function answerOf({ conversation }: OpenConversation, { answerId }: Turn): Answered {
  const answer = conversation.message(answerId);
  const run = answer?.role === 'answer' ? answer.runs.at(-1) : undefined;
  if (!answer || !run?.ending) throw new Error('a turn that is done has an answer with an end');
  return { text: answer.text, run, ending: run.ending };
}

function resultOf({ text, run: { backend, model }, ending: { outcome, speed } }: Answered): AskResult {
  const who = { ...(backend ? { backend } : {}), ...(model === undefined ? {} : { model }) };
  if (outcome.type === 'failed') {
    const { message, hint } = outcome.problem;
    return { ...who, outcome: 'failed', text, problem: `${message} ${hint}` };
  }
  const { tokensPerSecond } = speed;
  return { ...who, outcome: outcome.type, text, ...(tokensPerSecond === undefined ? {} : { tokensPerSecond }) };
}

function describeBackend(settings: { readonly backend: string; readonly model: string }): string {
  return [settings.backend === 'auto' ? 'your model' : settings.backend, settings.model].filter(Boolean).join(' · ');
}

/** The question as it stands above its answer. A very long one is cut here, and only here. */
function heading(question: Draft): string {
  const shown = question.text.length > 2000 ? `${question.text.slice(0, 2000)}…` : question.text;
  const quoted = shown.split('\n').map((line) => `> ${line}`.trimEnd());
  const attached = question.attachments.map(({ label }) => `>\n> *with ${label}*`);
  return `${[...quoted, ...attached].join('\n')}\n\n`;
}

function footer({ text, run, ending }: Answered): string {
  const { outcome, usage, speed } = ending;
  const gap = text === '' ? '' : text.endsWith('\n') ? '\n' : '\n\n';
  const who = listed(run.backend ?? '', run.model ?? '');
  switch (outcome.type) {
    case 'stopped':
      return `${gap}*${join('Stopped.', who)}*\n`;
    case 'failed': {
      const what = text === '' ? 'No answer' : 'The answer is incomplete';
      return `${gap}*${join(`${what}: ${outcome.problem.message}`, who)}*\n`;
    }
    case 'finished': {
      const tokens = usage?.outputTokens ? `${usage.outputTokens} tokens` : '';
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
