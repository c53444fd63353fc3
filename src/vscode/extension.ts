import * as vscode from 'vscode';
import { BackendRegistry } from '../core/clients/registry.ts';
import { AskCommand } from './ask.ts';
import { AskInput } from './askInput.ts';
import type { ConnectionCheck } from './connectionCheck.ts';
import { createEditorHost, enterKey } from './editorHost.ts';
import { EditorSettings } from './editorSettings.ts';
import { pickModel } from './modelPicker.ts';
import { StatusBar } from './statusBar.ts';

/** The composition root. Everything is made here once, by hand, and owned by `context.subscriptions`. No network, no process, no package is touched. */
export function activate(context: vscode.ExtensionContext): void {
  const log = vscode.window.createOutputChannel('A2IA', { log: true });
  const settings = new EditorSettings();
  const host = createEditorHost(context, settings, log);
  const registry = new BackendRegistry(host);
  const statusBar = new StatusBar(settings.current());
  const askForKey = async (origin: string | undefined) => {
    const target = origin ?? (await pickOrigin(settings));
    return target !== undefined && enterKey(context, target);
  };
  const actions = {
    chooseModel: () => void pickModel(registry, settings.current()),
    enterKey: askForKey,
    showLog: () => log.show(),
  };
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
  const ask = new AskCommand({
    registry,
    settings,
    statusBar,
    log,
    input: new AskInput(context.workspaceState),
    actions: { ...actions, checkConnection: (backend) => void checkConnection(backend) },
  });
  context.subscriptions.push(
    log,
    ask,
    registry,
    statusBar,
    vscode.commands.registerCommand('a2ia.ask', (argument: unknown) => ask.run(argument)),
    vscode.commands.registerCommand('a2ia.stop', () => ask.stop()),
    vscode.commands.registerCommand('a2ia.switchModel', () => pickModel(registry, settings.current())),
    vscode.commands.registerCommand('a2ia.setApiKey', () => askForKey(undefined)),
    vscode.commands.registerCommand('a2ia.checkConnection', checkConnection),
    vscode.commands.registerCommand('a2ia.showLog', () => log.show()),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration('a2ia')) statusBar.showConfigured(settings.current());
    }),
  );
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
