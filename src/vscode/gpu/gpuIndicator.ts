import * as vscode from 'vscode';
import type { LLMClient } from '../../core/clients/llmClient.ts';
import type { BackendRegistry } from '../../core/clients/registry.ts';
import type { CalibrationFile } from '../../core/fit/calibrationFile.ts';
import type { OllamaFits } from '../../core/fit/ollamaFits.ts';
import type { GpuHost } from '../../core/gpu/gpuHost.ts';
import { GpuMonitor } from '../../core/gpu/gpuMonitor.ts';
import type { GpuReading, GpuState } from '../../core/gpu/gpuReading.ts';
import type { GpuSnapshot } from '../../core/gpu/gpuText.ts';
import { createNodeGpuHost } from '../../core/gpu/nodeGpuHost.ts';
import { cpuShare, leastCpuShare, readServerUse, type ServerUse } from '../../core/gpu/serverUse.ts';
import type { ContextQuestion } from '../../core/gpu/usefulContext.ts';
import type { CoreHost } from '../../core/host.ts';
import type { EditorSettings } from '../editorSettings.ts';
import type { StatusBar } from '../statusBar.ts';
import { GpuItem } from './gpuItem.ts';

export interface GpuIndicatorParts {
  readonly settings: EditorSettings;
  readonly statusBar: StatusBar;
  readonly host: GpuHost;
  /** Made only on a machine with a GPU, or when somebody asks. */
  readonly backends: () => Promise<Backends>;
}

export interface Backends {
  /** What loads of this machine took beyond their plans. */
  readonly measuredLoads: () => Promise<Pick<CalibrationFile, 'read'>>;
  readonly host: CoreHost;
  readonly registry: BackendRegistry;
}

/** As the extension makes it. */
export function createGpuIndicator(parts: Omit<GpuIndicatorParts, 'host'>): GpuIndicator {
  return new GpuIndicator({ ...parts, host: createNodeGpuHost() });
}

/** For the chat: younger than this is as good as now. */
const recentMs = 30_000;
/** Before a load. */
const justNowMs = 3_000;

/** A card sleeps when nobody uses it, and a load wakes it anyway. */
function unused(gpu: GpuState): GpuState {
  return gpu.totalBytes === undefined ? gpu : { ...gpu, usedBytes: 0, freeBytes: gpu.totalBytes };
}

/** GPU memory in this window: when it is looked at, and whether the status bar shows it. */
export class GpuIndicator {
  readonly #parts: GpuIndicatorParts;
  readonly #item = new GpuItem();
  readonly #monitor: GpuMonitor;
  readonly #following: readonly vscode.Disposable[];
  #fits: OllamaFits | undefined;
  /** The cards when they were last awake. */
  #awake: readonly GpuState[] | undefined;
  readonly #looked = new vscode.EventEmitter<GpuSnapshot>();
  readonly onDidLook = this.#looked.event;
  /** Somebody has asked for it in this window. */
  #isAsked = false;

