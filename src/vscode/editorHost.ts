import path from 'node:path';
import * as vscode from 'vscode';
import type { EmbeddedModel } from '../core/embedded/catalogue.ts';
import type { CoreHost, Download, Log } from '../core/host.ts';
import { fileSize } from '../core/util/fileSize.ts';
import { wait } from '../core/util/wait.ts';
import { errorText } from '../core/util/errorText.ts';
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
    credentialFor: (origin) => keyOf(context, origin, log),
    mayContact: (origin) => consent.mayContact(origin),
    mustAsk: (origin) => consent.mustAsk(origin),
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
      duringDownload,
    },
  };
}

/** One key for one origin: it is sent nowhere else. False when the user leaves the box, or when it cannot be kept. */
export async function enterKey(context: vscode.ExtensionContext, origin: string): Promise<boolean> {
  const key = await vscode.window.showInputBox({
    title: 'A2IA: API Key',
    prompt: `Kept in the editor’s secret storage and sent to ${origin} only. Empty removes it.`,
    password: true,
    ignoreFocusOut: true,
  });
  if (key === undefined) return false;
  try {
    if (key.trim() === '') await context.secrets.delete(secretName(origin));
    else await context.secrets.store(secretName(origin), key.trim());
    return true;
  } catch (error) {
    const reason = errorText(error);
    void vscode.window.showErrorMessage(`A2IA: the editor’s secret storage cannot keep the key. ${reason}`);
    return false;
  }
}

/** Where the editor’s secret storage fails, a server that wants a key says so; one that wants none answers. */
async function keyOf(context: vscode.ExtensionContext, origin: string, log: Log): Promise<string | undefined> {
  try {
    return await context.secrets.get(secretName(origin));
  } catch (error) {
    log.warn(`The key of ${origin} could not be read. ${errorText(error)}`);
    return undefined;
  }
}

function secretName(origin: string): string {
  return `a2ia.key:${origin}`;
}

async function confirmDownload(model: EmbeddedModel, targetPath: string): Promise<boolean> {
  const download = 'Download';
  const reply = await vscode.window.showInformationMessage(
    `Download ${model.displayName} (${fileSize(model.sizeBytes)})?`,
    {
      modal: true,
      detail: `It runs inside A2IA, on the CPU, and needs no server. Licence: ${model.license}. It is kept at ${targetPath}.`,
    },
    download,
  );
  return reply === download;
}

function duringDownload(model: EmbeddedModel, download: Download): Promise<void> {
  const options = {
    location: vscode.ProgressLocation.Notification,
    title: `A2IA: downloading ${model.displayName}`,
  };
  const shown = vscode.window.withProgress(options, (progress) => {
    let shownPercent = -1;
    return download((receivedBytes) => {
      const percent = Math.floor((receivedBytes / model.sizeBytes) * 100);
      if (percent === shownPercent) return;
      const message = `${percent} % of ${fileSize(model.sizeBytes)}`;
      progress.report({ increment: percent - Math.max(0, shownPercent), message });
      shownPercent = percent;
    });
  });
  return Promise.resolve(shown);
}
