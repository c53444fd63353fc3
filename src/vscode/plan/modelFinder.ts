import path from 'node:path';
import * as vscode from 'vscode';
import { toBackendError } from '../../core/clients/failures.ts';
import type { BackendRegistry } from '../../core/clients/registry.ts';
import { catalogueNames } from '../../core/fit/catalogue.ts';
import type { CoreHost } from '../../core/host.ts';
import { isLoopback } from '../../core/util/loopback.ts';
import type { EditorSettings } from '../editorSettings.ts';
import { catalogueModel } from './catalogueModels.ts';
import type { ModelGroup, ModelSource, OllamaHere } from './planSession.ts';
import { fileId, fileSource, ollamaSource } from './readModels.ts';

export interface ModelFinderParts {
  readonly host: CoreHost;
  readonly registry: BackendRegistry;
  readonly settings: EditorSettings;
}

const catalogue: ModelGroup = { label: 'Catalogue', models: catalogueNames.map(catalogueModel) };
const mostFiles = 100;

/** Looks for models to plan with: what Ollama has, files of the workspace, and the catalogue. */
export class ModelFinder {
  readonly #parts: ModelFinderParts;
  /** Of the Ollama that was found last. */
  #version: string | undefined;

  constructor(parts: ModelFinderParts) {
    this.#parts = parts;
  }

  /** What is quick first; `found` is called again with everything whenever more is there. */
  async find(found: (groups: readonly ModelGroup[]) => void, signal: AbortSignal): Promise<void> {
    const groups: { ollama?: ModelGroup; files?: ModelGroup } = {};
    const tell = () => found([groups.ollama, groups.files, catalogue].filter((group) => group !== undefined));
    tell();
    const servers = this.#ollama(signal).then((ollama) => {
      groups.ollama = ollama;
      tell();
    });
    const files = this.#files().then((group) => {
      groups.files = group;
      tell();
    });
    await Promise.allSettled([servers, files]);
  }

  /** One that is in no list: from another command, or chosen before the window was loaded anew. */
  source(id: string): ModelSource | undefined {
    const { host, settings } = this.#parts;
    const [, kind, name = ''] = /^(catalogue|ollama|file):(.+)$/s.exec(id) ?? [];
    switch (kind) {
      case 'catalogue':
        return catalogueModel(name);
      case 'ollama':
        return ollamaSource(name, '', host, () => settings.current());
      case 'file':
        return fileSource(name, path.basename(name), '', host);
      default:
        return undefined;
    }
  }

  async pickFile(): Promise<string | undefined> {
    const [file] =
      (await vscode.window.showOpenDialog({
        title: 'A2IA: Plan a Model',
        openLabel: 'Plan',
        filters: { 'Models (GGUF)': ['gguf'] },
      })) ?? [];
    return file && fileId(file.fsPath);
  }

  get ollama(): OllamaHere {
    const { ollamaUrl } = this.#parts.settings.current();
    const url = URL.canParse(ollamaUrl) ? new URL(ollamaUrl) : undefined;
    return {
      ...(this.#version === undefined ? {} : { version: this.#version }),
      ...(url && !isLoopback(url.hostname) ? { remote: url.host } : {}),
    };
  }

  /** Nobody is asked for leave by a look. */
  async #ollama(signal: AbortSignal): Promise<ModelGroup> {
    const { host, registry, settings } = this.#parts;
    const current = settings.current();
    const findings = await registry.survey(current, signal, { isQuiet: true });
    const finding = findings.find(({ client }) => client.backend === 'ollama');
    if (finding?.status.state !== 'ready') return { label: 'Ollama', models: [] };
    this.#version = finding.status.version;
    const { client } = finding;
    try {
      const models = await client.listModels(signal);
      const sources = models.map(({ id, sizeBytes, quantization, loaded }) => {
        const size = sizeBytes === undefined ? undefined : `${(sizeBytes / 1e9).toFixed(1)} GB`;
        const detail = [size, quantization, loaded ? 'loaded' : undefined].filter(Boolean).join(' · ');
        return ollamaSource(id, detail, host, () => settings.current());
      });
      return { label: `Ollama at ${new URL(client.endpoint).host}`, models: sources };
    } catch (error) {
      host.log.warn(`Ollama’s models could not be listed. ${toBackendError(error, 'ollama').message}`);
      return { label: 'Ollama', models: [] };
    }
  }

  async #files(): Promise<ModelGroup> {
    const found = await vscode.workspace.findFiles('**/*.gguf', undefined, mostFiles);
    const local = found.filter(({ scheme }) => scheme === 'file');
    const models = local.map((uri) =>
      fileSource(uri.fsPath, vscode.workspace.asRelativePath(uri), '', this.#parts.host),
    );
    return { label: 'Files of the workspace', models };
  }
}
