import path from 'node:path';
import { createEmbeddedClient } from '../../src/core/clients/embedded.ts';
import type { BackendErrorKind } from '../../src/core/clients/errors.ts';
import type { BackendId, LLMClient } from '../../src/core/clients/llmClient.ts';
import { BackendRegistry } from '../../src/core/clients/registry.ts';
import { ServerMemory } from '../../src/core/clients/serverMemory.ts';
import { EngineProcess } from '../../src/core/embedded/engineProcess.ts';
import type { CoreHost } from '../../src/core/host.ts';
import { parseSettings } from '../../src/core/settings/settings.ts';
import { wait } from '../../src/core/util/wait.ts';
import { createTestHost } from '../support/testHost.ts';
import { startLlamaServer } from './servers/llamaServer.ts';
import { proxyKey, startProxied } from './servers/liteLlm.ts';
import { contextTokens, modelFile, run, type Found, type LiveServer, type ServerName } from './servers/liveServer.ts';
import { startOllama } from './servers/ollama.ts';
import { isBusy } from './servers/processorTime.ts';
import { startVllm } from './servers/vllm.ts';

/** What differs between servers, and between the protocols of one server. */
export interface Target {
  readonly backend: BackendId;
  /** What `probe` says answers. */
  readonly calledServer: RegExp;
  readonly unknownModel: 'refused' | 'answered by the one it has';
  readonly tools: 'refused' | 'taken';
  readonly contextWindow: 'told' | 'not told';
  /** A prompt that is too long: refused with both numbers, without, or cut without a word. */
  readonly overflow: 'numbers' | 'no numbers' | 'cut';
  readonly tokenCount: 'exact' | 'estimate';
  /** When it is killed in mid-answer. */
  readonly killedAs: BackendErrorKind;
}

const ollamaNative: Target = {
  backend: 'ollama',
  calledServer: /^Ollama$/,
  unknownModel: 'refused',
  tools: 'refused',
  contextWindow: 'told',
  overflow: 'no numbers',
  tokenCount: 'estimate',
  killedAs: 'streamCut',
};

/** Its OpenAI and Anthropic protocols cannot ask for prompts that are not cut. */
const ollamaByOpenAI: Target = {
  ...ollamaNative,
  backend: 'openai-compatible',
  overflow: 'cut',
};

const vllmNative: Target = {
  backend: 'vllm',
  calledServer: /^vLLM$/,
  unknownModel: 'refused',
  tools: 'refused',
  contextWindow: 'told',
  overflow: 'numbers',
  tokenCount: 'exact',
  killedAs: 'streamCut',
};

const llamaByOpenAI: Target = {
  backend: 'openai-compatible',
  calledServer: /^llama-server$/,
  unknownModel: 'answered by the one it has',
  tools: 'taken',
  contextWindow: 'told',
  overflow: 'numbers',
  tokenCount: 'exact',
  killedAs: 'streamCut',
};

/** In front of Ollama, which it does not ask to refuse prompts that are too long. */
const liteLlmByOpenAI: Target = {
  backend: 'openai-compatible',
  calledServer: /^LiteLLM$/,
  unknownModel: 'refused',
  tools: 'refused',
  contextWindow: 'not told',
  overflow: 'cut',
  tokenCount: 'estimate',
  killedAs: 'streamCut',
};

export const targets: Readonly<Record<ServerName, readonly Target[]>> = {
  ollama: [
    ollamaNative,
    ollamaByOpenAI,
    { ...ollamaByOpenAI, backend: 'anthropic', calledServer: /^Ollama$/, contextWindow: 'not told' },
  ],
  vllm: [
    vllmNative,
    { ...vllmNative, backend: 'openai-compatible' },
    // Made for OpenAI's own service, it asks for nothing that only other servers have, and reads what their lists tell.
    {
      ...vllmNative,
      backend: 'openai',
      calledServer: /OpenAI|vLLM/,
      tokenCount: 'estimate',
    },
    { ...vllmNative, backend: 'anthropic', calledServer: /^vLLM$/ },
  ],
  'llama-server': [llamaByOpenAI, { ...llamaByOpenAI, backend: 'anthropic', calledServer: /^llama-server$/ }],
  litellm: [liteLlmByOpenAI, { ...liteLlmByOpenAI, backend: 'anthropic', calledServer: /^LiteLLM$/ }],
  embedded: [
    {
      backend: 'embedded',
      calledServer: /^node-llama-cpp$/,
      unknownModel: 'refused',
      tools: 'refused',
      contextWindow: 'told',
      overflow: 'numbers',
      tokenCount: 'exact',
      killedAs: 'engineCrashed',
    },
  ],
};

