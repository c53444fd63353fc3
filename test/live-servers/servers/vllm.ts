import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { chosenModel, getJson, getText } from './http.ts';
import type { Found, LiveServer } from './liveServer.ts';
import { ServerProcess } from './serverProcess.ts';

/** By a script that takes a port and runs `vllm serve` on it, or the folder of such a script called `serve`; or the one that runs. */
export async function startVllm(found: Found): Promise<LiveServer> {
  if ('url' in found) return { ...(await describe(found.url)), stop: () => Promise.resolve() };
  const server = await ServerProcess.start({
    name: 'vLLM',
    program: serveScript(found.program),
    args: (port) => [String(port)],
    readyPath: '/health',
    // It imports for half a minute, and compiles for longer on a machine that is new to it.
    startLimitMs: 600_000,
  });
  return {
    ...(await describe(server.url)),
    kill: () => server.kill(),
    restart: () => server.start(),
    stop: () => server.stop(),
  };
}

export function serveScript(program: string): string {
  return existsSync(program) && statSync(program).isDirectory() ? path.join(program, 'serve') : program;
}

async function describe(url: string) {
  const { data } = (await getJson(`${url}/v1/models`)) as {
    readonly data: readonly { readonly id: string; readonly max_model_len: number }[];
  };
  const model = chosenModel(data.map((each) => each.id));
  const contextTokens = data.find((each) => each.id === model)?.max_model_len ?? 0;
  const isGenerating = async () => {
    const metrics = await getText(`${url}/metrics`);
    const running = [...metrics.matchAll(/^vllm:num_requests_running\{.*\} (\S+)$/gm)];
    if (running.length === 0) throw new Error(`${url}/metrics does not tell how many requests run.`);
    return running.some(([, count]) => Number(count) > 0);
  };
  return { url, model, contextTokens, isGenerating };
}
