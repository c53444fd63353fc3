import * as vscode from 'vscode';
import { BackendRegistry } from '../core/clients/registry.ts';
import type { CalibrationFile } from '../core/fit/calibrationFile.ts';
import type { LoadCalibration } from '../core/fit/loadCalibration.ts';
import type { GpuSnapshot } from '../core/gpu/gpuText.ts';
import type { CoreHost } from '../core/host.ts';
import { AskCommand } from './ask.ts';
import { AskInput } from './askInput.ts';
import type { Chat } from './chat/chat.ts';
import type { ChatCommands } from './chat/chatCommands.ts';
import type { CommitMessageCommand } from './chat/commitMessageCommand.ts';
import { windowId } from './chat/windowId.ts';
import { completionCommands, type CompletionCommands } from './completion/completionCommands.ts';
import type { ChangeSets } from './edit/changeSets.ts';
import type { Edits } from './edit/edits.ts';
import { createEditorHost, enterKey } from './editorHost.ts';
import type { EditorSettings } from './editorSettings.ts';
import { chooseEmbedded } from './embeddedChoice.ts';
import type { GpuIndicator } from './gpu/gpuIndicator.ts';
import { pickModel, type Badges } from './modelPicker.ts';
import type { PlanPanels } from './plan/planPanels.ts';
import type { StatusBar } from './statusBar.ts';

export interface CommandParts {
  readonly context: vscode.ExtensionContext;
  readonly log: vscode.LogOutputChannel;
  readonly settings: EditorSettings;
  readonly statusBar: StatusBar;
  readonly gpu: () => Promise<GpuIndicator>;
}

export interface Commands {
  readonly host: CoreHost;
  readonly registry: BackendRegistry;
  readonly ask: AskCommand;
  readonly chat: () => Promise<Chat>;
  readonly chatCommands: () => Promise<ChatCommands>;
  readonly commitMessage: () => Promise<CommitMessageCommand>;
  readonly plans: () => Promise<PlanPanels>;
  readonly edits: () => Promise<Edits>;
  /** What an answer changes in several files. */
  readonly changes: () => Promise<ChangeSets>;
  /** Code that is completed as one types; made when it is turned on. */
  readonly completion: CompletionCommands;
  /** What has to be done before the window goes. */
  readonly close: () => Promise<void>;
  /** The answer in the document the user is in, else all. */
  readonly stop: () => void;
  readonly switchModel: () => Promise<unknown>;
  /** The way to an answer that needs nothing to be set up. */
  readonly useEmbedded: () => Promise<unknown>;
  /** For one of the addresses in the settings, which the user chooses. */
  readonly setApiKey: () => Promise<unknown>;
  readonly checkConnection: (backend: unknown) => Promise<unknown>;
  /** Of a text or an explanation that is given, else of what the user has selected or chooses. */
  readonly explainOutOfMemory: (given: unknown) => Promise<unknown>;
  /** What was seen to be loaded. */
  readonly noteLoad: (seen: GpuSnapshot) => Promise<unknown>;
  /** What loads of this machine took beyond their plans, for the next plans. */
  readonly measuredLoads: () => Promise<CalibrationFile>;
  /** Lists them, and forgets those that the user picks. */
  readonly showMeasuredLoads: () => Promise<unknown>;
}

