import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { calibrationText } from '../../core/fit/corrections.ts';
import { noCalibrations, parseCalibrations, withCalibration, type Calibrations } from '../../core/fit/calibration.ts';
import { loadInLog } from '../../core/fit/diagnosis/loadInLog.ts';
import { nodeServerLogHost, ollamaLog, type LogTail } from '../../core/fit/diagnosis/serverLog.ts';
import { measurableLoad, observedCalibration } from '../../core/fit/observedLoad.ts';
import { readOllamaModel, type OllamaModelReading } from '../../core/fit/ollamaModel.ts';
import type { GpuSnapshot } from '../../core/gpu/gpuText.ts';
import { createNodeGpuHost } from '../../core/gpu/nodeGpuHost.ts';
import type { CoreHost, Log } from '../../core/host.ts';
import { errorText } from '../../core/util/errorText.ts';
import type { EditorSettings } from '../editorSettings.ts';

/** A load that somebody waited for may be as old as the look that saw it. */
const recentMs = 10 * 60_000;

export interface LoadCalibrationParts {
  /** Where what was measured is kept, for all windows; it stays on this machine. */
  readonly file: string;
  readonly log: Log;
  /** A model as the server describes it. @throws BackendError */
  readonly describe: (model: string, signal: AbortSignal) => Promise<OllamaModelReading>;
  readonly serverLog: (signal: AbortSignal) => Promise<LogTail | undefined>;
}

const limitMs = 10_000;

/** As the extension makes it. */
export function createLoadCalibration({
  folder,
  settings,
  host,
  log,
}: {
  readonly folder: string;
  readonly settings: EditorSettings;
  readonly host: CoreHost;
  readonly log: Log;
}): LoadCalibration {
  const gpuHost = createNodeGpuHost({ limitMs: 2000 });
  const logHost = nodeServerLogHost((...asked) => gpuHost.run(...asked));
  return new LoadCalibration({
    file: path.join(folder, 'calibrations.json'),
    log,
    describe: (model, signal) => {
      const { ollamaUrl, firstByteTimeoutMs, idleTimeoutMs } = settings.current();
      const transport = {
        host,
        firstByteTimeoutMs,
        idleTimeoutMs,
        backend: 'ollama',
        urlSetting: 'a2ia.ollamaUrl',
      } as const;
      return readOllamaModel(ollamaUrl, transport, model, signal);
    },
    serverLog: (signal) => ollamaLog(logHost, signal, recentMs),
  });
}

/** Measures loads as they are seen, each once, and keeps by what they differ from their plans. */
export class LoadCalibration {
  readonly #parts: LoadCalibrationParts;
  readonly #seen = new Set<string>();
  #work: Promise<void> = Promise.resolve();

  constructor(parts: LoadCalibrationParts) {
    this.#parts = parts;
  }

  /** Of every load on this machine; read anew, since another window may have measured too. */
  async current(): Promise<Calibrations> {
    const text = await readFile(this.#parts.file, 'utf8').catch(() => undefined);
    return text === undefined ? noCalibrations : parseCalibrations(text);
  }

  /** Resolves when what can be learned of it is kept. Never rejects: a plan is made without it too. */
  note(snapshot: GpuSnapshot): Promise<void> {
    this.#work = this.#work
      .then(() => this.#measure(snapshot))
      .catch((error: unknown) => this.#parts.log.debug(`A load could not be measured: ${errorText(error)}`));
    return this.#work;
  }

  async #measure({ reading, server }: GpuSnapshot): Promise<void> {
    const load = measurableLoad(reading, server);
    if (!load) return;
    const { id, contextWindowTokens, vramBytes } = load.model;
    const seen = [id, contextWindowTokens, vramBytes].join(' ');
    if (this.#seen.has(seen)) return;
    this.#seen.add(seen);
    const signal = AbortSignal.timeout(limitMs);
    const described = await this.#parts.describe(id, signal);
    if (described.outcome === 'unusable') return;
    const tail = await this.#parts.serverLog(signal).catch(() => undefined);
    const found = observedCalibration(load, described, tail && loadInLog(tail.text), reading.readAtMs);
    if (!found) return;
    await this.#write(withCalibration(await this.current(), found));
    this.#parts.log.info(`${id}, context ${contextWindowTokens}: ${calibrationText(found)}`);
  }

  async #write(calibrations: Calibrations): Promise<void> {
    const { file } = this.#parts;
    await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
    const temporary = `${file}.${process.pid}`;
    await writeFile(temporary, `${JSON.stringify(calibrations)}\n`, { mode: 0o600 });
    await rename(temporary, file);
  }
}
