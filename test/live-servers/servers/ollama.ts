import { createHash } from 'node:crypto';
import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { chosenModel, getJson, postJson } from './http.ts';
import { contextTokens, modelFile, type Found, type LiveServer } from './liveServer.ts';
import { childProcesses, isBusy } from './processorTime.ts';
import { ServerProcess } from './serverProcess.ts';

const model = 'smollm2:latest';

/** An Ollama with a folder of its own and the test model, or the one that runs, with the smallest model it has. */
export async function startOllama(found: Found): Promise<LiveServer> {
  if ('url' in found) return foreignOllama(found.url);
  const folder = await mkdtemp(path.join(tmpdir(), 'a2ia-ollama-'));
  const server = await ServerProcess.start({
    name: 'Ollama',
    program: found.program,
    args: () => ['serve'],
    env: (port) => ({
      OLLAMA_HOST: `127.0.0.1:${port}`,
      OLLAMA_MODELS: folder,
      OLLAMA_CONTEXT_LENGTH: String(contextTokens),
      OLLAMA_NUM_PARALLEL: '4',
    }),
    folder,
    readyPath: '/api/version',
    startLimitMs: 60_000,
  });
  await createModel(server.url, model);
  return {
    url: server.url,
    model,
    contextTokens,
    // Nothing in its API says so; its runner's processor time does.
    ...(process.platform === 'linux' ? { isGenerating: async () => isBusy(await childProcesses(server.pid)) } : {}),
    kill: () => server.kill(),
    restart: () => server.start(),
    stop: () => server.stop(),
  };
}

/** Of the test's file. */
export async function createModel(url: string, name: string, fields: object = {}): Promise<void> {
  const bytes = await readFile(modelFile);
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  await fetch(`${url}/api/blobs/${digest}`, { method: 'POST', body: bytes });
  await postJson(`${url}/api/create`, {
    model: name,
    files: { [path.basename(modelFile)]: digest },
    // With as many threads as cores it becomes six times slower as soon as anything else runs.
    parameters: { num_thread: 1 },
    stream: false,
    ...fields,
  });
}

interface Tags {
  readonly models: readonly { readonly model: string; readonly size: number }[];
}

async function foreignOllama(url: string): Promise<LiveServer> {
  const { models } = (await getJson(`${url}/api/tags`)) as Tags;
  const name = chosenModel([...models].sort((a, b) => a.size - b.size).map((each) => each.model));
  await postJson(`${url}/api/generate`, { model: name });
  const { models: loaded } = (await getJson(`${url}/api/ps`)) as {
    readonly models: readonly { readonly model: string; readonly context_length: number }[];
  };
  const window = loaded.find((each) => each.model === name)?.context_length ?? 0;
  return { url, model: name, contextTokens: window, stop: () => Promise.resolve() };
}
