import * as vscode from 'vscode';
import type { Choice } from '../core/clients/registry.ts';
import { configuredModel, type Settings } from '../core/settings/settings.ts';

/** Backend and model, and while an answer streams a way to stop it. */
export class StatusBar {
  readonly #model = vscode.window.createStatusBarItem('a2ia.model', vscode.StatusBarAlignment.Right, 100);
  readonly #answering = { ask: 0, chat: 0, edit: 0 };
  readonly #answeringChanged = new vscode.EventEmitter<boolean>();
  /** Whether any answer runs. */
  readonly onDidChangeAnswering = this.#answeringChanged.event;
  #stop: vscode.StatusBarItem | undefined;

  constructor(settings: Settings) {
    this.#model.name = 'A2IA Model';
    this.#model.command = 'a2ia.switchModel';
    this.showConfigured(settings);
    this.#model.show();
  }

  /** Before the first request: what the settings say. Nothing is asked of any server for it. */
  showConfigured(settings: Settings): void {
    const model = settings.backend === 'auto' ? settings.model : (configuredModel(settings, settings.backend) ?? '');
    const reason =
      settings.backend === 'auto' ? 'The first server that is there will answer.' : 'Chosen in the settings.';
    this.#set(settings.backend, model, reason);
  }

  show(choice: Choice): void {
    this.#set(choice.client.backend, choice.model, choice.reason);
  }

  setAnswering(where: 'ask' | 'chat' | 'edit', ofIt: number): void {
    this.#answering[where] = ofIt;
    const count = this.#answering.ask + this.#answering.chat + this.#answering.edit;
    this.#answeringChanged.fire(count > 0);
    void vscode.commands.executeCommand('setContext', 'a2ia.answering', count > 0);
    if (count === 0) return this.#stop?.hide();
    this.#stop ??= this.#createStop();
    this.#stop.text = `$(stop-circle) Stop${count > 1 ? ` (${count})` : ''}`;
    this.#stop.show();
  }

  dispose(): void {
    this.#model.dispose();
    this.#stop?.dispose();
    this.#answeringChanged.dispose();
  }

  #set(backend: string, model: string, reason: string): void {
    const shortModel = model.split(/[\\/]/).at(-1) ?? '';
    const who = (name: string) => [backend, name].filter(Boolean).join(' · ');
    this.#model.text = `$(hubot) ${who(shortModel)}`;
    this.#model.tooltip = `A2IA: ${who(model)}\n${reason}\nClick to change.`;
    this.#model.accessibilityInformation = { label: `A2IA model: ${who(model)}. Activate to change.`, role: 'button' };
  }

  #createStop(): vscode.StatusBarItem {
    const item = vscode.window.createStatusBarItem('a2ia.stop', vscode.StatusBarAlignment.Right, 101);
    item.name = 'A2IA Stop';
    item.command = 'a2ia.stop';
    item.tooltip = 'Stop the answer that is streaming';
    item.accessibilityInformation = { label: 'Stop the answer', role: 'button' };
    return item;
  }
}
