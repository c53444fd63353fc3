import * as vscode from 'vscode';
import { toBackendError } from '../../core/clients/failures.ts';
import type { BackendRegistry } from '../../core/clients/registry.ts';
import { settingsFor } from '../../core/completion/completionChoice.ts';
import { findFimModels, type FimModel } from '../../core/completion/fimModels.ts';
import type { CoreHost } from '../../core/host.ts';
import { backendModelText, type BackendModel } from '../../core/settings/settings.ts';
import { errorText } from '../../core/util/errorText.ts';
import { openSetting, writeUserSettings, type EditorSettings } from '../editorSettings.ts';
import { nextStepButton, problemButtons, type ProblemActions } from '../problems.ts';
import type { Completion } from './completion.ts';
import { completionSentence } from './completionState.ts';

export interface CompletionMenuParts {
  readonly host: CoreHost;
  readonly registry: BackendRegistry;
  readonly settings: EditorSettings;
  readonly actions: Omit<ProblemActions, 'retry'>;
  /** Undefined while completion is off. */
  readonly completion: () => Completion | undefined;
}

interface Item extends vscode.QuickPickItem {
  readonly run?: () => unknown;
}

/** What can be done about completion, in the order in which it is likely to be wanted. */
export async function showCompletionMenu(parts: CompletionMenuParts): Promise<void> {
  const { settings } = parts;
  const completion = parts.completion();
  const { mode } = settings.current().completion;
  if (!completion || mode === 'off') return chooseCompletionModel(parts);
  const { state, pause } = completion;
  const sentence = completionSentence(state, pause);
  const [first, ...others] = remedies(parts, completion);
  const picked = await vscode.window.showQuickPick<Item>(
    [
      // A box cuts what is too long for it.
      ...(first ? [{ ...first, detail: sentence }, ...others] : []),
      pause === 'none'
        ? { label: '$(debug-pause) Pause', run: () => completion.pauseNow() }
        : { label: '$(debug-start) Resume', run: () => completion.resume() },
      { label: '$(hubot) Choose Another Model …', run: () => chooseCompletionModel(parts) },
      ...languageItem(settings),
      { label: '$(settings-gear) Open Settings', run: () => openSetting('a2ia.completion') },
      { label: '$(circle-slash) Turn Off', run: () => save({ 'a2ia.completion.mode': 'off' }) },
    ],
    { title: 'A2IA: Code Completion', placeHolder: first ? 'What is to be done?' : sentence },
  );
  await picked?.run?.();
}

/** What is wrong, with what helps. */
function remedies(parts: CompletionMenuParts, completion: Completion): readonly Item[] {
  const { host, actions } = parts;
  const { state } = completion;
  switch (state.is) {
    case 'mustAsk':
      return [
        {
          label: `$(check) Allow ${state.origin} …`,
          run: async () => (await host.mayContact(state.origin)) && completion.look(),
        },
      ];
    case 'needsDownload':
      return [{ label: `$(cloud-download) Download ${state.displayName} …`, run: () => use(parts, state.named, true) }];
    case 'cannotFill':
      return state.alternatives.slice(0, 3).map((model) => modelItem(parts, model));
    case 'failed': {
      const retry = () => void completion.look();
      const chooseModel = () => void chooseCompletionModel(parts);
      const buttons = problemButtons(state.error, { ...actions, chooseModel, retry });
      // Nothing of completion is in the log.
      const others = buttons.filter(({ label }) => label !== 'Ask Again' && label !== 'Show Log');
      return [
        { label: '$(refresh) Try Again', run: retry },
        ...others.map(({ label, run }) => ({ label: `$(wrench) ${label}`, run })),
      ];
    }
    case 'ready':
    case 'idle':
    case 'looking':
      return [];
  }
}

