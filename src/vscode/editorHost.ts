import path from 'node:path';
import * as vscode from 'vscode';
import type { EmbeddedModel } from '../core/embedded/catalogue.ts';
import type { CoreHost } from '../core/host.ts';
import { wait } from '../core/util/wait.ts';
import type { EditorSettings } from './editorSettings.ts';
import { OriginConsent } from './originConsent.ts';

/** The outside as core sees it inside VS Code. */
export function createEditorHost(
  context: vscode.ExtensionContext,
  settings: EditorSettings,
  log: vscode.LogOutputChannel,
): CoreHost {
  const consent = new OriginConsent(context.workspaceState);
  return {
    log,
    credentialFor: async (origin) => context.secrets.get(secretName(origin)),
    mayContact: (origin) => consent.mayContact(origin),
    wait,
    caFile: () => settings.current().caFile,
    // VS Code patches node:http in place: its own proxy settings and certificates apply by themselves.
    proxyAgentFor: () => Promise.resolve(undefined),
    engine: {
      workerPath: path.join(import.meta.dirname, 'embeddedWorker.mjs'),
      nodePath: process.execPath,
      // In the desktop editor the executable is Electron, which is Node only when told so.
      nodeEnv: { ...process.env, ELECTRON_RUN_AS_NODE: '1' },
      modelsDir: process.env['A2IA_MODELS_DIR'] || vscode.Uri.joinPath(context.globalStorageUri, 'models').fsPath,
      confirmDownload,
      onDownloadProgress: downloadProgress(),
    },
  };
}

/** One key for one origin: it is sent nowhere else. */
export async function enterKey(context: vscode.ExtensionContext, origin: string): Promise<boolean> {
  const key = await vscode.window.showInputBox({
    title: 'A2IA: API Key',
    prompt: `Kept in the editor’s secret storage and sent to ${origin} only. Empty removes it.`,
    password: true,
    ignoreFocusOut: true,
  });
  if (key === undefined) return false;
  if (key.trim() === '') await context.secrets.delete(secretName(origin));
  else await context.secrets.store(secretName(origin), key.trim());
  return true;
}

function secretName(origin: string): string {
  return `a2ia.key:${origin}`;
}

async function confirmDownload(model: EmbeddedModel, targetPath: string): Promise<boolean> {
  const download = 'Download';
  const reply = await vscode.window.showInformationMessage(
    `Download ${model.displayName} (${megabytes(model.sizeBytes)})?`,
    {
      modal: true,
      detail: `A2IA found no model server. This small model runs inside A2IA, on the CPU. Licence: ${model.license}. It is kept at ${targetPath}.`,
    },
    download,
  );
  return reply === download;
}

/** One notification per download, from its first bytes to its last. */
function downloadProgress() {
  let current: { readonly report: (receivedBytes: number) => void } | undefined;
  return (model: EmbeddedModel, receivedBytes: number): void => {
    if (receivedBytes >= model.sizeBytes) {
      current?.report(receivedBytes);
      current = undefined;
      return;
    }
    current ??= startProgress(model);
    current.report(receivedBytes);
  };
}

function startProgress(model: EmbeddedModel): { report: (receivedBytes: number) => void } {
  let update: (receivedBytes: number) => void = () => undefined;
  void vscode.window.withProgress(
    { location: vscode.ProgressLocation.Notification, title: `Downloading ${model.displayName}` },
    (progress) =>
      new Promise<void>((resolve) => {
        let shownPercent = 0;
        update = (receivedBytes) => {
          const percent = Math.floor((receivedBytes / model.sizeBytes) * 100);
          progress.report({
            increment: percent - shownPercent,
            message: `${percent} % of ${megabytes(model.sizeBytes)}`,
          });
          shownPercent = percent;
          if (receivedBytes >= model.sizeBytes) resolve();
        };
      }),
  );
  return { report: (receivedBytes) => update(receivedBytes) };
}

function megabytes(sizeBytes: number): string {
  return `${Math.round(sizeBytes / 1e6)} MB`;
}
