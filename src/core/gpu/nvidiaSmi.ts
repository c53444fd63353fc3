import type { GpuHost, RunOutcome } from './gpuHost.ts';
import type { GpuState } from './gpuReading.ts';
import { failureOf, failureOfRun, type Failure } from './nvidiaFailures.ts';
import {
  gpuFields,
  oldGpuFields,
  parseGpus,
  parseParts,
  parseProcesses,
  processFields,
  type GpuField,
} from './nvidiaSmiText.ts';

/** What was learnt of this machine's nvidia-smi, so that it is not found out each time. */
export interface SmiNotes {
  program?: string;
  fields?: readonly GpuField[];
}

const csv = '--format=csv,noheader,nounits';

/** Undefined where there is no nvidia-smi. */
export async function readNvidia(
  host: GpuHost,
  notes: SmiNotes,
  signal: AbortSignal,
): Promise<readonly GpuState[] | Failure | undefined> {
  const asked = await askForGpus(host, notes, signal);
  if (asked === undefined || 'kind' in asked) return asked;
  const { ask, gpus } = asked;
  const listed = await ask([`--query-compute-apps=${processFields}`, csv]);
  const processes = listed.end === 'exited' ? parseProcesses(listed.stdout) : [];
  const withProcesses = gpus.map((gpu) => ({
    ...gpu,
    processes: processes.filter(({ gpuId }) => gpuId === gpu.id).map(({ process }) => process),
  }));
  const whole = await Promise.all(withProcesses.map((gpu) => withUnifiedMemory(gpu, host)));
  return whole.some(({ isSplit }) => isSplit) ? withParts(whole, ask) : whole;
}

type AskSmi = (args: readonly string[]) => Promise<RunOutcome>;

async function askForGpus(
  host: GpuHost,
  notes: SmiNotes,
  signal: AbortSignal,
): Promise<{ readonly ask: AskSmi; readonly gpus: readonly GpuState[] } | Failure | undefined> {
  for (const program of notes.program === undefined ? places(host.platform) : [notes.program]) {
    const ask: AskSmi = (args) => host.run(program, args, signal);
    let fields = notes.fields ?? gpuFields;
    let outcome = await ask(queryFor(fields));
    if (outcome.end === 'notFound') continue;
    if (fields !== oldGpuFields && isRefused(outcome)) {
      fields = oldGpuFields;
      outcome = await ask(queryFor(fields));
    }
    if (outcome.end === 'notFound') return failureOf('unreadable');
    const gpus = outcome.end === 'exited' ? parseGpus(outcome.stdout, fields) : [];
    if (gpus.length === 0) return failureOfRun(outcome);
    notes.program = program;
    notes.fields = fields;
    return { ask, gpus };
  }
  delete notes.program;
  return undefined;
}

function queryFor(fields: readonly GpuField[]): readonly string[] {
  return [`--query-gpu=${fields.join(',')}`, csv];
}

function isRefused(outcome: RunOutcome): boolean {
  return outcome.end === 'exited' && /is not a valid field to query/.test(outcome.stdout + outcome.stderr);
}

/** On the PATH first. WSL's is often not in it, and before 2021 the installer for Windows put it into a folder of its own. */
function places(platform: NodeJS.Platform): readonly string[] {
  if (platform === 'win32') {
    return [
      'nvidia-smi.exe',
      String.raw`C:\Windows\System32\nvidia-smi.exe`,
      String.raw`C:\Program Files\NVIDIA Corporation\NVSMI\nvidia-smi.exe`,
    ];
  }
  if (platform === 'linux') return ['nvidia-smi', '/usr/bin/nvidia-smi', '/usr/lib/wsl/lib/nvidia-smi'];
  return [];
}

/** Machines where CPU and GPU share their memory tell none for the GPU (GB10, Jetson): what it can have is what the machine has. */
async function withUnifiedMemory(gpu: GpuState, host: GpuHost): Promise<GpuState> {
  if (gpu.totalBytes !== undefined || gpu.isSplit || host.platform !== 'linux') return gpu;
  if (!sharesMemory.test(gpu.name)) return gpu;
  const meminfo = (await host.readFile('/proc/meminfo')) ?? '';
  const kibibytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d{1,15}) kB$`, 'm').exec(meminfo)?.[1]);
  const totalBytes = kibibytes('MemTotal') * 1024;
  const freeBytes = kibibytes('MemAvailable') * 1024;
  if (!(totalBytes > 0) || !(freeBytes >= 0) || freeBytes > totalBytes) return { ...gpu, isUnified: true };
  return { ...gpu, isUnified: true, totalBytes, freeBytes, usedBytes: totalBytes - freeBytes };
}

/** Their names: a card with memory of its own can fail to tell it too, and that is another case. */
const sharesMemory = /\b(GB10|GH200|GB200|GB300|Orin|Thor|Xavier|Tegra|nvgpu|N1X?)\b/i;

/** A split card is followed by its parts. */
async function withParts(gpus: readonly GpuState[], ask: AskSmi): Promise<readonly GpuState[]> {
  const xml = await ask(['-q', '-x']);
  const listing = await ask(['-L']);
  const textOf = (outcome: RunOutcome) => (outcome.end === 'exited' ? outcome.stdout : '');
  const parts = parseParts(textOf(xml), textOf(listing));
  return gpus.flatMap((gpu) => {
    if (!gpu.isSplit) return [gpu];
    const own = parts.get(gpu.id) ?? [];
    // Its processes are those of its parts.
    return [{ ...gpu, processes: [] }, ...own];
  });
}
