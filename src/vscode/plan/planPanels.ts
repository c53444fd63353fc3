import * as vscode from 'vscode';
import { parsePlanChange, parsePlanMessage } from '../../protocol/planMessages.ts';
import type { PlanChoice } from '../../protocol/planState.ts';
import type { GpuIndicator } from '../gpu/gpuIndicator.ts';
import { showWebviewPage } from '../webviewPage.ts';
import { ModelFinder, type ModelFinderParts } from './modelFinder.ts';
import { PlanSession, type MachineGpus } from './planSession.ts';

export interface PlanPanelsParts extends ModelFinderParts {
  readonly context: Pick<vscode.ExtensionContext, 'extensionUri' | 'workspaceState'>;
  readonly gpu: () => Promise<GpuIndicator>;
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
    const finder = new ModelFinder(this.#parts);
    const session = new PlanSession(
      {
        findModels: (found, signal) => finder.find(found, signal),
        source: (id) => finder.source(id),
        readGpus: () => this.#readGpus(),
        ollama: () => finder.ollama,
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

  async #readGpus(): Promise<MachineGpus> {
    const indicator = await this.#parts.gpu();
    const reading = await indicator.read();
    const { server } = indicator.latest ?? {};
    const loaded = server?.backend === 'ollama' ? server.models : [];
    return { reading, evictedBytes: loaded.reduce((bytes, { vramBytes = 0 }) => bytes + vramBytes, 0) };
  }
}
