import * as vscode from 'vscode';
import { toBackendError } from '../../core/clients/failures.ts';
import {
  loadedUse,
  memoryUse,
  processUse,
  readingLine,
  sensors,
  snapshotLines,
  spillAlarm,
  type GpuSnapshot,
} from '../../core/gpu/gpuText.ts';
import type { GpuIndicator } from './gpuIndicator.ts';

interface MenuItem extends vscode.QuickPickItem {
  readonly run?: () => Thenable<unknown>;
}

/** What can be done about GPU memory, below the figures: those that are known at once, and then those that `looking` brings. */
export async function showGpuMenu(indicator: GpuIndicator, looking: Promise<unknown>): Promise<void> {
  const known = await vscode.commands.getCommands(true);
  const box = vscode.window.createQuickPick<MenuItem>();
  let isOpen = true;
  const fill = ({ latest } = indicator) => {
    if (!latest || !isOpen) return;
    const models = modelItems(latest, indicator);
    box.items = [...hardwareItems(latest, indicator), ...models, ...actionItems(latest, indicator, known)];
  };
  box.title = 'A2IA: GPU Memory';
  box.placeholder = 'Looking at the GPU …';
  box.matchOnDescription = true;
  box.busy = true;
  box.onDidHide(() => {
    isOpen = false;
    box.dispose();
  });
  box.onDidAccept(() => {
    const [item] = box.selectedItems;
    box.hide();
    void item?.run?.();
  });
  fill();
  box.show();
  await looking.catch(() => undefined);
  fill();
  if (!isOpen) return;
  box.placeholder = 'What shall be done?';
  box.busy = false;
}

function hardwareItems({ reading }: GpuSnapshot, indicator: GpuIndicator): readonly MenuItem[] {
  const run = () => again(indicator);
  if (reading.state === 'failed') return [{ label: reading.message, detail: reading.hint, run }];
  if (reading.state !== 'gpus') return [{ label: readingLine(reading), run }];
  return reading.gpus.map((gpu) => ({
    label: gpu.name,
    description: memoryUse(gpu),
    detail: [processUse(gpu), sensors(gpu)].filter(Boolean).join(' · ') || 'Nobody uses it.',
    run,
  }));
}

function modelItems({ server, fittingTokens }: GpuSnapshot, indicator: GpuIndicator): readonly MenuItem[] {
  if (!server || server.models.length === 0) return [];
  const items = server.models.map((model): MenuItem => {
    const alarm = spillAlarm(model, fittingTokens?.get(model.id));
    const canUnload = !model.isFixed;
    return {
      label: canUnload ? `$(discard) Unload ${model.id}` : model.id,
      description: loadedUse(model),
      ...(alarm ? { detail: `$(warning) ${alarm}` } : {}),
      ...(canUnload ? { run: () => unload(model.id, indicator) } : {}),
    };
  });
  return [separator(`loaded by ${server.backend}`), ...items];
}

function actionItems(snapshot: GpuSnapshot, indicator: GpuIndicator, known: readonly string[]): readonly MenuItem[] {
  const command = (id: string, label: string): readonly MenuItem[] =>
    known.includes(id) ? [{ label, run: () => vscode.commands.executeCommand(id) }] : [];
  return [
    separator('more'),
    ...command('a2ia.planModel', '$(graph) Plan a Model…'),
    ...command('a2ia.explainOutOfMemory', '$(question) Explain Out of Memory…'),
    ...(snapshot.server?.problem === undefined ? [] : command('a2ia.checkConnection', '$(plug) Check Connection')),
    { label: '$(refresh) Look Again', run: () => again(indicator) },
    {
      label: '$(copy) Copy',
      description: 'what is said here, as text',
      run: () => vscode.env.clipboard.writeText(`${snapshotLines(snapshot).join('\n')}\n`),
    },
    { label: '$(eye-closed) Hide', description: 'until A2IA: Show GPU Memory', run: () => indicator.hide() },
  ];
}

function again(indicator: GpuIndicator): Promise<void> {
  return showGpuMenu(indicator, indicator.refresh());
}

async function unload(model: string, indicator: GpuIndicator): Promise<void> {
  const options = {
    location: vscode.ProgressLocation.Notification,
    title: `A2IA: unloading ${model}`,
    cancellable: true,
  };
  await vscode.window.withProgress(options, async (_progress, token) => {
    const controller = new AbortController();
    token.onCancellationRequested(() => controller.abort());
    try {
      await indicator.unload(model, controller.signal);
    } catch (thrown) {
      if (controller.signal.aborted) return;
      const { message, hint } = toBackendError(thrown, undefined);
      void vscode.window.showErrorMessage(`A2IA: ${model} could not be unloaded. ${message} ${hint}`);
    }
    await indicator.refresh();
  });
}

function separator(label: string): MenuItem {
  return { label, kind: vscode.QuickPickItemKind.Separator };
}
