import type { GpuHost } from './gpuHost.ts';
import type { GpuReading } from './gpuReading.ts';
import type { GpuSnapshot } from './gpuText.ts';
import { readGpus, type GpuNotes } from './readGpus.ts';
import type { ServerUse } from './serverUse.ts';

export interface GpuMonitorParts {
  readonly host: GpuHost;
  /** What the server in use has loaded. Not asked on a machine without a GPU, unless a person wants to know. */
  readonly readServer: (signal: AbortSignal) => Promise<ServerUse | undefined>;
  /** The longest context of each model that is partly on the CPU with which it would not be. */
  readonly fittingTokens?: (
    server: ServerUse,
    reading: GpuReading,
    signal: AbortSignal,
  ) => Promise<ReadonlyMap<string, number>>;
  readonly startTimer: StartTimer;
  readonly onChange: (snapshot: GpuSnapshot) => void;
}

/** Runs something later, once; gives what calls that off. */
export type StartTimer = (delayMs: number, run: () => void) => () => void;

/** What nobody works with changes seldom, and a look costs 50 ms of a processor. */
export const idleIntervalMs = 60_000;
/** While a request of ours runs: a model may be loading. */
const busyIntervalMs = 3_000;
/** A card that nobody uses falls asleep within a minute or two, unless it is looked at. */
const sleeperIntervalMs = 300_000;
/** Who comes back to the window wants to see what is, not what was. */
const staleMs = 10_000;
const firstBackOffMs = 30_000;
const mostBackOffMs = 300_000;

/** Looks at the GPUs as often as somebody has something of it: never while nobody watches, and seldom after a failure. One look at a time. */
export class GpuMonitor {
  readonly #parts: GpuMonitorParts;
  readonly #closing = new AbortController();
  #notes: GpuNotes = { smi: {} };
  #latest: GpuSnapshot | undefined;
  #looking: Promise<GpuSnapshot> | undefined;
  #failures = 0;
  #isWatched = false;
  #isBusy = false;
  #callOff: () => void = () => undefined;

  constructor(parts: GpuMonitorParts) {
    this.#parts = parts;
  }

  get latest(): GpuSnapshot | undefined {
    return this.#latest;
  }

  /** Somebody can see what is found. */
  setWatched(isWatched: boolean): void {
    if (isWatched === this.#isWatched) return;
    this.#isWatched = isWatched;
    this.#schedule(staleMs);
  }

  /** A request of ours runs. Its beginning and its end change what is loaded. */
  setBusy(isBusy: boolean): void {
    if (isBusy === this.#isBusy) return;
    this.#isBusy = isBusy;
    this.#schedule(0);
  }

  /** Looks because a person wants to know: at once, and as if nothing were known of this machine. @throws the abort reason once disposed */
  refresh(): Promise<GpuSnapshot> {
    this.#notes = { smi: {} };
    return this.#look({ isAsked: true });
  }

  /** What is known, looked at anew if it is older; after a failure not before its time. @throws the abort reason once disposed */
  async recent(mostAgeMs: number): Promise<GpuSnapshot> {
    const known = this.#latest;
    if (!known) return this.#look({ isAsked: false });
    const { reading } = known;
    const ageMs = this.#parts.host.now() - reading.readAtMs;
    const isOld = ageMs > (reading.state === 'failed' ? this.#intervalMs() : mostAgeMs);
    return isOld && reading.state !== 'none' ? this.#look({ isAsked: false }) : known;
  }

  dispose(): void {
    this.#callOff();
    this.#closing.abort();
  }

  /** `mostAgeMs`: what is older is looked at anew at once, where a look disturbs nobody. */
  #schedule(mostAgeMs = Number.POSITIVE_INFINITY): void {
    this.#callOff();
    if (!this.#isWatched || this.#looking || this.#closing.signal.aborted) return;
    const delayMs = this.#delayMs(mostAgeMs);
    if (delayMs === undefined) return;
    this.#callOff = this.#parts.startTimer(delayMs, () => {
      this.#look({ isAsked: false }).catch(() => undefined);
    });
  }

  /** Until the next look; undefined: there is nothing to see. */
  #delayMs(mostAgeMs: number): number | undefined {
    if (!this.#latest) return 0;
    const { reading } = this.#latest;
    if (reading.state === 'none') return undefined;
    const ageMs = this.#parts.host.now() - reading.readAtMs;
    const intervalMs = this.#intervalMs();
    const mayBeEarly = reading.state !== 'failed' && intervalMs !== sleeperIntervalMs;
    // A clock that was set back makes nobody wait for longer.
    return Math.max(0, Math.min(intervalMs, (mayBeEarly ? Math.min(intervalMs, mostAgeMs) : intervalMs) - ageMs));
  }

  #intervalMs(): number {
    const { reading, server } = this.#latest ?? {};
    if (reading?.state === 'failed') return Math.min(firstBackOffMs * 2 ** (this.#failures - 1), mostBackOffMs);
    if (this.#isBusy) return busyIntervalMs;
    const isUnused =
      reading?.state === 'gpus' &&
      reading.gpus.every(({ canSleep, processes }) => canSleep && processes.length === 0) &&
      !server?.models.length;
    return isUnused ? sleeperIntervalMs : idleIntervalMs;
  }

  #look(how: { readonly isAsked: boolean }): Promise<GpuSnapshot> {
    this.#callOff();
    this.#looking ??= this.#lookNow(how).finally(() => {
      this.#looking = undefined;
      this.#schedule();
    });
    return this.#looking;
  }

  async #lookNow({ isAsked }: { readonly isAsked: boolean }): Promise<GpuSnapshot> {
    const { host, readServer, fittingTokens, onChange } = this.#parts;
    const { signal } = this.#closing;
    const read = await readGpus(host, signal, this.#notes);
    const reading = read.state === 'asleep' ? { ...read, ...this.#lastName() } : read;
    const server = reading.state === 'none' && !isAsked ? undefined : await readServer(signal).catch(() => undefined);
    const fitting = server && (await fittingTokens?.(server, reading, signal).catch(() => undefined));
    signal.throwIfAborted();
    this.#failures = reading.state === 'failed' ? this.#failures + 1 : 0;
    this.#latest = { reading, ...(server ? { server } : {}), ...(fitting ? { fittingTokens: fitting } : {}) };
    onChange(this.#latest);
    return this.#latest;
  }

  /** A card that sleeps is not asked for its name. */
  #lastName(): { readonly name?: string } {
    const reading = this.#latest?.reading;
    if (reading?.state === 'asleep') return reading.name === undefined ? {} : { name: reading.name };
    const name = reading?.state === 'gpus' ? reading.gpus[0]?.name : undefined;
    return name === undefined ? {} : { name };
  }
}
