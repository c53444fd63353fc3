/** What one look at the graphics hardware of this machine gave. Every failure is a state with words of its own, never an exception. */
export type GpuReading =
  | { readonly state: 'gpus'; readonly gpus: readonly GpuState[]; readonly readAtMs: number }
  /** A laptop's card that is switched off: reading its memory would wake it. */
  | { readonly state: 'asleep'; readonly name?: string; readonly readAtMs: number }
  | { readonly state: 'none'; readonly message: string; readonly readAtMs: number }
  | {
      readonly state: 'failed';
      readonly kind: GpuFailure;
      readonly message: string;
      /** What to do about it, a whole sentence. */
      readonly hint: string;
      readonly readAtMs: number;
    };

export type GpuFailure =
  | 'driverNotLoaded'
  | 'driverMismatch'
  | 'noDevices'
  | 'noPermission'
  | 'blocked'
  | 'gpuLost'
  | 'timedOut'
  | 'unreadable';

/** Bytes that the driver did not tell are left out, never 0. */
export interface GpuState {
  /** The driver's name for it, the same after a restart. */
  readonly id: string;
  readonly name: string;
  readonly vendor: 'nvidia' | 'amd' | 'apple' | 'intel';
  /** What a process can use at most: what the driver keeps for itself is subtracted. */
  readonly totalBytes?: number;
  readonly usedBytes?: number;
  readonly freeBytes?: number;
  /** The CPU has its memory there too. */
  readonly isUnified: boolean;
  /** A card that is split: its parts follow it, each with its own memory, and it has none for itself. */
  readonly isSplit?: boolean;
  /** The total is a rule of thumb. */
  readonly isApproximate?: boolean;
  /** Windows and WSL: what is too much is paged into the machine's memory, which is slow, instead of failing. */
  readonly spills?: boolean;
  /** A screen is on it, so that what no listed process uses is the desktop’s. */
  readonly hasDisplay?: boolean;
  /** It is switched off when nobody uses it, so that looking often would keep it awake. */
  readonly canSleep?: boolean;
  readonly processes: readonly GpuProcess[];
  readonly utilizationPercent?: number;
  readonly temperatureCelsius?: number;
  readonly powerWatts?: number;
  readonly driverVersion?: string;
}

export interface GpuProcess {
  readonly pid: number;
  /** As one would call it: `Ollama`, `python`, `desktop`. */
  readonly name: string;
  /** Left out where the driver does not tell it (Windows, WSL). */
  readonly usedBytes?: number;
}
