import * as vscode from 'vscode';
import { suggestionsFor, type OpenFile, type Suggestion } from '../../core/chat/commandPrompts.ts';
import { embeddedModels } from '../../core/embedded/catalogue.ts';
import type { LLMClient, ModelInfo } from '../../core/clients/llmClient.ts';
import type { BackendRegistry, Finding } from '../../core/clients/registry.ts';
import type { GpuReading } from '../../core/gpu/gpuReading.ts';
import { freeMemory } from '../../core/gpu/gpuText.ts';
import { configuredModel, type Settings } from '../../core/settings/settings.ts';
import { fileSize } from '../../core/util/fileSize.ts';
import { errorText } from '../../core/util/errorText.ts';
import type { FoundView, WelcomeView } from '../../protocol/panelState.ts';
import { openSetting, writeSettings, type EditorSettings } from '../editorSettings.ts';
import { chooseEmbedded } from '../embeddedChoice.ts';
import { settingOf, worthShowing } from '../modelPicker.ts';
import type { Button } from '../problems.ts';
import { selectedPiece } from '../selectedPiece.ts';
import type { EditorSource } from './context/editorSource.ts';

export interface WelcomeParts {
  readonly registry: BackendRegistry;
  readonly settings: EditorSettings;
  readonly editors: EditorSource;
  readonly readGpus: () => Promise<GpuReading | undefined>;
  readonly onChange: () => void;
  /** The user wants to be asked about an origin that the workspace names. */
  readonly onConsent: (origin: string) => void;
  readonly onFailure: (what: string) => void;
}

/** A selection is finished when it has stayed for so long. */
const selectionDelayMs = 300;

/** What an empty conversation shows: who could answer here, and questions about the file that is open. Looks only while it is seen. */
export class WelcomeState {
  readonly #parts: WelcomeParts;
  readonly #following: readonly vscode.Disposable[];
  #found: readonly FoundView[] | undefined;
  #gpu: FoundView | undefined;
  #buttons: readonly (Button | undefined)[] = [];
  #suggestions: readonly Suggestion[] = [];
  #timer: NodeJS.Timeout | undefined;
  #isSeen = false;
  #looking: AbortController | undefined;

