import assert from 'node:assert/strict';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createEmbeddedClient } from '../../src/core/clients/embedded.ts';
import type { ChatRequest, CompletionRequest, LLMClient } from '../../src/core/clients/llmClient.ts';
import { ServerMemory } from '../../src/core/clients/serverMemory.ts';
import { EngineProcess } from '../../src/core/embedded/engineProcess.ts';
import type { CoreHost } from '../../src/core/host.ts';
import { parseSettings } from '../../src/core/settings/settings.ts';
import { wait } from '../../src/core/util/wait.ts';

/** The embedded backend with the real engine and a real model: A2IA_TEST_MODEL names its GGUF file, A2IA_WORKER the built worker if not in dist. */

export const modelPath = process.env['A2IA_TEST_MODEL'] ?? '';
const workerPath =
  process.env['A2IA_WORKER'] ?? fileURLToPath(new URL('../../dist/embeddedWorker.mjs', import.meta.url));
export const never = new AbortController().signal;

export interface LiveEngine {
  readonly engine: EngineProcess;
  readonly host: CoreHost;
  /** Of its models: it has the test's as `own.gguf`. */
  readonly folder: string;
  /** Every line of every level. */
  readonly logged: readonly string[];
  /** The models whose download was asked about; the answer is no. */
  readonly confirmations: readonly string[];
  /** With the test's model and a window of 1024 tokens. */
  readonly client: LLMClient;
  clientWith(settings: Record<string, unknown>): LLMClient;
  stop(): Promise<void>;
}

export async function startEngine(): Promise<LiveEngine> {
  assert.ok(
    modelPath,
    'Set A2IA_TEST_MODEL to a GGUF file of an instruct model, for example SmolLM2-135M-Instruct.Q4_1.gguf.',
  );
  const folder = await mkdtemp(join(tmpdir(), 'a2ia-embedded-'));
  await symlink(modelPath, join(folder, 'own.gguf'));
  const logged: string[] = [];
  const confirmations: string[] = [];
  const log = (message: string) => void logged.push(message);
  const host: CoreHost = {
    log: { debug: log, info: log, warn: log },
    credentialFor: () => Promise.resolve(undefined),
    mayContact: () => Promise.resolve(true),
    mustAsk: () => false,
    wait,
    caFile: () => '',
    proxyAgentFor: () => Promise.resolve(undefined),
    engine: {
      workerPath,
      nodePath: process.execPath,
      nodeEnv: {},
      modelsDir: folder,
      confirmDownload: (model) => {
        confirmations.push(model.id);
        return Promise.resolve(false);
      },
      duringDownload: () => assert.fail('nothing may be downloaded here'),
    },
  };
  const engine = new EngineProcess(host);
  const clientWith = (values: Record<string, unknown>) =>
    createEmbeddedClient({
      settings: parseSettings((key) => values[key]).settings,
      host,
      memory: new ServerMemory(),
      engine,
    });
  return {
    engine,
    host,
    folder,
    logged,
    confirmations,
    get client() {
      return clientWith({ 'a2ia.embedded.modelPath': modelPath, 'a2ia.embedded.contextTokens': 1024 });
    },
    clientWith,
    stop: async () => {
      engine.dispose();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export function ask(text: string, options: Partial<ChatRequest> = {}): ChatRequest {
  return { model: modelPath, messages: [{ role: 'user', text }], ...options };
}

export function complete(client: LLMClient, request: CompletionRequest, signal = never) {
  return client.complete?.(request, signal) ?? assert.fail('no completion');
}
