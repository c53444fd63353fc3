import * as vscode from 'vscode';
import type { GpuSnapshot } from '../core/gpu/gpuText.ts';
import type { ChatCommands } from './chat/chatCommands.ts';
import type { Commands } from './commands.ts';
import type { ChangeItem } from './edit/changeTree.ts';
import type { ChangeSets } from './edit/changeSets.ts';
import type { Edits } from './edit/edits.ts';
import { EditorSettings } from './editorSettings.ts';
import type { GpuIndicator } from './gpu/gpuIndicator.ts';
import { StatusBar } from './statusBar.ts';

let made: Promise<Commands> | undefined;

/** The GPU, and what an earlier window left unfinished, is looked at when the window has what it needs more. */
const lookDelayMs = 3000;

/** What every window pays for: the log, the settings, the status bar. What the commands do is made with the first of them, in commands.ts. */
export function activate(context: vscode.ExtensionContext): void {
  const log = vscode.window.createOutputChannel('A2IA', { log: true });
  const settings = new EditorSettings();
  const statusBar = new StatusBar(settings.current());
  const commands = (): Promise<Commands> =>
    (made ??= import('./commands.ts').then(({ createCommands }) =>
      createCommands({ context, log, settings, statusBar, gpu }),
    ));
  let madeGpu: Promise<GpuIndicator> | undefined;
  const gpu = (): Promise<GpuIndicator> =>
    (madeGpu ??= import('./gpu/gpuIndicator.ts').then(({ createGpuIndicator }) => {
      const indicator = createGpuIndicator({ settings, statusBar, backends: commands });
      context.subscriptions.push(indicator);
      context.subscriptions.push(indicator.onDidLook((seen) => void noteLoad(seen)));
      return indicator;
    }));
  /** What a load really took corrects the next plan. */
  const noteLoad = async (seen: GpuSnapshot) =>
    seen.reading.state === 'gpus' && seen.server?.models.length === 1 && (await commands()).noteLoad(seen);
  const watchGpu = () => void (settings.current().gpuMemory !== 'never' && gpu());
  const lookForChanges = async () => {
    const { changesFolder, offerToPutBack } = await import('./edit/changeRecovery.ts');
    await offerToPutBack(changesFolder(context.globalStorageUri), log);
  };
  const lookTimer = setTimeout(() => {
    watchGpu();
    void lookForChanges();
  }, lookDelayMs);
  const on = (id: string, run: (commands: Commands, ...given: readonly unknown[]) => unknown) =>
    vscode.commands.registerCommand(id, async (...given: readonly unknown[]) => run(await commands(), ...given));
  const onChat = (id: string, run: (chat: ChatCommands, ...given: readonly unknown[]) => unknown) =>
    on(id, async ({ chatCommands }, ...given) => run(await chatCommands(), ...given));
  const onEdits = (id: string, run: (edits: Edits, ...given: readonly unknown[]) => unknown) =>
    on(id, async ({ edits }, ...given) => run(await edits(), ...given));
  const onChanges = (id: string, run: (changes: ChangeSets, item?: ChangeItem) => unknown) =>
    on(id, async ({ changes }, item) => run(await changes(), item as ChangeItem | undefined));
  /** A window in which it is off, and always was, loads nothing of it. */
  let hasCompletion = false;
  const followCompletion = () => {
    hasCompletion ||= settings.current().completion.mode !== 'off';
    if (hasCompletion) void commands().then(({ completion }) => completion.follow());
  };
  context.subscriptions.push(
    log,
    statusBar,
    on('a2ia.ask', ({ ask }, argument) => ask.run(argument)),
    on('a2ia.stop', ({ stop }) => stop()),
    onChat('a2ia.newChat', (chat) => chat.newChat()),
    onChat('a2ia.focusChat', (chat) => chat.focus()),
    onChat('a2ia.focusLastAnswer', (chat) => chat.focusLastAnswer()),
    onChat('a2ia.askAboutSelection', (chat) => chat.askAboutSelection()),
    onChat('a2ia.addToChat', (chat, clicked, selected) => chat.add(clicked, selected)),
    onChat('a2ia.explain', (chat) => chat.askAboutCode('explain')),
    onChat('a2ia.findBugs', (chat) => chat.askAboutCode('findBugs')),
    onChat('a2ia.writeTests', (chat) => chat.askAboutCode('writeTests')),
    onChat('a2ia.copyLastAnswer', (chat) => chat.copyLastAnswer()),
    on('a2ia.writeCommitMessage', async ({ commitMessage }, source) => (await commitMessage()).write(source)),
    on('a2ia.stopCommitMessage', async ({ commitMessage }) => (await commitMessage()).stop()),
    on('a2ia.undoCommitMessage', async ({ commitMessage }) => (await commitMessage()).undo()),
    on('a2ia.continueInChat', async ({ ask, chatCommands }) =>
      (await chatCommands()).continueAsk(ask.asked(vscode.window.activeTextEditor?.document)),
    ),
    onEdits('a2ia.edit', (edits, wish) => edits.run(wish)),
    onEdits('a2ia.acceptEdit', (edits, uri) => edits.accept(uri)),
    onEdits('a2ia.rejectEdit', (edits, uri) => edits.reject(uri)),
    onEdits('a2ia.acceptChange', (edits, from, id) => edits.acceptChange(from, id)),
    onEdits('a2ia.rejectChange', (edits, from, id) => edits.rejectChange(from, id)),
    onEdits('a2ia.nextChange', (edits) => edits.goTo('next')),
    onEdits('a2ia.previousChange', (edits) => edits.goTo('previous')),
    onEdits('a2ia.retryEdit', (edits, uri) => edits.retry(uri)),
    onEdits('a2ia.showEditAsDiff', (edits, uri) => edits.showAsDiff(uri)),
    onChanges('a2ia.acceptChangeSet', (changes) => changes.acceptAll()),
    onChanges('a2ia.rejectChangeSet', (changes) => changes.rejectAll()),
    onChanges('a2ia.acceptChangeItem', (changes, item) => changes.accept(item)),
    onChanges('a2ia.rejectChangeItem', (changes, item) => changes.reject(item)),
    onChanges('a2ia.openChangeItem', (changes, item) => changes.open(item, true)),
    onChanges('a2ia.showChangeItemAsDiff', (changes, item) => changes.showAsDiff(item)),
    onChanges('a2ia.undoAcceptedChanges', (changes) => changes.undo()),
    on('a2ia.switchModel', ({ switchModel }) => switchModel()),
    on('a2ia.useEmbedded', ({ useEmbedded }) => useEmbedded()),
    on('a2ia.setApiKey', ({ setApiKey }) => setApiKey()),
    on('a2ia.checkConnection', ({ checkConnection }, backend) => checkConnection(backend)),
    on('a2ia.explainOutOfMemory', ({ explainOutOfMemory }, given) => explainOutOfMemory(given)),
    on('a2ia.planModel', async ({ plans }, modelId) => (await plans()).open(modelId)),
    on('a2ia.showMeasuredLoads', ({ showMeasuredLoads }) => showMeasuredLoads()),
    vscode.commands.registerCommand('a2ia.showLog', () => log.show()),
    vscode.commands.registerCommand('a2ia.showGpuMemory', async () => (await gpu()).show()),
    { dispose: () => clearTimeout(lookTimer) },
    vscode.window.registerWebviewViewProvider('a2ia.chat', {
      resolveWebviewView: async (view) => {
        const { showChatPage } = await import('./chat/chatView.ts');
        await showChatPage(view, context.extensionUri, async () => (await (await commands()).chat()).panel);
      },
    }),
    vscode.window.registerWebviewPanelSerializer('a2ia.plan', {
      deserializeWebviewPanel: async (panel) => (await (await commands()).plans()).restore(panel),
    }),
    on('a2ia.codeCompletion', ({ completion }) => completion.menu()),
    on('a2ia.chooseCompletionModel', ({ completion }) => completion.chooseModel()),
    on('a2ia.pauseCompletion', ({ completion }) => completion.pause()),
    on('a2ia.resumeCompletion', ({ completion }) => completion.resume()),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (!event.affectsConfiguration('a2ia')) return;
      statusBar.showConfigured(settings.current());
      followCompletion();
      if (event.affectsConfiguration('a2ia.gpuMemory')) watchGpu();
    }),
  );
  followCompletion();
}

/** An answer that runs is ended, and what was said and typed is on the disk. */
export async function deactivate(): Promise<void> {
  await (await made)?.close();
}
