import * as vscode from 'vscode';
import { parsePlanChange, parsePlanMessage } from '../../protocol/planMessages.ts';
import type { PlanChoice } from '../../protocol/planState.ts';
import type { CalibrationFile } from '../../core/fit/calibrationFile.ts';
import { nodeOllamaTraces, readOllamaEnvironment } from '../../core/fit/ollamaEnvironment.ts';
import { createNodeGpuHost } from '../../core/gpu/nodeGpuHost.ts';
import { isForwarded, readServerUse, type ServerUse } from '../../core/gpu/serverUse.ts';
import { errorText } from '../../core/util/errorText.ts';
import type { GpuIndicator } from '../gpu/gpuIndicator.ts';
import { showWebviewPage } from '../webviewPage.ts';
import { ModelFinder, type ModelFinderParts } from './modelFinder.ts';
import { PlanSession } from './planSession.ts';
import type { Machine } from './planTarget.ts';

export interface PlanPanelsParts extends ModelFinderParts {
  readonly context: Pick<vscode.ExtensionContext, 'extensionUri' | 'workspaceState'>;
  readonly gpu: () => Promise<GpuIndicator>;
  readonly measuredLoads: () => Promise<CalibrationFile>;
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
        readMachine: () => this.#readMachine(finder),
        servers: () => finder.here,
        pickFile: () => finder.pickFile(),
        copy: (text) => void vscode.env.clipboard.writeText(text),
        forget: (of) => this.#forget(of),
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

  async #forget(of: string): Promise<void> {
    const file = await this.#parts.measuredLoads();
    try {
      await file.forget(of);
    } catch (error) {
      void vscode.window.showErrorMessage(`A2IA: ${file.path} cannot be written. ${errorText(error)}`);
    }
  }

  async #readMachine(finder: ModelFinder): Promise<Machine> {
    const { gpu, measuredLoads } = this.#parts;
    const [reading, calibrations, use] = await Promise.all([
      gpu().then((indicator) => indicator.read(justNowMs)),
      measuredLoads().then((file) => file.read()),
      this.#ollamaUse(finder),
    ]);
    const isOwn = use?.isHere && !(reading?.state === 'gpus' && isForwarded(use, reading.gpus));
    const environment = isOwn ? await readOllamaEnvironment(nodeOllamaTraces(createNodeGpuHost())) : undefined;
    return { reading, loaded: isOwn ? use.models : [], environment, calibrations };
  }

  /** Also where another server is in use; only of one that was found, so that nobody is asked for leave. */
  async #ollamaUse(finder: ModelFinder): Promise<ServerUse | undefined> {
    const { registry, settings } = this.#parts;
    if (!finder.here.ollama) return undefined;
    const client = registry.client('ollama', settings.current());
    return readServerUse(client, AbortSignal.timeout(lookLimitMs)).catch(() => undefined);
  }
}

const lookLimitMs = 5000;
/** Whoever looks again wants to see what is, also a moment after the last look. */
const justNowMs = 0;
