import * as vscode from 'vscode';
import { createNodeGpuHost } from '../../core/gpu/nodeGpuHost.ts';
import { explainLog, explainStream, type LogExplanation } from '../../core/fit/diagnosis/diagnosis.ts';
import { causeSentence, explanationMarkdown } from '../../core/fit/diagnosis/explanationText.ts';
import type { Remedy } from '../../core/fit/diagnosis/remedies.ts';
import { nodeServerLogHost, ollamaLog, type LogTail } from '../../core/fit/diagnosis/serverLog.ts';
import { errorText } from '../../core/util/errorText.ts';
import { ButtonDocument } from '../buttonDocument.ts';
import { writeSettings } from '../editorSettings.ts';
import type { Button } from '../problems.ts';

export interface OutOfMemoryParts {
  unloadOthers(): Promise<void>;
}

const scheme = 'a2ia-memory';
const title = 'A2IA: Explain Out of Memory';

interface SourceItem extends vscode.QuickPickItem {
  /** Undefined when the user leaves. */
  readonly read: () => Thenable<LogExplanation | undefined>;
}

/**
 * The command A2IA: Explain Out of Memory. Reads the selection, else what the user chooses: the clipboard, the document, a file, Ollama’s log, a text that is
 * pasted. The explanation is a read-only document, with a button above each line that a click can do.
 */
export class OutOfMemoryExplainer {
  readonly #parts: OutOfMemoryParts;
  readonly #document = new ButtonDocument({ scheme, path: 'Out of Memory.md', buttonCommand: 'a2ia.memoryButton' });

  constructor(parts: OutOfMemoryParts) {
    this.#parts = parts;
  }

  dispose(): void {
    this.#document.dispose();
  }

  /** Of a text or an explanation that is given, else of what the user has selected or chooses. Resolves to what is shown; undefined when he leaves. */
  async run(given: unknown): Promise<LogExplanation | undefined> {
    const explanation = await this.#explanationOf(given);
    if (explanation) await this.#show(explanation);
    return explanation;
  }

  async #explanationOf(given: unknown): Promise<LogExplanation | undefined> {
    if (typeof given === 'string') return explainLog([given]);
    if (isExplanation(given)) return given;
    const editor = vscode.window.activeTextEditor;
    const selected = editor && editor.document.uri.scheme !== scheme ? editor.document.getText(editor.selection) : '';
    if (selected.trim() !== '') return explainLog([selected]);
    const items = await this.#sources(editor?.document);
    const chosen = await vscode.window.showQuickPick(items, { title, placeHolder: 'Which log or error text?' });
    return chosen?.read();
  }

  async #sources(document: vscode.TextDocument | undefined): Promise<readonly SourceItem[]> {
    const clipboard = await vscode.env.clipboard.readText();
    const log = await logOfOllama();
    const isText = document && document.uri.scheme !== scheme && document.getText().trim() !== '';
    const read = (text: string) => () => Promise.resolve(explainLog([text]));
    return [
      ...(clipboard.trim() === ''
        ? []
        : [{ label: '$(clippy) The clipboard', detail: beginning(clipboard), read: read(clipboard) }]),
      ...(isText
        ? [{ label: '$(file) This document', description: document.fileName, read: read(document.getText()) }]
        : []),
      ...(log ? [{ label: '$(server) Ollama’s log', description: log.source, read: read(log.text) }] : []),
      { label: '$(folder-opened) A file…', read: explainFile },
      { label: '$(edit) A text that I paste…', read: explainPasted },
    ];
  }

  async #show(explanation: LogExplanation): Promise<void> {
    const { text, actions } = explanationMarkdown(explanation);
    await this.#document.show(text, [
      { line: 0, button: { label: 'Explain Another Text', run: () => void this.run(undefined) } },
      { line: 0, button: { label: 'Copy', run: () => void vscode.env.clipboard.writeText(this.#document.text) } },
      ...actions.flatMap(({ line, remedy }) => this.#buttons(remedy, explanation).map((button) => ({ line, button }))),
    ]);
    this.#tell(explanation);
  }

  /** The one sentence that matters, with what helps first. */
  #tell(explanation: LogExplanation): void {
    const { diagnosis } = explanation;
    const sentence = diagnosis && causeSentence(diagnosis);
    if (!diagnosis || !sentence) return;
    const buttons = diagnosis.remedies.flatMap((remedy) => this.#buttons(remedy, explanation)).slice(0, 2);
    void vscode.window
      .showInformationMessage(`A2IA: ${sentence}`, ...buttons.map(({ label }) => label))
      .then((choice) => buttons.find(({ label }) => label === choice)?.run());
  }

  #buttons({ option, action, contextTokens }: Remedy, { diagnosis }: LogExplanation): readonly Button[] {
    const server = diagnosis?.server;
    const buttons: Button[] = [];
    if (server === 'ollama' && contextTokens !== undefined) {
      buttons.push({
        label: `Ask Ollama for ${contextTokens.toLocaleString('en')} Tokens`,
        run: () => void writeSettings({ 'a2ia.ollama.contextTokens': contextTokens }),
      });
    }
    if (option && !option.includes('<')) {
      buttons.push({ label: `Copy “${option}”`, run: () => void vscode.env.clipboard.writeText(option) });
    }
    if (action === 'unload') buttons.push({ label: 'Unload Other Models', run: () => void this.#parts.unloadOthers() });
    if (action === 'plan') buttons.push({ label: 'Plan a Model', run: () => void planModel() });
    return buttons;
  }
}

/** The panel of plans, where this version has it. */
async function planModel(): Promise<void> {
  const known = await vscode.commands.getCommands(true);
  await vscode.commands.executeCommand(known.includes('a2ia.planModel') ? 'a2ia.planModel' : 'a2ia.switchModel');
}

async function logOfOllama(): Promise<LogTail | undefined> {
  const host = createNodeGpuHost({ limitMs: 2000 });
  return ollamaLog(
    nodeServerLogHost((...asked) => host.run(...asked)),
    AbortSignal.timeout(3000),
  ).catch(() => undefined);
}

async function explainFile(): Promise<LogExplanation | undefined> {
  const [file] = (await vscode.window.showOpenDialog({ title, openLabel: 'Explain' })) ?? [];
  if (!file) return undefined;
  try {
    if (file.scheme !== 'file') return explainLog([new TextDecoder().decode(await vscode.workspace.fs.readFile(file))]);
    const { createReadStream } = await import('node:fs');
    return await explainStream(createReadStream(file.fsPath, 'utf8') as AsyncIterable<string>);
  } catch (error) {
    void vscode.window.showErrorMessage(`A2IA: ${file.fsPath} cannot be read. ${errorText(error)}`);
    return undefined;
  }
}

/** An empty document to paste into: a log is too long for an input box, and the editor keeps it. */
async function explainPasted(): Promise<LogExplanation | undefined> {
  const document = await vscode.workspace.openTextDocument({ language: 'log' });
  await vscode.window.showTextDocument(document);
  const explain = 'Explain';
  const choice = await vscode.window.showInformationMessage(
    'A2IA: paste the log into the empty document, then:',
    explain,
  );
  return choice === explain ? explainLog([document.getText()]) : undefined;
}

function isExplanation(given: unknown): given is LogExplanation {
  return typeof given === 'object' && given !== null && 'relevantLines' in given;
}

function beginning(text: string): string {
  const line = text.trim().replace(/\s+/g, ' ');
  return line.length > 80 ? `${line.slice(0, 80)}…` : line;
}
