import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { LiveServer } from './liveServer.ts';
import { ServerProcess } from './serverProcess.ts';

/** What the proxy wants from its clients. */
export const proxyKey = 'sk-of-the-live-tests';

/** One line of `model_list`: several of one name are replicas of it. */
export interface Route {
  readonly name: string;
  /** In LiteLLM's words, e.g. `ollama_chat/smollm2`. */
  readonly model: string;
  readonly apiBase: string;
}

/** LiteLLM as a team's proxy. The configuration is the one that docs/team-server.md explains. */
export async function startLiteLlm(program: string, routes: readonly Route[]): Promise<ServerProcess> {
  const folder = await mkdtemp(path.join(tmpdir(), 'a2ia-litellm-'));
  const config = path.join(folder, 'config.yaml');
  await writeFile(config, configuration(routes));
  return ServerProcess.start({
    name: 'LiteLLM',
    program,
    args: (port) => ['--config', config, '--host', '127.0.0.1', '--port', String(port)],
    // Else it first asks the internet what models cost.
    env: () => ({ LITELLM_LOCAL_MODEL_COST_MAP: 'True', LITELLM_MASTER_KEY: proxyKey }),
    folder,
    readyPath: '/health/readiness',
    startLimitMs: 180_000,
  });
}

function configuration(routes: readonly Route[]): string {
  const models = routes.map(
    ({ name, model, apiBase }) => `
  - model_name: ${name}
    litellm_params:
      model: ${model}
      api_base: ${apiBase}
      api_key: none`,
  );
  return `model_list:${models.join('')}
router_settings:
  routing_strategy: least-busy
  num_retries: 2
  # A replica that fails is left alone for a while.
  allowed_fails: 0
  cooldown_time: 60
`;
}

/** LiteLLM in front of another server, as one server. */
export async function startProxied(program: string, upstream: LiveServer): Promise<LiveServer> {
  const model = 'team/smollm2';
  const server = await startLiteLlm(program, [
    { name: model, model: `ollama_chat/${upstream.model}`, apiBase: upstream.url },
  ]);
  return {
    url: server.url,
    model,
    contextTokens: upstream.contextTokens,
    ...(upstream.isGenerating ? { isGenerating: upstream.isGenerating } : {}),
    kill: () => server.kill(),
    restart: () => server.start(),
    stop: async () => {
      await server.stop();
      await upstream.stop();
    },
  };
}
