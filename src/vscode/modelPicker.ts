import * as vscode from 'vscode';
import { toBackendError } from '../core/clients/failures.ts';
import type { BackendId, BackendStatus, LLMClient, ModelInfo } from '../core/clients/llmClient.ts';
import type { BackendRegistry, Finding } from '../core/clients/registry.ts';
import { configuredModel, type Settings } from '../core/settings/settings.ts';
import { errorText } from '../core/util/errorText.ts';
import { openSetting, writeSettings } from './editorSettings.ts';

interface ModelItem extends vscode.QuickPickItem {
  /** Of a model: its id. */
  readonly key?: string;
  readonly isCurrent?: boolean;
  readonly apply?: () => Thenable<unknown>;
}

/** What models of a server take on its GPU, in a few words each, before one of them is loaded. Never throws; what is not known is left out. */
export type Badges = (
  client: LLMClient,
  models: readonly ModelInfo[],
  signal: AbortSignal,
) => Promise<ReadonlyMap<string, string>>;

interface Look {
  readonly registry: BackendRegistry;
  readonly settings: Settings;
  readonly badges: Badges;
}

/** What becomes of a choice. */
type Use = (backend: BackendId, model: string) => Thenable<unknown>;

/** One list of every backend and its models; a choice changes both. */
export function pickModel(look: Look): Promise<void> {
  const { settings } = look;
  const save: Use = (backend, model) =>
    writeSettings({ 'a2ia.backend': backend, 'a2ia.models': { ...settings.models, [backend]: model } });
  return showModels('A2IA: Switch Model', look, save, [automaticItem(settings)]);
}

/** The same list for one answer: the settings stay. */
export function pickOtherModel(look: Look, use: Use): Promise<void> {
  return showModels('A2IA: Retry With Another Model', look, use, []);
}

async function showModels(title: string, look: Look, use: Use, first: readonly ModelItem[]): Promise<void> {
  const { registry, settings, badges } = look;
  const box = vscode.window.createQuickPick<ModelItem>();
  box.title = title;
  box.placeholder = 'Looking for model servers …';
  box.matchOnDescription = true;
  box.busy = true;
  box.items = first;
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
  const findings = await registry.survey(settings, closed.signal);
  const shown = worthShowing(findings, settings);
  const groups = await Promise.all(shown.map((finding) => groupOf(finding, settings, use, closed.signal)));
  if (closed.signal.aborted) return;
  box.items = [...first, ...groups.flatMap(({ items }) => items)];
  const current = box.items.find((item) => item.isCurrent);
  if (current) box.activeItems = [current];
  box.placeholder = 'Who answers, and with which model';
  const said = await Promise.all(groups.map(async (group) => withBadges(group, badges, closed.signal)));
  if (closed.signal.aborted) return;
  const active = box.activeItems[0];
  box.keepScrollPosition = true;
  box.items = [...first, ...said.flat()];
  // Where the user is by now.
  const same = box.items.find(({ label, key }) => label === active?.label && key === active.key);
  if (same) box.activeItems = [same];
  box.busy = false;
}

async function withBadges(group: Group, badges: Badges, signal: AbortSignal): Promise<readonly ModelItem[]> {
  const { client, models, items } = group;
  if (models.length === 0) return items;
  const known = await badges(client, models, signal);
  return items.map((item) => {
    const badge = item.key === undefined ? undefined : known.get(item.key);
    return badge === undefined ? item : { ...item, description: [badge, item.description].filter(Boolean).join(' · ') };
  });
}

/** Of the usual places of OpenAI-compatible servers only those where something is. */
export function worthShowing(findings: readonly Finding[], settings: Settings): readonly Finding[] {
  return findings.filter(
    ({ client, status }) =>
      client.backend !== 'openai-compatible' || status.state !== 'unavailable' || settings.openaiCompatibleUrl !== '',
  );
}

function automaticItem({ backend }: Settings): ModelItem {
  const isCurrent = backend === 'auto';
  return {
    label: 'Automatic',
    description: described(isCurrent, 'the first server that is there, else the embedded model'),
    isCurrent,
    apply: () => writeSettings({ 'a2ia.backend': 'auto' }),
  };
}

interface Group {
  readonly client: LLMClient;
  readonly models: readonly ModelInfo[];
  readonly items: readonly ModelItem[];
}

async function groupOf({ client, status }: Finding, settings: Settings, use: Use, signal: AbortSignal): Promise<Group> {
  const { backend } = client;
  const without = (...items: readonly ModelItem[]): Group => ({ client, models: [], items });
  if (status.state !== 'ready') return without(separator(backend), absentItem(backend, status));
  const server = [status.server, status.version].filter(Boolean).join(' ');
  const title = separator(backend === 'embedded' ? `embedded, ${server}` : `${server} at ${client.endpoint}`);
  try {
    const models = await client.listModels(signal);
    return { client, models, items: [title, ...models.map((model) => modelItem(backend, model, settings, use))] };
  } catch (error) {
    const { message, hint } = toBackendError(error, backend);
    return without(title, {
      label: `$(warning) ${message}`,
      detail: hint,
      apply: () => openSetting(settingOf[backend]),
    });
  }
}

function modelItem(backend: BackendId, model: ModelInfo, settings: Settings, use: Use): ModelItem {
  const isCurrent = settings.backend === backend && configuredModel(settings, backend) === model.id;
  return {
    label: model.displayName ?? model.id,
    key: model.id,
    description: described(isCurrent, describeModel(model)),
    isCurrent,
    apply: () => use(backend, model.id),
  };
}

/** A server that is not there, with what would help; choosing it leads to its address. */
function absentItem(backend: BackendId, status: Exclude<BackendStatus, { state: 'ready' }>): ModelItem {
  const apply = () => openSetting(settingOf[backend]);
  return status.state === 'loading'
    ? { label: `$(loading~spin) ${status.server}`, description: status.detail, apply }
    : { label: `$(circle-slash) ${status.reason}`, detail: status.hint, apply };
}

export const settingOf: Readonly<Record<BackendId, string>> = {
  ollama: 'a2ia.ollamaUrl',
  vllm: 'a2ia.vllmUrl',
  'openai-compatible': 'a2ia.openaiCompatibleUrl',
  openai: 'a2ia.openaiUrl',
  anthropic: 'a2ia.anthropicUrl',
  embedded: 'a2ia.embedded.modelPath',
};

function separator(label: string): ModelItem {
  return { label, kind: vscode.QuickPickItemKind.Separator };
}

function described(isCurrent: boolean, description: string): string {
  return [isCurrent ? 'chosen' : '', description].filter(Boolean).join(' · ');
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
  void vscode.window.showErrorMessage(`A2IA: the choice could not be saved. ${errorText(error)}`);
}