  constructor(parts: WelcomeParts) {
    this.#parts = parts;
    this.#following = [
      vscode.window.onDidChangeActiveTextEditor(() => this.#suggestSoon(0)),
      vscode.window.onDidChangeTextEditorSelection(() => this.#suggestSoon(selectionDelayMs)),
    ];
  }

  get view(): WelcomeView {
    const suggestions = this.#suggestions.map(({ label, text }) => ({ label, text }));
    return { found: this.#found && [...this.#found, ...(this.#gpu ? [this.#gpu] : [])], suggestions };
  }

  setSeen(isSeen: boolean): void {
    if (isSeen === this.#isSeen) return;
    this.#isSeen = isSeen;
    if (isSeen) this.look();
    else this.#looking?.abort();
  }

  look(): void {
    if (!this.#isSeen) return;
    void this.#survey();
    void this.#lookAtGpu();
    void this.#suggest();
  }

  press(buttonId: string): void {
    this.#buttons[Number(buttonId)]?.run();
  }

  /** Undefined when it was offered for something else, and is out of date. */
  suggestion(text: string): Suggestion | undefined {
    return this.#suggestions.find((one) => one.text === text);
  }

  dispose(): void {
    this.#looking?.abort();
    clearTimeout(this.#timer);
    for (const following of this.#following) following.dispose();
  }

  async #survey(): Promise<void> {
    const { registry, settings, onChange } = this.#parts;
    this.#looking?.abort();
    const { signal } = (this.#looking = new AbortController());
    const current = settings.current();
    try {
      const findings = worthShowing(await registry.survey(current, signal, { isQuiet: true }), current);
      const items = await Promise.all(findings.map((finding) => this.#item(finding, current, signal)));
      if (signal.aborted) return;
      this.#buttons = items.map(({ button }) => button);
      this.#found = items.map(({ view, button }, index): FoundView => {
        return { ...view, button: button && { id: String(index), label: button.label } };
      });
    } catch {
      if (signal.aborted) return;
      this.#found = [];
    }
    onChange();
  }

  /** By itself: neither waits for the other. */
  async #lookAtGpu(): Promise<void> {
    const reading = await this.#parts.readGpus().catch(() => undefined);
    this.#gpu = reading && gpuView(reading);
    this.#parts.onChange();
  }

  async #item(finding: Finding, settings: Settings, signal: AbortSignal): Promise<Item> {
    const { client, status, isUnasked } = finding;
    const { backend } = client;
    if (isUnasked) return this.#unasked(client);
    if (status.state !== 'ready') {
      const detail = status.state === 'loading' ? status.detail : `${status.reason} ${status.hint}`;
      const button = { label: 'Open Setting', run: () => void openSetting(settingOf[backend]) };
      const label = status.state === 'loading' ? status.server : backend;
      return {
        view: { backend, label, detail, isReady: false },
        button: status.state === 'loading' ? undefined : button,
      };
    }
    const models = await client.listModels(signal).catch((): readonly ModelInfo[] => []);
    if (backend === 'embedded') return this.#embedded(models, settings);
    const server = [status.server, status.version].filter(Boolean).join(' ');
    const names = models.map(({ displayName, id }) => displayName ?? id);
    const more = names.length > 3 ? ` and ${names.length - 3} more` : '';
    const detail = names.length > 0 ? `${names.slice(0, 3).join(', ')}${more}` : 'No model yet.';
    const use = settings.backend === backend ? undefined : this.#use(backend);
    return { view: { backend, label: server, detail, isReady: models.length > 0 }, button: use };
  }

  #unasked({ backend, endpoint }: LLMClient): Item {
    const { origin } = new URL(endpoint);
    const detail = 'This workspace names it. Nothing was sent there yet.';
    const button = { label: 'Allow…', run: () => this.#parts.onConsent(origin) };
    return { view: { backend, label: `${backend} at ${origin}`, detail, isReady: false }, button };
  }

  /** A model inside A2IA: nothing has to be set up, but it has to be fetched once. */
  #embedded(models: readonly ModelInfo[], settings: Settings): Item {
    const wanted = configuredModel(settings, 'embedded');
    const model = models.find(({ id }) => id === wanted) ?? models[0];
    const label = `${model?.displayName ?? 'A model'}, inside A2IA`;
    const isThere = model !== undefined && (model.contextWindowTokens !== undefined || !isCatalogued(model));
    if (!model || isThere) {
      const button = settings.backend === 'embedded' ? undefined : this.#use('embedded');
      return { view: { backend: 'embedded', label, detail: 'On the CPU. Needs no server.', isReady: true }, button };
    }
    const size = model.sizeBytes === undefined ? '' : ` (${fileSize(model.sizeBytes)})`;
    const detail = 'On the CPU. Needs no server, and is downloaded once.';
    const fetch = async () => {
      await chooseEmbedded(this.#parts.registry, this.#parts.settings);
      this.look();
    };
    const button = { label: `Download${size}`, run: () => void fetch() };
    return { view: { backend: 'embedded', label, detail, isReady: false }, button };
  }

  #use(backend: Settings['backend']): Button {
    const { onFailure } = this.#parts;
    const failed = (error: unknown) => onFailure(errorText(error));
    return { label: 'Use this', run: () => void writeSettings({ 'a2ia.backend': backend }).catch(failed) };
  }

  #suggestSoon(delayMs: number): void {
    clearTimeout(this.#timer);
    if (this.#isSeen) this.#timer = setTimeout(() => void this.#suggest(), delayMs);
  }

  async #suggest(): Promise<void> {
    const { editors, onChange } = this.#parts;
    const editor = editors.editor;
    const suggestions = editor ? suggestionsFor(await openFile(editor)) : [];
    if (editors.editor !== editor) return;
    this.#suggestions = suggestions;
    onChange();
  }
}

interface Item {
  readonly view: Omit<FoundView, 'button'>;
  readonly button: Button | undefined;
}

/** That there is none matters to nobody here. */
function gpuView(reading: GpuReading): FoundView | undefined {
  const view = { backend: 'gpu', button: undefined } as const;
  switch (reading.state) {
    case 'gpus': {
      const names = new Set(reading.gpus.map(({ name }) => name));
      const detail = reading.gpus.map(freeMemory).join(', ');
      return { ...view, label: [...names].join(', '), detail, isReady: true };
    }
    case 'asleep':
      return { ...view, label: reading.name ?? 'GPU', detail: 'Switched off to save power.', isReady: true };
    case 'failed':
      return { ...view, label: 'GPU', detail: `${reading.message} ${reading.hint}`, isReady: false };
    case 'none':
      return undefined;
  }
}

function isCatalogued({ id }: ModelInfo): boolean {
  return embeddedModels.some((model) => model.id === id);
}

const namedKinds: readonly vscode.SymbolKind[] = [
  vscode.SymbolKind.Class,
  vscode.SymbolKind.Function,
  vscode.SymbolKind.Method,
  vscode.SymbolKind.Interface,
];

async function openFile({ document, selection }: vscode.TextEditor): Promise<OpenFile> {
  const { uri, languageId } = document;
  const problems = vscode.languages
    .getDiagnostics(uri)
    .filter(({ severity }) => severity <= vscode.DiagnosticSeverity.Warning);
  const found = await vscode.commands
    .executeCommand<readonly vscode.DocumentSymbol[] | undefined>('vscode.executeDocumentSymbolProvider', uri)
    .then(
      (symbols) => symbols ?? [],
      () => [],
    );
  return {
    languageId,
    label: vscode.workspace.asRelativePath(uri),
    symbols: found.filter(({ kind }) => namedKinds.includes(kind)).map(({ name }) => name),
    problemCount: problems.length,
    ...(selection.isEmpty ? {} : { selectionLabel: selectedPiece(document, selection).label }),
  };
}
