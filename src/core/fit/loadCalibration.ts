import { ollamaTransport } from '../clients/ollamaApi.ts';
import type { TransportOptions } from '../clients/transport.ts';
import type { GpuHost } from '../gpu/gpuHost.ts';
import type { GpuSnapshot } from '../gpu/gpuText.ts';
import { createNodeGpuHost } from '../gpu/nodeGpuHost.ts';
import type { CoreHost, Log } from '../host.ts';
import type { Settings } from '../settings/settings.ts';
import { errorText } from '../util/errorText.ts';
import type { Calibration } from './calibration.ts';
import type { CalibrationFile } from './calibrationFile.ts';
import { loadInLog } from './diagnosis/loadInLog.ts';
import { nodeServerLogHost, ollamaLog, type LogTail } from './diagnosis/serverLog.ts';
import { readFitModel } from './fitModels.ts';
import type { FitModel } from './fitRequest.ts';
import {
  measurableLoad,
  observedCalibration,
  runningCalibration,
  type MeasurableLoad,
  type OtherLoad,
} from './observedLoad.ts';
import { nodeOllamaTraces, readOllamaEnvironment, type OllamaEnvironment } from './ollamaEnvironment.ts';
import { readOllamaModel, type OllamaModelReading } from './ollamaModel.ts';
import { readRunningLlamaServer } from './runningLlamaServer.ts';
import type { RunningServer } from './runningServer.ts';
import { readRunningVllm } from './runningVllm.ts';

/** A load that somebody waited for may be as old as the look that saw it. */
const recentMs = 10 * 60_000;

export interface LoadCalibrationParts {
  readonly file: CalibrationFile;
  readonly log: Log;
  /** A model as Ollama describes it. @throws BackendError */
  readonly describe: (model: string, signal: AbortSignal) => Promise<OllamaModelReading>;
  readonly serverLog: (signal: AbortSignal) => Promise<LogTail | undefined>;
  readonly environment: () => Promise<OllamaEnvironment | undefined>;
  /** Any other server. @throws BackendError */
  readonly running: (load: OtherLoad, signal: AbortSignal) => Promise<RunningServer | undefined>;
  /** By a folder, a file, or a name that is published. Undefined: not known here. */
  readonly readModel: (name: string, signal: AbortSignal) => Promise<FitModel | undefined>;
}

const limitMs = 10_000;

/** With the servers that the settings name, on this machine. */
export function createLoadCalibration({
  file,
  settings,
  host,
}: {
  readonly file: CalibrationFile;
  readonly settings: () => Settings;
  readonly host: CoreHost;
}): LoadCalibration {
  const gpuHost = createNodeGpuHost({ limitMs: 2000 });
  const logHost = nodeServerLogHost((...asked) => gpuHost.run(...asked));
  return new LoadCalibration({
    file,
    log: host.log,
    describe: (model, signal) =>
      readOllamaModel(settings().ollamaUrl, ollamaTransport(settings(), host), model, signal),
    serverLog: (signal) => ollamaLog(logHost, signal, recentMs),
    environment: () => readOllamaEnvironment(nodeOllamaTraces(gpuHost)),
    running: (load, signal) => readRunning(load, transportOf(load, settings(), host), gpuHost, signal),
    readModel: async (name, signal) => {
      // A name only, or a place on this machine: nothing is fetched for a look.
      const reading = /^https?:/i.test(name) ? undefined : await readFitModel(name, host, signal);
      return reading?.outcome === 'model' ? reading.model : undefined;
    },
  });
}

function readRunning(load: OtherLoad, transport: TransportOptions, host: GpuHost, signal: AbortSignal) {
  const url = load.endpoint.replace(/\/v\d+\/?$/, '');
  return load.backend === 'vllm'
    ? readRunningVllm(url, transport, host, signal)
    : readRunningLlamaServer(url, transport, host, load.gpu, signal);
}

function transportOf({ backend }: OtherLoad, settings: Settings, host: CoreHost): TransportOptions {
  const { firstByteTimeoutMs, idleTimeoutMs } = settings;
  const urlSetting = backend === 'vllm' ? 'a2ia.vllmUrl' : 'a2ia.openaiCompatibleUrl';
  return { backend, host, firstByteTimeoutMs, idleTimeoutMs, urlSetting };
}

/** Measures loads as they are seen, each once, and keeps by what they differ from their plans. */
export class LoadCalibration {
  readonly #parts: LoadCalibrationParts;
  readonly #seen = new Set<string>();
  #work: Promise<unknown> = Promise.resolve();

  constructor(parts: LoadCalibrationParts) {
    this.#parts = parts;
  }

  /** Resolves when what can be learned of it is kept, to what that is. Never rejects: a plan is made without it too. */
  note(snapshot: GpuSnapshot): Promise<Calibration | undefined> {
    const noted = this.#work.then(() =>
      this.#measure(snapshot).catch((error: unknown) => {
        this.#parts.log.debug(`A load could not be measured: ${errorText(error)}`);
        return undefined;
      }),
    );
    this.#work = noted;
    return noted;
  }

  async #measure({ reading, server }: GpuSnapshot): Promise<Calibration | undefined> {
    const load = measurableLoad(reading, server);
    if (!load) return undefined;
    const { id, digest, contextWindowTokens, vramBytes } = load.model;
    const seen = [load.backend, id, digest, contextWindowTokens, vramBytes].join(' ');
    if (this.#seen.has(seen)) return undefined;
    this.#seen.add(seen);
    const found = await this.#calibrationOf(load, reading.readAtMs, AbortSignal.timeout(limitMs));
    if (!found) return undefined;
    await this.#parts.file.add(found);
    this.#parts.log.info(`What the load of ${id} took is kept for the next plan.`);
    return found;
  }

  async #calibrationOf(load: MeasurableLoad, atMs: number, signal: AbortSignal): Promise<Calibration | undefined> {
    const { describe, serverLog, environment, running, readModel } = this.#parts;
    if (load.backend !== 'ollama') {
      const server = await running(load, signal);
      const model = server && (await readModel(server.model, signal));
      return server && model && runningCalibration(load, server, model, atMs);
    }
    const described = await describe(load.model.id, signal);
    if (described.outcome === 'unusable') return undefined;
    const tail = await serverLog(signal).catch(() => undefined);
    return observedCalibration(load, described, tail && loadInLog(tail.text), atMs, await environment());
  }
}
