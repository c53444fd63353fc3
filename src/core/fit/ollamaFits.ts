import { ollamaTransport } from '../clients/ollamaApi.ts';
import type { GpuHost } from '../gpu/gpuHost.ts';
import type { CoreHost } from '../host.ts';
import type { Settings } from '../settings/settings.ts';
import { noCalibrations, planCalibrated, type Calibrations } from './calibration.ts';
import type { CalibrationFile } from './calibrationFile.ts';
import type { FitGpu, FitPlan, FitRequest, RunningOllama } from './fitRequest.ts';
import { nodeOllamaTraces, readOllamaEnvironment } from './ollamaEnvironment.ts';
import type { Planner } from './planFit.ts';
import { planWithLoaded, type Rooms } from './unloading.ts';
import { readOllamaModel, type OllamaModelReading } from './ollamaModel.ts';

/** A model may be fetched anew under its name, and a server be started anew. */
const rememberedMs = 300_000;
const environmentMs = 60_000;

/** What is known of the machine that Ollama runs on. */
export interface OllamaMachine {
  /** What loads took there beyond their plans. */
  calibrations(): Promise<Calibrations>;
  /** What Ollama was told there; undefined: not to be seen. */
  environment(): Promise<RunningOllama | undefined>;
}

const unknownMachine: OllamaMachine = {
  calibrations: () => Promise.resolve(noCalibrations),
  environment: () => Promise.resolve(undefined),
};

/** The machine that we are on. */
export function ownMachine(file: Pick<CalibrationFile, 'read'>, gpuHost: GpuHost): OllamaMachine {
  return {
    calibrations: () => file.read(),
    environment: () => readOllamaEnvironment(nodeOllamaTraces(gpuHost)),
  };
}

/** What models of an Ollama server take on its GPUs. Remembers for some minutes what each model is, since that is the slow part. */
export class OllamaFits {
  readonly #host: CoreHost;
  readonly #machine: OllamaMachine;
  #environment: { readonly atMs: number; readonly reading: Promise<RunningOllama | undefined> } | undefined;
  readonly #models = new Map<string, { readonly atMs: number; readonly reading: Promise<OllamaModelReading> }>();

  /** `machine`: that of the server. */
  constructor(host: CoreHost, machine: OllamaMachine = unknownMachine) {
    this.#host = host;
    this.#machine = machine;
  }

  /**
   * `contextTokens` left out: what the settings say, else what Ollama was told, or takes by itself. Undefined where the model cannot be planned.
   * @throws BackendError, or the reason of the signal
   */
  async plan(
    settings: Settings,
    model: string,
    gpus: readonly FitGpu[],
    signal: AbortSignal,
    contextTokens = settings.ollamaContextTokens,
  ): Promise<FitPlan | undefined> {
    const asked = await this.#ask(settings, model, contextTokens, signal);
    return asked && asked.planner({ ...asked.request, gpus });
  }

  /**
   * The same beside what Ollama has loaded, or in place of it.
   * @throws BackendError, or the reason of the signal
   */
  async planWithLoaded(
    settings: Settings,
    model: string,
    rooms: Rooms,
    signal: AbortSignal,
  ): Promise<FitPlan | undefined> {
    const asked = await this.#ask(settings, model, settings.ollamaContextTokens, signal);
    return asked && planWithLoaded(asked.request, rooms, asked.planner);
  }

  async #ask(
    settings: Settings,
    model: string,
    contextTokens: number | undefined,
    signal: AbortSignal,
  ): Promise<{ readonly request: FitRequest; readonly planner: Planner } | undefined> {
    const reading = await this.#read(settings, model, signal);
    if (reading.outcome === 'unusable') return undefined;
    const version = reading.version === undefined ? {} : { version: reading.version };
    const context = contextTokens === undefined ? {} : { contextTokens };
    const [calibrations, running] = await Promise.all([this.#machine.calibrations(), this.#told()]);
    return {
      request: { model: reading.model, server: { kind: 'ollama', ...version, ...running, ...context }, gpus: [] },
      planner: (request) => planCalibrated(request, calibrations),
    };
  }

  /** Many models are asked about at once. */
  #told(): Promise<RunningOllama | undefined> {
    if (!this.#environment || Date.now() - this.#environment.atMs >= environmentMs)
      this.#environment = { atMs: Date.now(), reading: this.#machine.environment().catch(() => undefined) };
    return this.#environment.reading;
  }

  #read(settings: Settings, model: string, signal: AbortSignal): Promise<OllamaModelReading> {
    const key = `${settings.ollamaUrl} ${model}`;
    const known = this.#models.get(key);
    if (known && Date.now() - known.atMs < rememberedMs) return known.reading;
    const reading = readOllamaModel(settings.ollamaUrl, ollamaTransport(settings, this.#host), model, signal);
    this.#models.set(key, { atMs: Date.now(), reading });
    // Whoever asks next may have more luck.
    reading.catch(() => this.#models.delete(key));
    return reading;
  }
}
