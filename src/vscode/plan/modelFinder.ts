import path from 'node:path';
import * as vscode from 'vscode';
import { toBackendError } from '../../core/clients/failures.ts';
import type { ModelInfo } from '../../core/clients/llmClient.ts';
import type { BackendRegistry, Finding } from '../../core/clients/registry.ts';
import { catalogueNames } from '../../core/fit/catalogue.ts';
import type { CoreHost } from '../../core/host.ts';
import { isThisMachine } from '../../core/gpu/serverUse.ts';
import type { EditorSettings } from '../editorSettings.ts';
import { catalogueModel } from './catalogueModels.ts';
import type { ModelGroup, ModelSource } from './planSession.ts';
import type { ServerHere, ServersHere } from './planTarget.ts';
import { fileId, fileSource, ollamaSource, servedId, servedSource } from './readModels.ts';

export interface ModelFinderParts {
  readonly host: CoreHost;
  readonly registry: BackendRegistry;
  readonly settings: EditorSettings;
}

const catalogue: ModelGroup = { label: 'Catalogue', models: catalogueNames.map(catalogueModel) };
const mostFiles = 100;

/** Looks for models to plan with: what servers have, files of the workspace, and the catalogue. */
export class ModelFinder {
  readonly #parts: ModelFinderParts;
  #found: readonly Finding[] = [];

  constructor(parts: ModelFinderParts) {
    this.#parts = parts;
  }

  /** What is quick first; `found` is called again with everything whenever more is there. */
  async find(found: (groups: readonly ModelGroup[]) => void, signal: AbortSignal): Promise<void> {
    const groups: { servers: readonly ModelGroup[]; files?: ModelGroup } = { servers: [] };
    const tell = () => found([...groups.servers, groups.files, catalogue].filter((group) => group !== undefined));
    tell();
    const servers = this.#servers(signal).then((ofServers) => {
      groups.servers = ofServers;
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
    const [, kind, name = ''] = /^(catalogue|ollama|file|vllm|llama-server):(.+)$/s.exec(id) ?? [];
    switch (kind) {
      case 'catalogue':
        return catalogueModel(name);
      case 'ollama':
        return ollamaSource(name, '', host, () => settings.current());
      case 'file':
        return fileSource(name, labelOf(name), '', host);
      case 'vllm':
      case 'llama-server':
        return servedSource({ id, label: name, detail: '', backend: kind }, name, host);
      default:
        return undefined;
    }
  }

  async pickFile(): Promise<string | undefined> {
    const [file] =
      (await vscode.window.showOpenDialog({
        title: 'A2IA: Plan a Model',
        openLabel: 'Plan',
        filters: { 'Models (GGUF, safetensors)': ['gguf', 'safetensors'], 'config.json of a checkpoint': ['json'] },
      })) ?? [];
    return file && fileId(file.fsPath);
  }

  /** Those that answered, and where they are by the settings. */
  get here(): ServersHere {
    const { ollamaUrl, vllmUrl, openaiCompatibleUrl } = this.#parts.settings.current();
    return {
      ...this.#here('ollama', 'ollama', ollamaUrl),
      ...this.#here('vllm', 'vllm', vllmUrl),
      ...this.#here('llama-server', 'openai-compatible', openaiCompatibleUrl),
    };
  }

  #here(server: keyof ServersHere, backend: (typeof planned)[number], address: string): ServersHere {
    const url = URL.canParse(address) ? new URL(address) : undefined;
    const status = this.#found.find(({ client }) => client.backend === backend)?.status;
    const isReady = status?.state === 'ready';
    const isRemote = url !== undefined && !isThisMachine(url.hostname);
    if (!isReady && !isRemote) return {};
    const here: ServerHere = {
      ...(isReady && status.version !== undefined ? { version: status.version } : {}),
      ...(isRemote ? { remote: url.host } : {}),
    };
    return { [server]: here };
  }

  /** Nobody is asked for leave by a look. */
  async #servers(signal: AbortSignal): Promise<readonly ModelGroup[]> {
    const { registry, settings } = this.#parts;
    this.#found = await registry.survey(settings.current(), signal, { isQuiet: true });
    const groups = await Promise.all(this.#found.map((finding) => this.#group(finding, signal)));
    return groups.filter((group) => group !== undefined);
  }

  async #group({ client, status }: Finding, signal: AbortSignal): Promise<ModelGroup | undefined> {
    const { host, settings } = this.#parts;
    const { backend } = client;
    if (status.state !== 'ready' || !planned.some((one) => one === backend)) return undefined;
    try {
      const models = await client.listModels(signal);
      const sources = models.map((model): ModelSource => {
        const { id, basedOn } = model;
        if (backend === 'ollama') return ollamaSource(id, detailOf(model), host, () => settings.current());
        const server = backend === 'vllm' || status.server === 'vLLM' ? 'vllm' : 'llama-server';
        const name = basedOn ?? id;
        return servedSource(
          { id: servedId(server, name), label: id, detail: detailOf(model), backend: server },
          name,
          host,
        );
      });
      return { label: `${status.server} at ${new URL(client.endpoint).host}`, models: sources };
    } catch (error) {
      host.log.warn(`The models of ${client.endpoint} could not be listed. ${toBackendError(error, backend).message}`);
      return undefined;
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

/** A checkpoint is its folder. */
function labelOf(named: string): string {
  // An address without its query, which may have a token in it.
  const file = /^https?:/i.test(named) && URL.canParse(named) ? new URL(named).pathname : named;
  const base = path.basename(file);
  return /^config\.json$|\.safetensors$/i.test(base) ? path.basename(path.dirname(file)) : base;
}

/** Servers whose models take memory that can be planned. */
const planned = ['ollama', 'vllm', 'openai-compatible'] as const;

function detailOf({ sizeBytes, quantization, loaded }: ModelInfo): string {
  const size = sizeBytes === undefined ? undefined : `${(sizeBytes / 1e9).toFixed(1)} GB`;
  return [size, quantization, loaded ? 'loaded' : undefined].filter(Boolean).join(' · ');
}
