import * as vscode from 'vscode';
import { backendIds, type BackendId } from '../core/clients/llmClient.ts';
import type { BackendRegistry } from '../core/clients/registry.ts';
import { checkConnections } from '../core/doctor/doctor.ts';
import type { Report } from '../core/doctor/report.ts';
import { reportsMarkdown, stepTitle, type ReportDocument } from '../core/doctor/reportText.ts';
import { detectSituation } from '../core/doctor/situation.ts';
import type { CoreHost } from '../core/host.ts';
import { proxyInUse } from './editorProxy.ts';
import type { EditorSettings } from './editorSettings.ts';
import { nextStepButton, type Button, type ProblemActions } from './problems.ts';

export interface ConnectionCheckParts {
  readonly host: CoreHost;
  readonly registry: BackendRegistry;
  readonly settings: EditorSettings;
  readonly actions: Omit<ProblemActions, 'retry' | 'checkConnection' | 'memory'>;
}

const scheme = 'a2ia-connection';
const documentUri = vscode.Uri.from({ scheme, path: 'Connection.md' });
/** Not in the palette: the buttons in the report call it. */
const buttonCommand = 'a2ia.connectionButton';

/**
 * The command A2IA: Check Connection. Its report is a read-only document, with a button above each line that a click can mend, and another check writes the
 * same document anew.
 */
export class ConnectionCheck implements vscode.TextDocumentContentProvider, vscode.CodeLensProvider {
  readonly #parts: ConnectionCheckParts;
  readonly #changed = new vscode.EventEmitter<vscode.Uri>();
  readonly #lensesChanged = new vscode.EventEmitter<void>();
  readonly #registrations: readonly vscode.Disposable[];
  readonly onDidChange = this.#changed.event;
  readonly onDidChangeCodeLenses = this.#lensesChanged.event;
  #shown: ReportDocument = { text: '', actions: [] };
  #backend: BackendId | undefined;
  #running: AbortController | undefined;

  constructor(parts: ConnectionCheckParts) {
    this.#parts = parts;
    this.#registrations = [
      vscode.workspace.registerTextDocumentContentProvider(scheme, this),
      vscode.languages.registerCodeLensProvider({ scheme }, this),
      vscode.commands.registerCommand(buttonCommand, (button: Button) => button.run()),
    ];
  }

  dispose(): void {
    this.#running?.abort();
    vscode.Disposable.from(...this.#registrations, this.#changed, this.#lensesChanged).dispose();
  }

  /**
   * With the id of a backend that one, else what the settings choose. A check that is still running is given up for the new one.
   * Resolves to the reports; undefined when it was cancelled.
   */
  async run(argument: unknown): Promise<readonly Report[] | undefined> {
    this.#backend = backendIds.find((id) => id === argument);
    this.#running?.abort();
    const controller = new AbortController();
    this.#running = controller;
    try {
      const reports = await this.#check(controller);
      this.#shown = reportsMarkdown(reports);
      this.#changed.fire(documentUri);
      this.#lensesChanged.fire();
      await vscode.window.showTextDocument(documentUri, { preview: false });
      this.#tell(reports);
      return reports;
    } catch (error) {
      if (controller.signal.aborted) return undefined;
      throw error;
    } finally {
      if (this.#running === controller) this.#running = undefined;
    }
  }

  provideTextDocumentContent(): string {
    return this.#shown.text;
  }

  provideCodeLenses(): vscode.CodeLens[] {
    const lens = (line: number, button: Button) =>
      new vscode.CodeLens(new vscode.Range(line, 0, line, 0), {
        title: button.label,
        command: buttonCommand,
        arguments: [button],
      });
    const { actions } = this.#shown;
    return [
      lens(0, this.#copyButton()),
      lens(0, this.#againButton()),
      ...actions.map(({ line, backend, nextStep }) => lens(line, this.#button(backend, nextStep))),
    ];
  }

  #check(controller: AbortController): Thenable<readonly Report[]> {
    const { host, registry, settings } = this.#parts;
    const options = {
      location: vscode.ProgressLocation.Notification,
      title: 'A2IA: checking the connection',
      cancellable: true,
    };
    return vscode.window.withProgress(options, async (progress, token) => {
      token.onCancellationRequested(() => controller.abort());
      const reports: Report[] = [];
      const checks = checkConnections(
        {
          ...settings.parsed(),
          backend: this.#backend,
          host,
          registry,
          situation: detectSituation({ remoteName: vscode.env.remoteName, environment: process.env }),
          proxyFor: proxyInUse,
          onStep: (backend, { name }) => progress.report({ message: `${backend}: ${stepTitle(name)}` }),
        },
        controller.signal,
      );
      for await (const report of checks) reports.push(report);
      return reports;
    });
  }

  /** The one sentence that matters, for whoever does not read the report. */
  #tell(reports: readonly Report[]): void {
    const copy = this.#copyButton();
    const working = reports.find(({ works }) => works);
    const first = working ?? reports[0];
    if (!first) return;
    const text = `A2IA: ${first.backend}: ${first.verdict}`;
    const step = first.steps.find(({ state }) => state === 'failed')?.nextStep;
    const buttons = working || !step ? [copy] : [this.#button(first.backend, step), copy];
    const labels = buttons.map(({ label }) => label);
    const answer = working
      ? vscode.window.showInformationMessage(text, ...labels)
      : vscode.window.showWarningMessage(text, ...labels);
    void answer.then((choice) => buttons.find(({ label }) => label === choice)?.run());
  }

  #button(backend: BackendId, step: ReportDocument['actions'][number]['nextStep']): Button {
    const again = { label: 'Check Again', run: () => void this.run(backend) };
    return step.do === 'retry' ? again : nextStepButton(step, { ...this.#parts.actions, retry: again.run });
  }

  #againButton(): Button {
    return { label: 'Check Again', run: () => void this.run(this.#backend) };
  }

  #copyButton(): Button {
    return { label: 'Copy Report', run: () => void vscode.env.clipboard.writeText(this.#shown.text) };
  }
}
