import * as vscode from 'vscode';
import { completionSentence, type CompletionState, type Pause } from './completionState.ts';

/** The state of completion, and the way to its menu. */
export class CompletionItem {
  readonly #item = vscode.window.createStatusBarItem('a2ia.completion', vscode.StatusBarAlignment.Right, 99);

  constructor() {
    this.#item.name = 'A2IA Code Completion';
    this.#item.command = 'a2ia.codeCompletion';
    this.#item.show();
  }

  show(state: CompletionState, pause: Pause, isAsking: boolean): void {
    const sentence = completionSentence(state, pause);
    this.#item.text = isAsking ? '$(loading~spin)' : `$(${iconOf(state, pause)})`;
    this.#item.tooltip = `A2IA code completion: ${sentence}`;
    this.#item.accessibilityInformation = { label: `A2IA code completion. ${sentence}`, role: 'button' };
  }

  dispose(): void {
    this.#item.dispose();
  }
}

function iconOf(state: CompletionState, pause: Pause): string {
  if (pause !== 'none') return 'debug-pause';
  switch (state.is) {
    case 'ready':
    case 'idle':
    case 'looking':
      return 'zap';
    case 'cannotFill':
    case 'needsDownload':
    case 'failed':
      return 'warning';
    case 'mustAsk':
      return 'question';
  }
}
