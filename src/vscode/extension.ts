import * as vscode from 'vscode';
import type { Commands } from './commands.ts';
import { EditorSettings } from './editorSettings.ts';
import { StatusBar } from './statusBar.ts';

/** What every window pays for: the log, the settings, the status bar. What the commands do is made with the first of them, in commands.ts. */
export function activate(context: vscode.ExtensionContext): void {
  const log = vscode.window.createOutputChannel('A2IA', { log: true });
  const settings = new EditorSettings();
  const statusBar = new StatusBar(settings.current());
  let made: Promise<Commands> | undefined;
  const commands = () =>
    (made ??= import('./commands.ts').then(({ createCommands }) =>
      createCommands({ context, log, settings, statusBar }),
    ));
  const on = (id: string, run: (commands: Commands, argument: unknown) => unknown) =>
    vscode.commands.registerCommand(id, async (argument: unknown) => run(await commands(), argument));
  context.subscriptions.push(
    log,
    statusBar,
    on('a2ia.ask', ({ ask }, argument) => ask.run(argument)),
    on('a2ia.stop', ({ stop }) => stop()),
    on('a2ia.switchModel', ({ switchModel }) => switchModel()),
    on('a2ia.setApiKey', ({ setApiKey }) => setApiKey()),
    on('a2ia.checkConnection', ({ checkConnection }, backend) => checkConnection(backend)),
    vscode.commands.registerCommand('a2ia.showLog', () => log.show()),
    vscode.window.registerWebviewViewProvider('a2ia.chat', {
      resolveWebviewView: async (view) => (await (await commands()).chat()).resolveView(view),
    }),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration('a2ia')) statusBar.showConfigured(settings.current());
    }),
  );
}