/** A server, and the clients that can speak to it. */
export interface Subject {
  readonly server: LiveServer;
  client(backend: BackendId): LLMClient;
  stop(): Promise<void>;
}

export async function startSubject(name: ServerName, found: Found): Promise<Subject> {
  if (name === 'embedded') return startEmbedded();
  const server = await starters[name](found);
  return { server, client: (backend) => clientAt(server.url, backend), stop: () => server.stop() };
}

const starters: Readonly<Record<Exclude<ServerName, 'embedded'>, (found: Found) => Promise<LiveServer>>> = {
  ollama: startOllama,
  vllm: startVllm,
  'llama-server': startLlamaServer,
  litellm: async (found) => {
    if ('url' in found) throw new Error('LiteLLM is started with a configuration of its own: give its program.');
    return startProxied(found.program, await startOllama(ollamaBehind()));
  },
};

/** The Ollama that LiteLLM is put in front of. */
export function ollamaBehind(): Found {
  const { ollama } = run.found;
  if (!ollama) throw new Error('LiteLLM needs an Ollama to stand in front of.');
  return ollama;
}

const urlSettings: Readonly<Record<Exclude<BackendId, 'embedded'>, string>> = {
  ollama: 'a2ia.ollamaUrl',
  vllm: 'a2ia.vllmUrl',
  'openai-compatible': 'a2ia.openaiCompatibleUrl',
  openai: 'a2ia.openaiUrl',
  anthropic: 'a2ia.anthropicUrl',
};

function settingsFor(backend: BackendId, url: string) {
  return parseSettings((key) => (backend !== 'embedded' && key === urlSettings[backend] ? url : undefined)).settings;
}

/** Each with a memory of its own, so that none profits from what another was refused. */
export function clientAt(url: string, backend: BackendId, outside: Partial<CoreHost> = {}): LLMClient {
  const host = { ...liveHost({ [url]: proxyKey }), ...outside };
  return new BackendRegistry(host).client(backend, settingsFor(backend, url));
}

/** The outside, with waits that take their time. */
export function liveHost(keys: Readonly<Record<string, string>> = {}): CoreHost {
  return { ...createTestHost({ keys }), wait };
}

/** With an engine that runs. */
export function engineHost(): CoreHost {
  const outside = liveHost();
  const workerPath = path.join(import.meta.dirname, '../../dist/embeddedWorker.mjs');
  return { ...outside, engine: { ...outside.engine, workerPath, nodePath: process.execPath } };
}

async function startEmbedded(): Promise<Subject> {
  const host = engineHost();
  const engine = new EngineProcess(host);
  const values: Readonly<Record<string, unknown>> = {
    'a2ia.embedded.modelPath': modelFile,
    'a2ia.embedded.contextTokens': contextTokens,
  };
  const { settings } = parseSettings((key) => values[key]);
  const client = createEmbeddedClient({ settings, host, memory: new ServerMemory(), engine });
  const pids = () => (engine.processId === undefined ? [] : [engine.processId]);
  return {
    server: {
      url: '',
      model: modelFile,
      contextTokens,
      ...(process.platform === 'linux' ? { isGenerating: () => isBusy(pids()) } : {}),
      kill: () => Promise.resolve(void pids().forEach((pid) => process.kill(pid, 'SIGKILL'))),
      // The next request does.
      restart: () => Promise.resolve(),
      stop: () => Promise.resolve(),
    },
    client: () => client,
    stop: () => Promise.resolve(engine.dispose()),
  };
}
