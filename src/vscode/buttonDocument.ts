import * as vscode from 'vscode';
import type { Button } from './problems.ts';

export interface LineButton {
  /** Above which it stands, from 0. */
  readonly line: number;
  readonly button: Button;
}

export interface ButtonDocumentName {
  /** Of its own, one for each document. */
  readonly scheme: string;
  /** With the ending by which VS Code knows the language. */
  readonly path: string;
  /** Of the command behind its buttons, which is not in the palette. */
  readonly buttonCommand: string;
}

/** A read-only document with buttons above its lines. What is shown next takes the place of what was shown before. */
export class ButtonDocument implements vscode.TextDocumentContentProvider, vscode.CodeLensProvider {
  readonly #uri: vscode.Uri;
  readonly #buttonCommand: string;
  readonly #changed = new vscode.EventEmitter<vscode.Uri>();
  readonly #lensesChanged = new vscode.EventEmitter<void>();
  readonly #registrations: readonly vscode.Disposable[];
  readonly onDidChange = this.#changed.event;
  readonly onDidChangeCodeLenses = this.#lensesChanged.event;
  #text = '';
  #buttons: readonly LineButton[] = [];

  constructor({ scheme, path, buttonCommand }: ButtonDocumentName) {
    this.#uri = vscode.Uri.from({ scheme, path });
    this.#buttonCommand = buttonCommand;
    this.#registrations = [
      vscode.workspace.registerTextDocumentContentProvider(scheme, this),
      vscode.languages.registerCodeLensProvider({ scheme }, this),
      vscode.commands.registerCommand(buttonCommand, (button: Button) => button.run()),
    ];
  }

  dispose(): void {
    vscode.Disposable.from(...this.#registrations, this.#changed, this.#lensesChanged).dispose();
  }

  get text(): string {
    return this.#text;
  }

  async show(text: string, buttons: readonly LineButton[]): Promise<void> {
    this.#text = text;
    this.#buttons = buttons;
    this.#changed.fire(this.#uri);
    this.#lensesChanged.fire();
    await vscode.window.showTextDocument(this.#uri, { preview: false });
  }

  provideTextDocumentContent(): string {
    return this.#text;
  }

  provideCodeLenses(): vscode.CodeLens[] {
    return this.#buttons.map(({ line, button }) => {
      const command = { title: button.label, command: this.#buttonCommand, arguments: [button] };
      return new vscode.CodeLens(new vscode.Range(line, 0, line, 0), command);
    });
  }
}
