import * as vscode from 'vscode';
import { BackendRegistry } from '../core/clients/registry.ts';
import { AskCommand } from './ask.ts';
import { AskInput } from './askInput.ts';
import { createEditorHost, enterKey } from './editorHost.ts';
import { EditorSettings } from './editorSettings.ts';
import { pickModel } from './modelPicker.ts';
import { StatusBar } from './statusBar.ts';

/** The composition root. Everything is made here once, by hand, and owned by `context.subscriptions`. No network, no process, no package is touched. */
export function activate(context: vscode.ExtensionContext): void {
  const log = vscode.window.createOutputChannel('A2IA', { log: true });
  const settings = new EditorSettings();
  const registry = new BackendRegistry(createEditorHost(context, settings, log));
  const statusBar = new StatusBar(settings.current());
  const askForKey = async (origin: string | undefined) => {
    const target = origin ?? (await pickOrigin(settings));
    if (target) await enterKey(context, target);
  };
  const ask = new AskCommand({
    registry,
    settings,
    statusBar,
    log,
    input: new AskInput(context.workspaceState),
    actions: {
      chooseModel: () => void pickModel(registry, settings),
      enterKey: (origin) => void askForKey(origin),
      showLog: () => log.show(),
    },
  });
  context.subscriptions.push(
    log,
    registry,
    statusBar,
    vscode.commands.registerCommand('a2ia.ask', (argument: unknown) => ask.run(argument)),
    vscode.commands.registerCommand('a2ia.stop', () => ask.stop()),
    vscode.commands.registerCommand('a2ia.switchModel', () => pickModel(registry, settings)),
    vscode.commands.registerCommand('a2ia.setApiKey', () => askForKey(undefined)),
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
  const origins = urls.filter(Boolean).map((url) => new URL(url).origin);
  return vscode.window.showQuickPick(origins, { title: 'A2IA: the key of which server?' });
}