function languageItem(settings: EditorSettings): readonly Item[] {
  const language = vscode.window.activeTextEditor?.document.languageId;
  if (language === undefined) return [];
  const { excludedLanguages } = settings.current().completion;
  const isExcluded = excludedLanguages.includes(language);
  const others = excludedLanguages.filter((one) => one !== language);
  return [
    {
      label: isExcluded ? `$(check) Complete ${language} Too` : `$(exclude) Leave Out ${language}`,
      run: () => save({ 'a2ia.completion.excludedLanguages': isExcluded ? others : [...others, language] }),
    },
  ];
}

/** Every model that completes code, of every server that was found; a choice turns completion on. */
export async function chooseCompletionModel(parts: CompletionMenuParts): Promise<void> {
  const { registry, settings } = parts;
  const box = vscode.window.createQuickPick<Item>();
  const closed = new AbortController();
  box.title = 'A2IA: Choose Completion Model';
  box.placeholder = 'Looking for models that complete code …';
  box.matchOnDescription = true;
  box.busy = true;
  box.onDidHide(() => {
    closed.abort();
    box.dispose();
  });
  box.onDidAccept(() => {
    const [item] = box.selectedItems;
    box.hide();
    void item?.run?.();
  });
  box.show();
  const models = await findFimModels(registry, settings.current(), closed.signal).catch(() => []);
  if (closed.signal.aborted) return;
  const isThere = models.some(({ needsDownload }) => !needsDownload);
  box.items = [...(isThere ? [] : [adviceItem]), ...models.map((model) => modelItem(parts, model))];
  box.placeholder = isThere
    ? 'Which model completes code? Smaller ones answer sooner.'
    : 'No model that completes code was found on your servers.';
  box.busy = false;
}

/** A model that others use for this, and that every size of computer runs. */
const fetchCommand = 'ollama pull qwen2.5-coder:1.5b-base';

const adviceItem: Item = {
  label: `$(terminal) ${fetchCommand}`,
  description: 'for Ollama: fetch one that completes code',
  run: () => nextStepButton({ do: 'startServer', command: fetchCommand }, noActions).run(),
};

/** A command needs none of them. */
const noActions = {
  chooseModel: () => undefined,
  enterKey: () => Promise.resolve(false),
  retry: () => undefined,
  showLog: () => undefined,
};

function modelItem(parts: CompletionMenuParts, model: FimModel): Item {
  const { displayName, backend, sizeBytes, isLoaded, needsDownload } = model;
  const size = sizeBytes ? `${(sizeBytes / 1e9).toFixed(1)} GB` : '';
  const state = needsDownload ? 'will be downloaded' : isLoaded ? 'loaded' : '';
  return {
    label: `$(zap) ${displayName}`,
    description: [backend, size, state].filter(Boolean).join(' · '),
    run: () => use(parts, model, needsDownload),
  };
}

/** From now on, in this window at once. */
async function use(parts: CompletionMenuParts, named: BackendModel, needsDownload: boolean): Promise<void> {
  const { registry, settings, completion } = parts;
  const current = settings.current();
  if (needsDownload) {
    try {
      const client = registry.client(named.backend, settingsFor(current, named));
      await client.load?.(named.model, new AbortController().signal);
    } catch (thrown) {
      const { message, hint } = toBackendError(thrown, named.backend);
      return void vscode.window.showErrorMessage(`A2IA: ${message} ${hint}`);
    }
  }
  const isOff = current.completion.mode === 'off';
  await save({
    'a2ia.completion.model': backendModelText(named),
    ...(isOff ? { 'a2ia.completion.mode': 'automatic' } : {}),
  });
  // Who was downloaded has the same name as before, so that no setting has changed.
  if (needsDownload) await completion()?.look();
}

async function save(values: Readonly<Record<string, unknown>>): Promise<void> {
  try {
    await writeUserSettings(values);
  } catch (error) {
    void vscode.window.showErrorMessage(`A2IA: the choice could not be saved. ${errorText(error)}`);
  }
}
