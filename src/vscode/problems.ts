import * as vscode from 'vscode';
import type { BackendError, BackendErrorKind, NextStep } from '../core/clients/errors.ts';
import type { BackendId } from '../core/clients/llmClient.ts';
import type { LogExplanation } from '../core/fit/diagnosis/diagnosis.ts';
import { MemoryFailure } from '../core/fit/diagnosis/memoryFailure.ts';
import { openSetting, writeSettings } from './editorSettings.ts';

export interface ProblemActions {
  chooseModel(): void;
  /** False when the user did not enter one. */
  enterKey(origin: string): Promise<boolean>;
  readonly retry: () => void;
  showLog(): void;
  checkConnection(backend: BackendId | undefined): void;
  readonly memory: MemoryActions;
}

export interface MemoryActions {
  explain(explanation: LogExplanation): void;
  /** Everything that the server has loaded but this model. */
  unloadOthers(backend: BackendId | undefined): void;
}

/** Where a look at every step of the connection says more than the log. */
const connectionKinds: readonly BackendErrorKind[] = [
  'notRunning',
  'dns',
  'unreachable',
  'tls',
  'wrongScheme',
  'redirected',
  'notAModelServer',
  'unauthorized',
  'forbidden',
  'gateway',
  'firstByteTimeout',
];

/** One sentence, the server's own words, what to do, and a button that does it. */
export function showProblem(error: BackendError, actions: ProblemActions): void {
  const buttons = problemButtons(error, actions);
  void vscode.window
    .showErrorMessage(`A2IA: ${problemSentence(error)}`, ...buttons.map(({ label }) => label))
    .then((choice) => buttons.find(({ label }) => label === choice)?.run());
}

export function problemSentence({ message, serverMessage, hint }: BackendError): string {
  const words = serverMessage ? ` It says: “${shorten(serverMessage)}”.` : '';
  return `${message}${words} ${hint}`;
}

/** What to do about it, and where more is said. */
export function problemButtons(error: BackendError, actions: ProblemActions): readonly Button[] {
  if (error instanceof MemoryFailure) return memoryButtons(error, actions);
  const next = nextStepButton(error.nextStep, actions);
  const more = connectionKinds.includes(error.kind)
    ? { label: 'Check Connection', run: () => actions.checkConnection(error.backend) }
    : { label: 'Show Log', run: () => actions.showLog() };
  return next.label === more.label ? [next] : [next, more];
}

/** The context can be set here for Ollama alone; other servers have theirs from their start. */
function memoryButtons({ backend, explanation }: MemoryFailure, actions: ProblemActions): readonly Button[] {
  const remedies = explanation.diagnosis?.remedies ?? [];
  const tokens = remedies.find(({ contextTokens }) => contextTokens !== undefined)?.contextTokens;
  const shorten = async (contextTokens: number) => {
    await writeSettings({ 'a2ia.ollama.contextTokens': contextTokens });
    actions.retry();
  };
  return [
    ...(backend === 'ollama' && tokens !== undefined
      ? [{ label: `Use a Context of ${tokens.toLocaleString('en')}`, run: () => void shorten(tokens) }]
      : []),
    ...(backend === 'ollama' && remedies.some(({ action }) => action === 'unload')
      ? [{ label: 'Unload Other Models', run: () => actions.memory.unloadOthers(backend) }]
      : []),
    { label: 'Explain', run: () => actions.memory.explain(explanation) },
  ];
}

export interface Button {
  readonly label: string;
  readonly run: () => void;
}

export function nextStepButton(step: NextStep, actions: Omit<ProblemActions, 'checkConnection' | 'memory'>): Button {
  switch (step.do) {
    case 'startServer':
      return { label: `Run “${step.command.split(' ')[0]}”`, run: () => runInTerminal(step.command) };
    case 'openSetting':
      return { label: 'Open Setting', run: () => void openSetting(step.key) };
    case 'chooseModel':
      return { label: 'Choose Model', run: () => actions.chooseModel() };
    case 'enterKey':
      return {
        label: 'Enter API Key',
        run: () => void actions.enterKey(step.origin).then((entered) => entered && actions.retry()),
      };
    case 'retry':
      return { label: 'Ask Again', run: () => actions.retry() };
    case 'showLog':
      return { label: 'Show Log', run: () => actions.showLog() };
  }
}

/** A command with a gap to fill in is typed but not run. */
function runInTerminal(command: string): void {
  const terminal = vscode.window.createTerminal('A2IA');
  terminal.show();
  terminal.sendText(command, !command.includes('<'));
}

function shorten(words: string): string {
  const line = words
    .replace(/\s+/g, ' ')
    .replace(/[\s.]+$/, '')
    .trim();
  return line.length > 300 ? `${line.slice(0, 300)}…` : line;
}
