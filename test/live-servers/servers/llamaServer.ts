import { chosenModel, getJson } from './http.ts';
import { contextTokens, modelFile, type Found, type LiveServer } from './liveServer.ts';
import { ServerProcess } from './serverProcess.ts';

const slots = 4;

/** @param options further ones, which win over those here */
export async function startLlamaServer(found: Found, options: readonly string[] = []): Promise<LiveServer> {
  if ('url' in found) return { ...(await describe(found.url)), stop: () => Promise.resolve() };
  const server = await ServerProcess.start({
    name: 'llama-server',
    program: found.program,
    args: (port) => [
      ...['-m', modelFile, '--host', '127.0.0.1', '--port', String(port)],
      ...['-c', String(contextTokens * slots), '-np', String(slots), '-t', '1', '--jinja'],
      // It looks whether a request is still wanted between batches.
      ...['-b', '256'],
      // Repacked weights run on instructions (AMX) that some virtual machines name and do not have: it crashes.
      '--no-repack',
      ...options,
    ],
    readyPath: '/health',
    startLimitMs: 120_000,
  });
  return {
    ...(await describe(server.url)),
    kill: () => server.kill(),
    restart: () => server.start(),
    stop: () => server.stop(),
  };
}

async function describe(url: string) {
  const { data } = (await getJson(`${url}/v1/models`)) as { readonly data: readonly { readonly id: string }[] };
  const slotStates = async () =>
    (await getJson(`${url}/slots`)) as readonly { readonly n_ctx: number; readonly is_processing: boolean }[];
  const [first] = await slotStates();
  return {
    url,
    model: chosenModel(data.map((each) => each.id)),
    contextTokens: first?.n_ctx ?? 0,
    isGenerating: async () => (await slotStates()).some((slot) => slot.is_processing),
  };
}
