import * as vscode from 'vscode';
import { BackendRegistry } from '../core/clients/registry.ts';
import { AskCommand } from './ask.ts';
import { AskInput } from './askInput.ts';
import type { Chat } from './chat/chat.ts';
import type { ChatCommands } from './chat/chatCommands.ts';
import type { CommitMessageCommand } from './chat/commitMessageCommand.ts';
import type { ConnectionCheck } from './connectionCheck.ts';
import { createEditorHost, enterKey } from './editorHost.ts';
import type { EditorSettings } from './editorSettings.ts';
import type { OutOfMemoryExplainer } from './fit/outOfMemoryExplainer.ts';
import { chooseEmbedded } from './embeddedChoice.ts';
import type { GpuIndicator } from './gpu/gpuIndicator.ts';
import { pickModel } from './modelPicker.ts';
import type { StatusBar } from './statusBar.ts';

export interface CommandParts {
  readonly context: vscode.ExtensionContext;
  readonly log: vscode.LogOutputChannel;
  readonly settings: EditorSettings;
  readonly statusBar: StatusBar;
  readonly gpu: () => Promise<GpuIndicator>;
}

export interface Commands {
  readonly registry: BackendRegistry;
  readonly ask: AskCommand;
  readonly chat: () => Promise<Chat>;
  readonly chatCommands: () => Promise<ChatCommands>;
  readonly commitMessage: () => Promise<CommitMessageCommand>;
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
}

/** Makes, once and by hand, everything that the commands need; `context.subscriptions` owns it. No network and no process is touched. */
export function createCommands({ context, log, settings, statusBar, gpu }: CommandParts): Commands {
  const host = createEditorHost(context, settings, log);
  const registry = new BackendRegistry(host);
  const switchModel = () => pickModel(registry, settings.current());
  const askForKey = async (origin: string | undefined) => {
    const target = origin ?? (await pickOrigin(settings));
    return target !== undefined && enterKey(context, target);
  };
  const actions = { chooseModel: () => void switchModel(), enterKey: askForKey, showLog: () => log.show() };
  let check: Promise<ConnectionCheck> | undefined;
  const checkConnection = async (backend: unknown) => {
    // Most windows never need it.
    check ??= import('./connectionCheck.ts').then(({ ConnectionCheck }) => {
      const made = new ConnectionCheck({ host, registry, settings, actions });
      context.subscriptions.push(made);
      return made;
    });
    return (await check).run(backend);
  };
  const useEmbedded = () => chooseEmbedded(registry, settings);
  const unloadOthers = async () => (await import('./fit/unloadOthers.ts')).unloadOthers(registry, settings);
  let madeExplainer: Promise<OutOfMemoryExplainer> | undefined;
  const explainOutOfMemory = async (given: unknown) => {
    madeExplainer ??= import('./fit/outOfMemoryExplainer.ts').then(({ OutOfMemoryExplainer }) => {
      const made = new OutOfMemoryExplainer({ unloadOthers });
      context.subscriptions.push(made);
      return made;
    });
    return (await madeExplainer).run(given);
  };
  const problemActions = {
    ...actions,
    checkConnection: (backend: unknown) => void checkConnection(backend),
    memory: {
      explain: (explanation: unknown) => void explainOutOfMemory(explanation),
      unloadOthers: () => void unloadOthers(),
    },
  };
  let madeChat: Promise<Chat> | undefined;
  const chat = () =>
    // Nor do most windows chat.
    (madeChat ??= import('./chat/chat.ts').then(({ Chat }) => {
      const made = new Chat({
        context,
        registry,
        settings,
        statusBar,
        log,
        actions: problemActions,
        mayContact: (origin) => host.mayContact(origin),
        readGpus: async () => (await gpu()).read(),
      });
      context.subscriptions.push(made);
      return made;
    }));
  const chatCommands = async () => {
    const { ChatCommands } = await import('./chat/chatCommands.ts');
    return new ChatCommands(await chat());
  };
  let madeCommitMessage: Promise<CommitMessageCommand> | undefined;
  const commitMessage = () =>
    (madeCommitMessage ??= import('./chat/commitMessageCommand.ts').then(({ CommitMessageCommand }) => {
      const made = new CommitMessageCommand({ registry, settings, log, actions: problemActions });
      context.subscriptions.push(made);
      return made;
    }));
  const close = async () => (await madeChat)?.close();
  const stop = () => {
    if (!ask.stop()) void madeChat?.then((made) => made.stop());
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
    registry,
    ask,
    chat,
    chatCommands,
    commitMessage,
    close,
    stop,
    switchModel,
    useEmbedded,
    setApiKey: () => askForKey(undefined),
    checkConnection,
    explainOutOfMemory,
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