/** Makes, once and by hand, everything that the commands need; `context.subscriptions` owns it. No network and no process is touched. */
export function createCommands({ context, log, settings, statusBar, gpu }: CommandParts): Commands {
  const host: CoreHost = {
    ...createEditorHost(context, settings, log),
    usefulContext: async (question, signal) => (await gpu()).usefulContext(question, signal),
  };
  const registry = new BackendRegistry(host);
  const badges: Badges = async (client, models, signal) => {
    const { modelBadges } = await import('./gpu/modelBadges.ts');
    return modelBadges(await gpu(), settings.current(), client, models, signal);
  };
  const switchModel = () => pickModel({ registry, settings: settings.current(), badges });
  const askForKey = async (origin: string | undefined) => {
    const target = origin ?? (await pickOrigin(settings));
    return target !== undefined && enterKey(context, target);
  };
  const actions = { chooseModel: () => void switchModel(), enterKey: askForKey, showLog: () => log.show() };
  /** Most windows need few of these: each is loaded and made with its first use. */
  const atFirstUse = <Made extends vscode.Disposable>(make: () => Promise<Made>) => {
    let made: Promise<Made> | undefined;
    return () =>
      (made ??= make().then((it) => {
        context.subscriptions.push(it);
        return it;
      }));
  };
  const check = atFirstUse(async () => {
    const { ConnectionCheck } = await import('./connectionCheck.ts');
    return new ConnectionCheck({ host, registry, settings, actions });
  });
  const checkConnection = async (backend: unknown) => (await check()).run(backend);
  const useEmbedded = () => chooseEmbedded(registry, settings);
  const unloadOthers = async () => (await import('./fit/unloadOthers.ts')).unloadOthers(registry, settings);
  const explainer = atFirstUse(async () => {
    const { OutOfMemoryExplainer } = await import('./fit/outOfMemoryExplainer.ts');
    return new OutOfMemoryExplainer({ unloadOthers });
  });
  const explainOutOfMemory = async (given: unknown) => (await explainer()).run(given);
  let madeFile: Promise<CalibrationFile> | undefined;
  const measuredLoads = () =>
    (madeFile ??= import('../core/fit/calibrationFile.ts').then((made) => made.ownCalibrationFile(process.env)));
  let madeCalibration: Promise<LoadCalibration> | undefined;
  const calibration = () =>
    (madeCalibration ??= import('../core/fit/loadCalibration.ts').then(async ({ createLoadCalibration }) =>
      createLoadCalibration({ file: await measuredLoads(), settings: () => settings.current(), host }),
    ));
  const problemActions = {
    ...actions,
    checkConnection: (backend: unknown) => void checkConnection(backend),
    memory: {
      explain: (explanation: unknown) => void explainOutOfMemory(explanation),
      unloadOthers: () => void unloadOthers(),
    },
  };
  let madeChat: Chat | undefined;
  const chat = atFirstUse(async () => {
    const { Chat } = await import('./chat/chat.ts');
    madeChat = new Chat({
      windowId: windowId(context.workspaceState),
      context,
      registry,
      settings,
      statusBar,
      log,
      actions: problemActions,
      mayContact: (origin) => host.mayContact(origin),
      apply: async (code, editor, wish) => (await edits()).apply(code, editor, wish),
      review: async (answer, wish) => (await changes()).review(answer, wish),
      readGpus: async () => (await gpu()).read(),
      badges,
    });
    return madeChat;
  });
  const chatCommands = async () => {
    const { ChatCommands } = await import('./chat/chatCommands.ts');
    return new ChatCommands(await chat());
  };
  const commitMessage = atFirstUse(async () => {
    const { CommitMessageCommand } = await import('./chat/commitMessageCommand.ts');
    return new CommitMessageCommand({ registry, settings, log, actions: problemActions });
  });
  const plans = atFirstUse(async () => {
    const { PlanPanels } = await import('./plan/planPanels.ts');
    return new PlanPanels({ context, host, registry, settings, gpu, measuredLoads });
  });
  let madeEdits: Edits | undefined;
  const edits = atFirstUse(async () => {
    const { createEdits } = await import('./edit/createEdits.ts');
    madeEdits = createEdits({ context, registry, settings, statusBar, log, actions: problemActions });
    return madeEdits;
  });
  const changes = atFirstUse(async () => {
    const { createChangeSets } = await import('./edit/createEdits.ts');
    return createChangeSets({ context, edits: await edits(), log });
  });
  const completion = completionCommands({ context, host, registry, settings, actions: problemActions });
  const close = async () => madeChat?.close();
  const stop = () => {
    if (madeEdits?.stopHere() || ask.stop()) return;
    madeEdits?.stopAll();
    madeChat?.stop();
  };
  const ask = new AskCommand({
    registry,
    settings,
    statusBar,
    log,
    input: new AskInput(context.workspaceState),
    actions: problemActions,
  });
  context.subscriptions.push(ask, registry);
  return {
    host,
    registry,
    ask,
    chat,
    chatCommands,
    commitMessage,
    plans,
    edits,
    changes,
    completion,
    close,
    stop,
    switchModel,
    useEmbedded,
    setApiKey: () => askForKey(undefined),
    checkConnection,
    explainOutOfMemory,
    noteLoad: async (seen) => (await calibration()).note(seen),
    measuredLoads,
    showMeasuredLoads: async () => (await import('./fit/measuredLoads.ts')).showMeasuredLoads(await measuredLoads()),
  };
}

/** A key belongs to one of the addresses in the settings. */
async function pickOrigin(settings: EditorSettings): Promise<string | undefined> {
  const { ollamaUrl, vllmUrl, openaiCompatibleUrl, openaiUrl, anthropicUrl } = settings.current();
  const urls = [vllmUrl, openaiCompatibleUrl, ollamaUrl, openaiUrl, anthropicUrl];
  const origins = new Set(urls.filter(Boolean).map((url) => new URL(url).origin));
  return vscode.window.showQuickPick([...origins], {
    title: 'A2IA: Set API Key',
    placeHolder: 'The key of which server?',
  });
}
