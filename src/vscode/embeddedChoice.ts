import * as vscode from 'vscode';
import { toBackendError } from '../core/clients/failures.ts';
import type { BackendRegistry } from '../core/clients/registry.ts';
import { configuredModel } from '../core/settings/settings.ts';
import { writeSettings, type EditorSettings } from './editorSettings.ts';

/** The model inside A2IA answers from now on. It is fetched when it is not there, after the user agreed to its size. */
export async function chooseEmbedded(registry: BackendRegistry, settings: EditorSettings): Promise<void> {
  const current = settings.current();
  const client = registry.client('embedded', current);
  const { signal } = new AbortController();
  try {
    const models = await client.listModels(signal);
    const model = configuredModel(current, 'embedded') ?? models[0]?.id;
    if (model !== undefined) await client.load?.(model, signal);
    if (current.backend !== 'embedded') await writeSettings({ 'a2ia.backend': 'embedded' });
  } catch (thrown) {
    const { message, hint } = toBackendError(thrown, 'embedded');
    void vscode.window.showErrorMessage(`A2IA: ${message} ${hint}`);
  }
}