  constructor(parts: GpuIndicatorParts) {
    this.#parts = parts;
    this.#monitor = new GpuMonitor({
      host: parts.host,
      readServer: (signal) => this.#readServer(signal),
      fittingTokens: (server, reading, signal) => this.#fittingTokens(server, reading, signal),
      startTimer: (delayMs, run) => {
        const timer = setTimeout(run, delayMs);
        return () => clearTimeout(timer);
      },
      onChange: (snapshot) => {
        if (snapshot.reading.state === 'gpus') this.#awake = snapshot.reading.gpus;
        this.#show();
        this.#looked.fire(snapshot);
      },
    });
    this.#following = [
      vscode.window.onDidChangeWindowState(() => this.#watch()),
      parts.statusBar.onDidChangeAnswering((isAnswering) => this.#monitor.setBusy(isAnswering)),
      vscode.workspace.onDidChangeConfiguration((event) => {
        if (event.affectsConfiguration('a2ia.gpuMemory')) this.#show();
      }),
    ];
    this.#watch();
  }

  get latest(): GpuSnapshot | undefined {
    return this.#monitor.latest;
  }

  /** The command A2IA: Show GPU Memory: in the status bar from now on, and what can be done about it. */
  async show(): Promise<GpuSnapshot> {
    this.#isAsked = true;
    const { showGpuMenu } = await import('./gpuMenu.ts');
    const looking = this.refresh();
    void showGpuMenu(this, looking);
    return looking;
  }

  refresh(): Promise<GpuSnapshot> {
    return this.#monitor.refresh();
  }

  /** Undefined where the user wants no look. */
  async read(mostAgeMs = recentMs): Promise<GpuReading | undefined> {
    if (this.#mode() === 'never' && !this.#isAsked) return undefined;
    return (await this.#monitor.recent(mostAgeMs)).reading;
  }

  /** For every window, until it is asked for again. */
  async hide(): Promise<void> {
    this.#isAsked = false;
    await vscode.workspace.getConfiguration().update('a2ia.gpuMemory', 'never', vscode.ConfigurationTarget.Global);
    this.#show();
  }

  /** The planner, with what it remembers. */
  async fits(): Promise<OllamaFits> {
    const { host, measuredLoads } = await this.#parts.backends();
    const [{ OllamaFits, ownMachine }, file] = await Promise.all([
      import('../../core/fit/ollamaFits.ts'),
      measuredLoads(),
    ]);
    return (this.#fits ??= new OllamaFits(host, ownMachine(file, this.#parts.host)));
  }

  /** For `CoreHost`. Nothing where the user wants no look at the GPU. */
  async usefulContext(question: ContextQuestion, signal: AbortSignal): Promise<number | undefined> {
    if (this.#mode() === 'never' && !this.#isAsked) return undefined;
    const { reading } = await this.#monitor.recent(justNowMs);
    const gpus = reading.state === 'asleep' ? this.#awake?.map(unused) : reading.state === 'gpus' ? reading.gpus : [];
    if (!gpus?.length) return undefined;
    const { usefulContext } = await import('../../core/gpu/usefulContext.ts');
    return usefulContext(await this.fits(), gpus, question, signal);
  }

  async unload(model: string, signal: AbortSignal): Promise<void> {
    const client = await this.#client(signal);
    await client?.unload?.(model, signal);
  }

  dispose(): void {
    this.#monitor.dispose();
    vscode.Disposable.from(...this.#following, this.#looked, this.#item).dispose();
  }

  #mode() {
    return this.#parts.settings.current().gpuMemory;
  }

  /** On a machine without a GPU there is no item until somebody asks for one. */
  #show(): void {
    const mode = this.#mode();
    const { latest } = this.#monitor;
    const hasGpu = latest !== undefined && latest.reading.state !== 'none';
    const isWanted = this.#isAsked || mode === 'always' || (mode === 'auto' && hasGpu);
    if (isWanted && latest) this.#item.show(latest);
    else this.#item.hide();
    this.#watch();
  }

  /** Somebody may see it: nothing is started for a window that is behind others, or that nobody has touched for a while. */
  #watch(): void {
    const { focused, active } = vscode.window.state;
    this.#monitor.setWatched(focused && active && (this.#mode() !== 'never' || this.#isAsked));
  }

  /** Nobody is asked for leave by a look, and the model inside A2IA is nothing to look at while it is only a stand-in. */
  async #readServer(signal: AbortSignal): Promise<ServerUse | undefined> {
    const client = await this.#client(signal);
    return client && readServerUse(client, signal);
  }

  /** The planner is loaded for a model that is slow, and only then. */
  async #fittingTokens(server: ServerUse, reading: GpuReading, signal: AbortSignal) {
    if (!server.models.some((model) => (cpuShare(model) ?? 0) >= leastCpuShare)) return new Map<string, number>();
    const { fittingTokens } = await import('../../core/gpu/fittingTokens.ts');
    return fittingTokens(await this.fits(), this.#parts.settings.current(), server, reading, signal);
  }

  async #client(signal: AbortSignal): Promise<LLMClient | undefined> {
    const { registry } = await this.#parts.backends();
    const settings = this.#parts.settings.current();
    if (registry.unasked(settings).length > 0) return undefined;
    const { client } = await registry.chooseClient(settings, signal);
    return client.backend === 'embedded' && settings.backend === 'auto' ? undefined : client;
  }
}
