import * as vscode from 'vscode';
import { createNodeGpuHost } from '../../core/gpu/nodeGpuHost.ts';
import { readGpus } from '../../core/gpu/readGpus.ts';
import { parsePlanChange, parsePlanMessage } from '../../protocol/planMessages.ts';
import type { PlanChoice } from '../../protocol/planState.ts';
import { showWebviewPage } from '../webviewPage.ts';
import { ModelFinder, type ModelFinderParts } from './modelFinder.ts';
import { PlanSession } from './planSession.ts';

export interface PlanPanelsParts extends ModelFinderParts {
  readonly extensionUri: vscode.Uri;
}

const viewType = 'a2ia.plan';

/** The panel of **A2IA: Plan a Model**: one at a time; it comes back with what was chosen when the window is loaded anew. */
export class PlanPanels {
  readonly #parts: PlanPanelsParts;
  #open: { readonly panel: vscode.WebviewPanel; readonly session: PlanSession } | undefined;

  constructor(parts: PlanPanelsParts) {
    this.#parts = parts;
  }

  dispose(): void {
    this.#open?.session.dispose();
  }

  /** `modelId`: of the panel's list, from another command; anything else is none. */
  open(modelId: unknown): void {
    const chosen = typeof modelId === 'string' ? { modelId } : {};
    if (!this.#open) {
      const panel = vscode.window.createWebviewPanel(viewType, 'Plan a Model', vscode.ViewColumn.Active);
      return this.#show(panel, chosen);
    }
    this.#open.panel.reveal();
    if (chosen.modelId !== undefined) this.#open.session.chooseModel(chosen.modelId);
  }

  /** After a reload of the window; `state`: what its page kept. */
  restore(panel: vscode.WebviewPanel, state: unknown): void {
    if (this.#open) panel.dispose();
    else this.#show(panel, parsePlanChange(state) ?? {});
  }

  #show(panel: vscode.WebviewPanel, choice: Partial<PlanChoice>): void {
    const { extensionUri } = this.#parts;
    const gpuHost = createNodeGpuHost();
    const finder = new ModelFinder(this.#parts);
    const session = new PlanSession(
      {
        findModels: (found) => finder.find(found),
        readGpus: (signal) => readGpus(gpuHost, signal),
        ollamaVersion: () => finder.ollamaVersion,
        pickFile: () => finder.pickFile(),
        copy: (text) => void vscode.env.clipboard.writeText(text),
        // A hidden page asks for everything when it comes back.
        post: (part) => void panel.webview.postMessage({ type: 'state', part }),
      },
      choice,
    );
    this.#open = { panel, session };
    panel.iconPath = vscode.Uri.joinPath(extensionUri, 'media', 'chat.svg');
    panel.webview.onDidReceiveMessage((data: unknown) => {
      const message = parsePlanMessage(data);
      if (message) void session.receive(message);
    });
    panel.onDidDispose(() => {
      session.dispose();
      this.#open = undefined;
    });
    showWebviewPage(panel.webview, extensionUri, { title: 'Plan a Model', script: 'plan', style: 'planStyle' });
  }
}
