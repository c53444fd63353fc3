import * as vscode from 'vscode';
import { toBackendError } from '../core/clients/failures.ts';
import type { ModelInfo } from '../core/clients/llmClient.ts';
import type { BackendRegistry, Finding } from '../core/clients/registry.ts';
import { openSetting, writeSettings, type EditorSettings } from './editorSettings.ts';

interface ModelItem extends vscode.QuickPickItem {
  readonly apply?: () => Thenable<unknown>;
}

/** One list of every backend and its models; a choice changes both. */
export async function pickModel(registry: BackendRegistry, settings: EditorSettings): Promise<void> {
  const box = vscode.window.createQuickPick<ModelItem>();
  box.title = 'A2IA: Switch Model';
  box.placeholder = 'Looking for model servers …';
  box.matchOnDescription = true;
  box.busy = true;
  box.items = [automaticItem()];
  const closed = new AbortController();
  box.onDidHide(() => {
    closed.abort();
    box.dispose();
  });
  box.onDidAccept(() => {
    const [item] = box.selectedItems;
    box.hide();
    void item?.apply?.().then(undefined, showWriteProblem);
  });
  box.show();
  const current = settings.current();
  const findings = await registry.survey(current, closed.signal).catch(() => []);
  const shown = findings.filter(
    ({ client, status }) => client.backend !== 'openai-compatible' || status.state !== 'unavailable',
  );
  const groups = await Promise.all(shown.map((finding) => groupOf(finding, current.models, closed.signal)));
  if (closed.signal.aborted) return;
  box.items = [automaticItem(), ...groups.flat()];
  box.placeholder = 'Who answers, and with which model';
  box.busy = false;
}

function automaticItem(): ModelItem {
  return {
    label: '$(wand) Automatic',
    description: 'the first server that is there, else the embedded model',
    apply: () => writeSettings({ 'a2ia.backend': 'auto' }),
  };
}

async function groupOf(
  { client, status }: Finding,
  models: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<ModelItem[]> {
  const title = status.state === 'ready' ? [status.server, status.version].filter(Boolean).join(' ') : client.backend;
  const separator: ModelItem = { label: `${title} at ${client.endpoint}`, kind: vscode.QuickPickItemKind.Separator };
  if (status.state !== 'ready') {
    const label =
      status.state === 'loading' ? `$(loading~spin) ${client.backend}` : `$(circle-slash) ${client.backend}`;
    const description = status.state === 'loading' ? status.detail : status.reason;
    const detail = status.state === 'unavailable' ? status.hint : '';
    return [separator, { label, description, detail, apply: () => openSetting('a2ia.') }];
  }
  try {
    const list = await client.listModels(signal);
    return [
      separator,
      ...list.map((model) => ({
        label: model.displayName ?? model.id,
        description: describeModel(model),
        apply: () =>
          writeSettings({ 'a2ia.backend': client.backend, 'a2ia.models': { ...models, [client.backend]: model.id } }),
      })),
    ];
  } catch (error) {
    return [separator, { label: `$(warning) ${toBackendError(error, client.backend).message}` }];
  }
}

function describeModel(model: ModelInfo): string {
  const parts = [
    model.displayName ? model.id : '',
    model.sizeBytes ? `${(model.sizeBytes / 1e9).toFixed(1)} GB` : '',
    model.quantization ?? '',
    model.contextWindowTokens ? `${model.contextWindowTokens.toLocaleString('en')} tokens of context` : '',
    model.loaded ? 'loaded' : '',
  ];
  return parts.filter(Boolean).join(' · ');
}

function showWriteProblem(error: unknown): void {
  void vscode.window.showErrorMessage(
    `A2IA: the choice could not be saved. ${error instanceof Error ? error.message : String(error)}`,
  );
}
