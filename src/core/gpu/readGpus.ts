import { isHeadlessCard } from '../fit/gpus.ts';
import { readAppleGpu } from './appleMemory.ts';
import type { GpuHost } from './gpuHost.ts';
import type { GpuReading, GpuState } from './gpuReading.ts';
import { canSleep, findLinuxCards, isAsleep, readAmdCard, type LinuxCard } from './linuxCards.ts';
import { failureOf, type Failure } from './nvidiaFailures.ts';
import { readNvidia, type SmiNotes } from './nvidiaSmi.ts';

/** What stays the same between two looks at one machine. */
export interface GpuNotes {
  readonly smi: SmiNotes;
  cards?: readonly LinuxCard[];
}

/**
 * One look at the graphics hardware. On Linux the kernel is asked first whether a card sleeps: it is not woken then. Starts at most two processes, four for a
 * split card, one after the other. Rejects only when `signal` is aborted, with its reason.
 */
export async function readGpus(host: GpuHost, signal: AbortSignal, notes: GpuNotes = { smi: {} }): Promise<GpuReading> {
  const readAtMs = host.now();
  if (host.platform === 'darwin') {
    const gpu = await readAppleGpu(host, signal);
    return gpu ? { state: 'gpus', gpus: [gpu], readAtMs } : none(macWithoutGpu, readAtMs);
  }
  const cards = host.platform === 'linux' ? (notes.cards ??= await findLinuxCards(host)) : [];
  const ofNvidia = cards.filter(({ vendor }) => vendor === 'nvidia');
  // nvidia-smi wakes every card, also for a question about another.
  if (await anyAsleep(host, ofNvidia)) return { state: 'asleep', readAtMs };
  const nvidia = await readNvidia(host, notes.smi, signal);
  if (isCards(nvidia)) {
    const gpus = await withSleep(nvidia, host, ofNvidia);
    return { state: 'gpus', gpus: (await isWindows(host)) ? gpus.map(withSpill) : gpus, readAtMs };
  }
  // Its tools are there, and its hardware is not: then that is no failure.
  const isElsewhere = ofNvidia.length === 0 && cards.length > 0;
  if (nvidia !== undefined && !isElsewhere) return { state: 'failed', ...nvidia, readAtMs };
  if (ofNvidia.length > 0) return { state: 'failed', ...withoutTool, readAtMs };
  return readOthers(host, cards, readAtMs);
}

const withoutTool: Failure = {
  ...failureOf('driverNotLoaded'),
  message: 'This machine has an NVIDIA card, but nvidia-smi was not found.',
  hint: 'Install NVIDIA’s driver: nvidia-smi comes with it. In a container start it with the GPU (docker run --gpus all).',
};

function isCards(found: readonly GpuState[] | Failure | undefined): found is readonly GpuState[] {
  return Array.isArray(found);
}

async function anyAsleep(host: GpuHost, cards: readonly LinuxCard[]): Promise<boolean> {
  return (await Promise.all(cards.map((card) => isAsleep(host, card)))).includes(true);
}

async function withSleep(
  gpus: readonly GpuState[],
  host: GpuHost,
  cards: readonly LinuxCard[],
): Promise<readonly GpuState[]> {
  const sleepers = await Promise.all(cards.map((card) => canSleep(host, card)));
  return sleepers.includes(true) ? gpus.map((gpu) => ({ ...gpu, canSleep: true })) : gpus;
}

/** WSL has the driver of its Windows. */
async function isWindows(host: GpuHost): Promise<boolean> {
  if (host.platform === 'win32') return true;
  return host.platform === 'linux' && /microsoft/i.test((await host.readFile('/proc/version')) ?? '');
}

/** Cards of servers run there without the graphics driver's memory manager (TCC). */
function withSpill(gpu: GpuState): GpuState {
  return gpu.isUnified || isHeadlessCard(gpu.name) ? gpu : { ...gpu, spills: true };
}

/** Where there is no card of NVIDIA. */
async function readOthers(host: GpuHost, cards: readonly LinuxCard[], readAtMs: number): Promise<GpuReading> {
  const ofAmd = cards.filter(({ vendor }) => vendor === 'amd');
  if (await anyAsleep(host, ofAmd)) return { state: 'asleep', readAtMs };
  const gpus = (await Promise.all(ofAmd.map((card) => readAmdCard(host, card)))).filter((gpu) => gpu !== undefined);
  if (gpus.length > 0) return { state: 'gpus', gpus: await withSleep(gpus, host, ofAmd), readAtMs };
  return none(await absence(host, cards), readAtMs);
}

const macWithoutGpu = 'On a Mac with an Intel processor models run on the CPU.';

/** What there is instead. */
async function absence(host: GpuHost, cards: readonly LinuxCard[]): Promise<string> {
  if (cards.some(({ vendor }) => vendor === 'amd'))
    return 'There is an AMD card, but its driver (amdgpu) does not run it: models run on the CPU.';
  if (cards.some(({ vendor }) => vendor === 'intel'))
    return 'There are Intel graphics only, which tell nothing of their memory. Most servers run models on the CPU then.';
  if (host.platform === 'win32')
    return 'No NVIDIA GPU was found. What memory other cards have is not known to A2IA on Windows.';
  if (await isWindows(host)) return 'WSL has no NVIDIA GPU: either Windows has none, or its driver is too old for WSL.';
  const isContainer = await Promise.all(['/.dockerenv', '/run/.containerenv'].map((file) => host.readFile(file)));
  if (isContainer.some((mark) => mark !== undefined))
    return 'This container has no GPU. If its machine has one, start the container with it (docker run --gpus all).';
  return 'No GPU was found: models run on the CPU.';
}

function none(message: string, readAtMs: number): GpuReading {
  return { state: 'none', message, readAtMs };
}
