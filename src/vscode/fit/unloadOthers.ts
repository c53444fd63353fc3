import * as vscode from 'vscode';
import { toBackendError } from '../../core/clients/failures.ts';
import type { BackendRegistry } from '../../core/clients/registry.ts';
import { configuredModel } from '../../core/settings/settings.ts';
import type { EditorSettings } from '../editorSettings.ts';

/** Unloads what the server in use has in memory, but the model that the settings name, and says what that was. */
export async function unloadOthers(registry: BackendRegistry, settings: EditorSettings): Promise<void> {
  const current = settings.current();
  const options = {
    location: vscode.ProgressLocation.Notification,
    title: 'A2IA: unloading other models',
    cancellable: true,
  };
  await vscode.window.withProgress(options, async (_progress, token) => {
    const controller = new AbortController();
    token.onCancellationRequested(() => controller.abort());
    try {
      const { client } = await registry.chooseClient(current, controller.signal);
      const wanted = configuredModel(current, client.backend);
      const loaded = (await client.loadedModels?.(controller.signal)) ?? [];
      const others = loaded.filter(({ id }) => id !== wanted);
      const going = others.filter(({ isFixed }) => !isFixed).map(({ id }) => id);
      for (const id of going) await client.unload?.(id, controller.signal);
      tell(going, others.length > going.length, client.backend);
    } catch (thrown) {
      if (controller.signal.aborted) return;
      const { message, hint } = toBackendError(thrown, undefined);
      void vscode.window.showErrorMessage(`A2IA: not everything could be unloaded. ${message} ${hint}`);
    }
  });
}

function tell(unloaded: readonly string[], hasFixed: boolean, backend: string): void {
  const nothing = hasFixed
    ? `${backend} serves its models for as long as it runs: end it to free the GPU.`
    : `${backend} has no other model in memory: another program uses the GPU.`;
  const text = unloaded.length > 0 ? `unloaded ${unloaded.join(', ')}.` : nothing;
  void vscode.window.showInformationMessage(`A2IA: ${text}`);
}
