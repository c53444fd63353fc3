import * as vscode from 'vscode';
import { createNodeGpuHost } from '../../core/gpu/nodeGpuHost.ts';
import { readGpus } from '../../core/gpu/readGpus.ts';
import { parsePlanChange, parsePlanMessage } from '../../protocol/planMessages.ts';
import type { PlanChoice } from '../../protocol/planState.ts';
import { showWebviewPage } from '../webviewPage.ts';
import { ModelFinder, type ModelFinderParts } from './modelFinder.ts';
import { PlanSession } from './planSession.ts';

export interface PlanPanelsParts extends ModelFinderParts {
  readonly context: Pick<vscode.ExtensionContext, 'extensionUri' | 'workspaceState'>;
}

const viewType = 'a2ia.plan';
const choiceKey = 'a2ia.plan';

/** The panel of **A2IA: Plan a Model**: one at a time; it begins with what was chosen last in this workspace, also when the window is loaded anew. */
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
    if (this.#open) this.#open.panel.reveal();
    else this.restore(vscode.window.createWebviewPanel(viewType, 'Plan a Model', vscode.ViewColumn.Active));
    if (typeof modelId === 'string') this.#open?.session.chooseModel(modelId);
  }

  /** Into a panel that is there already, after a reload of the window. */
  restore(panel: vscode.WebviewPanel): void {
    if (this.#open) panel.dispose();
    else this.#show(panel, parsePlanChange(this.#parts.context.workspaceState.get<unknown>(choiceKey)) ?? {});
  }

  #show(panel: vscode.WebviewPanel, choice: Partial<PlanChoice>): void {
    const { extensionUri, workspaceState } = this.#parts.context;
    const gpuHost = createNodeGpuHost();
    const finder = new ModelFinder(this.#parts);
    const session = new PlanSession(
      {
        findModels: (found) => finder.find(found),
        readGpus: (signal) => readGpus(gpuHost, signal),
        ollamaVersion: () => finder.ollamaVersion,
        pickFile: () => finder.pickFile(),
        copy: (text) => void vscode.env.clipboard.writeText(text),
        keep: (kept) => void workspaceState.update(choiceKey, kept),
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
