import * as vscode from 'vscode';
import type { NextStep } from '../core/clients/errors.ts';
import { backendIds, type BackendId } from '../core/clients/llmClient.ts';
import type { BackendRegistry } from '../core/clients/registry.ts';
import { checkConnections } from '../core/doctor/doctor.ts';
import type { Report } from '../core/doctor/report.ts';
import { reportsMarkdown, stepTitle } from '../core/doctor/reportText.ts';
import { detectSituation } from '../core/doctor/situation.ts';
import type { CoreHost } from '../core/host.ts';
import { ButtonDocument } from './buttonDocument.ts';
import { proxyInUse } from './editorProxy.ts';
import type { EditorSettings } from './editorSettings.ts';
import { nextStepButton, type Button, type ProblemActions } from './problems.ts';

export interface ConnectionCheckParts {
  readonly host: CoreHost;
  readonly registry: BackendRegistry;
  readonly settings: EditorSettings;
  readonly actions: Omit<ProblemActions, 'retry' | 'checkConnection' | 'memory'>;
}

/**
 * The command A2IA: Check Connection. Its report is a read-only document, with a button above each line that a click can mend, and another check writes the
 * same document anew.
 */
export class ConnectionCheck {
  readonly #parts: ConnectionCheckParts;
  readonly #document = new ButtonDocument({
    scheme: 'a2ia-connection',
    path: 'Connection.md',
    buttonCommand: 'a2ia.connectionButton',
  });
  #backend: BackendId | undefined;
  #running: AbortController | undefined;

  constructor(parts: ConnectionCheckParts) {
    this.#parts = parts;
  }

  dispose(): void {
    this.#running?.abort();
    this.#document.dispose();
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
      const { text, actions } = reportsMarkdown(reports);
      await this.#document.show(text, [
        { line: 0, button: this.#copyButton() },
        { line: 0, button: this.#againButton() },
        ...actions.map(({ line, backend, nextStep }) => ({ line, button: this.#button(backend, nextStep) })),
      ]);
      this.#tell(reports);
      return reports;
    } catch (error) {
      if (controller.signal.aborted) return undefined;
      throw error;
    } finally {
      if (this.#running === controller) this.#running = undefined;
    }
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

  #button(backend: BackendId, step: NextStep): Button {
    const again = { label: 'Check Again', run: () => void this.run(backend) };
    return step.do === 'retry' ? again : nextStepButton(step, { ...this.#parts.actions, retry: again.run });
  }

  #againButton(): Button {
    return { label: 'Check Again', run: () => void this.run(this.#backend) };
  }

  #copyButton(): Button {
    return { label: 'Copy Report', run: () => void vscode.env.clipboard.writeText(this.#document.text) };
  }
}
