import type { BackendStatus, LLMClient } from '../../core/clients/llmClient.ts';
import { toBackendError } from '../../core/clients/failures.ts';
import type { BackendRegistry, Choice } from '../../core/clients/registry.ts';
import { configuredModel, type Settings } from '../../core/settings/settings.ts';
import type { ModelView } from '../../protocol/panelState.ts';
import type { EditorSettings } from '../editorSettings.ts';
import type { StatusBar } from '../statusBar.ts';

export interface ModelWatchParts {
  readonly registry: BackendRegistry;
  readonly settings: EditorSettings;
  readonly statusBar: StatusBar;
  readonly onChange: () => void;
}

/** So long a server may take to say how it is. */
const lookLimitMs = 5000;
const slowText = `The server has not said within ${lookLimitMs / 1000} seconds how it is. It may be busy: ask all the same, or check the connection.`;
/** Who types makes it look again after this time; what was seen counts for so long, since another model can be loaded then. */
const lookAgainMs = 10_000;
const longestChosenMs = 60_000;

/** Who would answer now, and how it is. Looks when it is asked to, and never while nobody sees the panel: no server is polled. */
export class ModelWatch {
  readonly #parts: ModelWatchParts;
  #view: ModelView;
  #choice: Choice | undefined;
  #contextTokens: number | undefined;
  #isVisible = false;
  /** For a question with these settings, if it comes soon. */
  #chosen: { readonly choice: Choice; readonly settings: string } | undefined;
  #lookedAtMs = 0;
  #looking: AbortController | undefined;

  constructor(parts: ModelWatchParts) {
    this.#parts = parts;
    this.#view = lookingView(parts.settings.current());
  }

  /** Somebody looks at the panel. */
  get isSeen(): boolean {
    return this.#isVisible;
  }

  get view(): ModelView {
    return this.#view;
  }

  get choice(): Choice | undefined {
    return this.#choice;
  }

  /** Undefined: the server does not tell, or was not asked yet. */
  get contextTokens(): number | undefined {
    return this.#contextTokens;
  }

  /** Who answers a question with these settings, as it was a moment ago. */
  chosen(settings: Settings): Choice | undefined {
    const chosen = this.#chosen;
    const isRecent = performance.now() - this.#lookedAtMs < longestChosenMs;
    return chosen && isRecent && chosen.settings === JSON.stringify(settings) ? chosen.choice : undefined;
  }

  setVisible(isVisible: boolean): void {
    this.#isVisible = isVisible;
    if (isVisible) this.look();
    else this.#looking?.abort();
  }

  /** Somebody else may answer now. */
  lookAnew(): void {
    this.#choice = undefined;
    this.#contextTokens = undefined;
    this.#view = lookingView(this.#parts.settings.current());
    this.#parts.onChange();
    this.look();
  }

  /** Somebody types: when the question comes, it is known who answers. */
  lookAgain(): void {
    if (this.#isVisible && performance.now() - this.#lookedAtMs > lookAgainMs) void this.#look();
  }

  look(): void {
    this.#chosen = undefined;
    if (this.#isVisible) void this.#look();
  }

  dispose(): void {
    this.#looking?.abort();
  }

  async #look(): Promise<void> {
    const { registry, settings, statusBar, onChange } = this.#parts;
    this.#lookedAtMs = performance.now();
    this.#looking?.abort();
    const controller = new AbortController();
    this.#looking = controller;
    const unasked = registry.unasked(settings.current());
    if (unasked.length > 0) {
      this.#choice = undefined;
      this.#chosen = undefined;
      this.#view = unaskedView(settings.current(), unasked);
      return onChange();
    }
    const { signal } = controller;
    const limit = setTimeout(() => controller.abort(), lookLimitMs);
    const current = settings.current();
    try {
      const choice = await registry.choose(current, signal);
      const [status, about] = await Promise.all([choice.client.probe(signal), modelInfo(choice, signal)]);
      if (this.#looking !== controller) return;
      this.#choice = choice;
      this.#contextTokens = about?.contextWindowTokens;
      const isAnswering = status.state === 'ready' && !choice.isStandIn;
      this.#chosen = isAnswering ? chosenFor(current, choice, this.#contextTokens) : undefined;
      this.#view = viewOf(choice, status, about?.capabilities?.images);
      statusBar.show(choice);
    } catch (thrown) {
      if (this.#looking !== controller || !this.#isVisible) return;
      const { backend } = current;
      const error = toBackendError(thrown, backend === 'auto' ? undefined : backend);
      const detail = signal.aborted ? slowText : `${error.message} ${error.hint}`;
      this.#choice = undefined;
      this.#chosen = undefined;
      this.#view = { ...lookingView(current), state: 'notRunning', detail };
    } finally {
      clearTimeout(limit);
    }
    onChange();
  }
}

function chosenFor(settings: Settings, choice: Choice, contextTokens: number | undefined) {
  const known = contextTokens === undefined ? choice : { ...choice, contextTokens };
  return { settings: JSON.stringify(settings), choice: known };
}

/** What the server lists of it. It is not asked for its context window, for which some load the model. */
export async function modelInfo(
  { client, model }: { readonly client: LLMClient; readonly model: string },
  signal: AbortSignal,
) {
  const models = await client.listModels(signal).catch(() => []);
  return models.find(({ id }) => id === model || id === `${model}:latest`);
}

function lookingView(settings: Settings): ModelView {
  const { backend } = settings;
  const model = backend === 'auto' ? settings.model : (configuredModel(settings, backend) ?? '');
  return { backend, model, state: 'looking', detail: 'Looking for a model server.', takesImages: undefined };
}

function unaskedView(settings: Settings, origins: readonly string[]): ModelView {
  const detail = `This workspace names ${origins.join(' and ')}. Nothing is sent there before you agree: you are asked with your first question.`;
  return { ...lookingView(settings), state: 'notAsked', detail };
}

function viewOf({ client, model, reason }: Choice, status: BackendStatus, takesImages: boolean | undefined): ModelView {
  const common = { backend: client.backend, model, takesImages };
  switch (status.state) {
    case 'ready':
      return { ...common, state: 'ready', detail: [reason, status.detail].filter(Boolean).join(' ') };
    case 'loading':
      return { ...common, state: 'loading', detail: status.detail };
    case 'unavailable':
      return { ...common, state: 'notRunning', detail: `${status.reason} ${status.hint}` };
  }
}
