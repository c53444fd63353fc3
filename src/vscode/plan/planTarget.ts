import type { LoadedModel } from '../../core/clients/llmClient.ts';
import type { Calibrations } from '../../core/fit/calibration.ts';
import { environmentNotes, type OllamaEnvironment } from '../../core/fit/ollamaEnvironment.ts';
import { without } from '../../core/gpu/fitGpus.ts';
import type { GpuReading, GpuState } from '../../core/gpu/gpuReading.ts';
import type { PlanBackend, PlanChoice } from '../../protocol/planState.ts';
import { formatFor, withoutUndefined, type KnownServer, type PlanModel } from './planRequest.ts';

/** What is known of the machine that the window is on. */
export interface Machine {
  /** Undefined: the user wants no look. */
  readonly reading: GpuReading | undefined;
  /** What its Ollama has in memory. */
  readonly loaded: readonly LoadedModel[];
  /** What its Ollama was told; undefined: there is none, or that is not to be seen. */
  readonly environment: OllamaEnvironment | undefined;
  /** What loads took here. */
  readonly calibrations: Calibrations;
}

export type ServersHere = { readonly [backend in PlanBackend]?: ServerHere };

export interface ServerHere {
  readonly version?: string;
  /** Its host, where that is not this machine: then the GPU of this machine is not its own. */
  readonly remote?: string;
}

/** What a plan is for. */
export interface PlanTarget {
  /** Of this machine, as far as they give figures; undefined: it is for others. */
  readonly cards: readonly GpuState[] | undefined;
  /** The host of the server that runs elsewhere. */
  readonly remote: string | undefined;
  readonly known: KnownServer;
  /** What was assumed of the server that runs here. */
  readonly notes: readonly string[];
}

export function targetOf(
  choice: PlanChoice,
  servers: ServersHere,
  machine: Machine | undefined,
  model: PlanModel | undefined,
): PlanTarget {
  const { backend } = choice;
  const remote = servers[backend]?.remote;
  const reading = machine?.reading;
  const isOwn = choice.gpuId === 'machine' && remote === undefined;
  const own = isOwn && reading?.state === 'gpus' ? reading.gpus : undefined;
  switch (backend) {
    case 'ollama': {
      const known = knownOllama(choice, servers, isOwn ? machine : undefined, model);
      const isChosen = choice.contextTokens !== undefined;
      const notes =
        isOwn && servers.ollama ? environmentNotes(known.environment, isChosen ? undefined : known.contextTokens) : [];
      return { cards: own, remote, known, notes };
    }
    case 'llama-server':
      return { cards: own && without('llama-server', own), remote, known: {}, notes: [] };
    case 'vllm': {
      const measured = machine?.calibrations.entries.findLast(({ key }) => key.server === 'vllm');
      const known = withoutUndefined({ version: servers.vllm?.version ?? measured?.key.serverVersion });
      const isRunning = own?.some(({ processes }) => processes.some(({ name }) => name === 'vLLM'));
      return { cards: own && without('vLLM', own), remote, known, notes: isRunning ? [startedAnew] : [] };
    }
  }
}

const startedAnew = 'What vLLM has on the GPU now is counted as free: for this it is started anew.';

function knownOllama(
  { format }: PlanChoice,
  { ollama }: ServersHere,
  machine: Machine | undefined,
  model: PlanModel | undefined,
): KnownServer {
  const name = model?.nameFor('ollama', formatFor(model, 'ollama', format));
  const now = machine?.loaded.find(({ id }) => id === name || id === `${name}:latest`);
  return withoutUndefined({
    version: ollama?.version,
    environment: machine?.environment,
    contextTokens: now?.contextWindowTokens,
  });
}
