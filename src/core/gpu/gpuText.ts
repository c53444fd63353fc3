import type { LoadedModel } from '../clients/llmClient.ts';
import { memoryText, tokensText } from '../fit/bytesText.ts';
import type { GpuReading, GpuState } from './gpuReading.ts';
import { cpuShare, isForwarded, leastCpuShare, type ServerUse } from './serverUse.ts';

/** One look at a machine: its GPUs, and what the server in use has loaded. */
export interface GpuSnapshot {
  readonly reading: GpuReading;
  /** Undefined: nobody was found, or it tells nothing of its memory. */
  readonly server?: ServerUse;
  /** For a model that is partly on the CPU, by its id: the longest context that would fit on the GPU. */
  readonly fittingTokens?: ReadonlyMap<string, number>;
}

const gibibyte = 1024 ** 3;

/** For a narrow place: `9.1/11.6 GiB`; undefined where no card tells its memory. */
export function shortMemory(gpus: readonly GpuState[]): string | undefined {
  const told = gpus.flatMap(({ totalBytes, usedBytes }) =>
    totalBytes === undefined ? [] : [{ totalBytes, usedBytes }],
  );
  if (told.length === 0) return undefined;
  if (told.length <= 2) return `${told.map(pair).join(', ')} GiB`;
  const sum = (values: readonly (number | undefined)[]) => values.reduce((total = 0, value = 0) => total + value, 0);
  const all = {
    totalBytes: sum(told.map(({ totalBytes }) => totalBytes)) ?? 0,
    usedBytes: sum(told.map((one) => one.usedBytes)),
  };
  return `${pair(all)} GiB on ${told.length} GPUs`;
}

function pair({
  totalBytes,
  usedBytes,
}: {
  readonly totalBytes: number;
  readonly usedBytes: number | undefined;
}): string {
  const total = gibibytes(totalBytes);
  return usedBytes === undefined ? total : `${gibibytes(usedBytes)}/${total}`;
}

function gibibytes(bytes: number): string {
  return (bytes / gibibyte).toFixed(bytes >= 99.95 * gibibyte ? 0 : 1);
}

/** `9.1 of 11.6 GiB used, 2.5 GiB free`. */
export function memoryUse(gpu: GpuState): string {
  const { totalBytes, usedBytes, freeBytes, isUnified, isApproximate, isSplit } = gpu;
  if (isSplit) return 'Split into parts, each with its own memory.';
  if (totalBytes === undefined) return 'The driver does not tell its memory.';
  const total = `${isApproximate ? 'about ' : ''}${memoryText(totalBytes)}`;
  const shared = isUnified ? ' of the machine’s memory' : '';
  if (usedBytes === undefined) return `${total}${shared}; how much is in use is not told`;
  const free = freeBytes === undefined ? '' : `, ${memoryText(freeBytes)} free`;
  return `${withoutUnitOf(total, memoryText(usedBytes))} of ${total}${shared} used${free}`;
}

/** `9.1` before `11.6 GiB`, `640 MiB` before another unit. */
function withoutUnitOf(total: string, size: string): string {
  const [amount = '', unit = ''] = size.split(' ');
  return total.endsWith(unit) ? amount : size;
}

/** `2.5 of 11.6 GiB free`; without what is in use, the total. */
export function freeMemory(gpu: GpuState): string {
  const { totalBytes, freeBytes } = gpu;
  if (totalBytes === undefined || freeBytes === undefined) return memoryUse(gpu);
  const total = memoryText(totalBytes);
  return `${withoutUnitOf(total, memoryText(freeBytes))} of ${total} free`;
}

/** Where Windows is about to page, or does: its list of processes says nothing of that. Undefined elsewhere. */
export function pagingAlarm({ spills, totalBytes, freeBytes }: GpuState): string | undefined {
  if (!spills || totalBytes === undefined || freeBytes === undefined || freeBytes >= 0.05 * totalBytes)
    return undefined;
  return 'It is full: Windows pages into the machine’s memory what does not fit, and answers come many times slower.';
}

/** `65 % busy, 27 °C, 142 W`; empty where nothing is told. */
export function sensors({ utilizationPercent, temperatureCelsius, powerWatts }: GpuState): string {
  const parts = [
    utilizationPercent === undefined ? '' : `${Math.round(utilizationPercent)} % busy`,
    temperatureCelsius === undefined ? '' : `${Math.round(temperatureCelsius)} °C`,
    powerWatts === undefined ? '' : `${Math.round(powerWatts)} W`,
  ];
  return parts.filter(Boolean).join(', ');
}

/** What is left is worth a word from here on. */
const leastRestBytes = 64 * 1024 ** 2;
const mostListed = 6;

/** `Ollama 9.1 GiB, python 3.2 GiB, desktop 400 MiB`; empty where nobody uses it, or nobody is seen. */
export function processUse(gpu: GpuState): string {
  const uses = new Map<string, number | undefined>();
  for (const { name, usedBytes } of gpu.processes) {
    const before = uses.has(name) ? uses.get(name) : 0;
    uses.set(name, usedBytes === undefined || before === undefined ? undefined : before + usedBytes);
  }
  const sizes = [...uses.values()];
  if (sizes.includes(undefined)) {
    const names = [...uses.keys()];
    const more = names.length > mostListed ? ` and ${names.length - mostListed} more` : '';
    return `${names.slice(0, mostListed).join(', ')}${more} (how much each takes is not told here)`;
  }
  // Who only draws is not in the list.
  const rest = gpu.isUnified ? 0 : (gpu.usedBytes ?? 0) - sizes.reduce<number>((total, bytes = 0) => total + bytes, 0);
  const restName = gpu.hasDisplay ? 'desktop' : uses.size > 0 ? 'others' : 'programs that the driver does not list';
  if (rest >= leastRestBytes) uses.set(restName, (uses.get(restName) ?? 0) + rest);
  const sorted = [...uses].sort(([, a = 0], [, b = 0]) => b - a);
  const listed = sorted.slice(0, mostListed).map(([name, bytes = 0]) => `${name} ${memoryText(bytes)}`);
  const more = sorted.length > mostListed ? [`${sorted.length - mostListed} more`] : [];
  return [...listed, ...more].join(', ');
}

/** `9.1 GiB, context of 32k, all on the GPU`. */
export function loadedUse(model: LoadedModel): string {
  const { sizeBytes, contextWindowTokens, kvCacheUsage } = model;
  const share = cpuShare(model);
  const place =
    share === undefined
      ? ''
      : share < leastCpuShare
        ? 'all on the GPU'
        : share > 1 - leastCpuShare
          ? 'all on the CPU'
          : '';
  const parts = [
    sizeBytes ? memoryText(sizeBytes) : '',
    contextWindowTokens ? `context of ${tokensText(contextWindowTokens)}` : '',
    place,
    kvCacheUsage === undefined ? '' : `${Math.round(kvCacheUsage * 100)} % of its KV cache in use`,
  ];
  return parts.filter(Boolean).join(', ');
}

/** A model that is slow because it is not all on the GPU; undefined for one that is, and where nobody tells. */
export function spillAlarm(model: LoadedModel, fittingTokens?: number): string | undefined {
  const share = cpuShare(model);
  if (share === undefined || share < leastCpuShare) return undefined;
  const what = share > 1 - leastCpuShare ? 'All of it runs' : `${Math.max(1, Math.round(share * 100))} % runs`;
  const fits = fittingTokens === undefined ? '' : `; a context of ${tokensText(fittingTokens)} would fit`;
  return `${what} on the CPU, expect slow${fits}.`;
}

/** Whose GPU this is not; undefined where it is the server's own. */
export function elsewhere({ reading, server }: GpuSnapshot): string | undefined {
  if (!server) return undefined;
  const address = server.backend === 'embedded' ? '' : new URL(server.endpoint).host;
  if (server.backend === 'embedded') return 'The model inside A2IA runs on the CPU, not on a GPU.';
  if (!server.isHere) return `${server.backend} runs on another machine (${address}): a GPU here is not its GPU.`;
  if (reading.state !== 'gpus' || !isForwarded(server, reading.gpus)) return undefined;
  return `${server.backend} at ${address} has more on its GPU than the GPUs here have in use: it probably runs on another machine, behind a forwarded port.`;
}

/** For the status bar: `VRAM 9.1/11.6 GiB`. Of a server elsewhere what that one says, since the GPUs here are not its own. */
export function itemText(snapshot: GpuSnapshot): string {
  const { reading, server } = snapshot;
  const models = server?.models ?? [];
  const onServer = models.reduce((total, { vramBytes = 0 }) => total + vramBytes, 0);
  if (server && elsewhere(snapshot) !== undefined) {
    const where = server.isHere ? 'the server' : new URL(server.endpoint).hostname;
    if (onServer > 0) return `VRAM ${memoryText(onServer)} on ${where}`;
    const usage = Math.max(-1, ...models.map(({ kvCacheUsage = -1 }) => kvCacheUsage));
    if (usage >= 0) return `KV cache ${Math.round(usage * 100)} % on ${where}`;
  }
  if (reading.state === 'asleep') return 'GPU off';
  if (reading.state === 'none') return 'No GPU';
  if (reading.state === 'failed') return 'GPU';
  const share = Math.max(0, ...models.map((model) => cpuShare(model) ?? 0));
  const spill = share < leastCpuShare ? '' : ` · ${Math.max(1, Math.round(share * 100))} % on CPU`;
  return `VRAM ${shortMemory(reading.gpus) ?? 'not told'}${spill}`;
}

/** What there is, in one line: `NVIDIA GeForce RTX 3080: 9.0 of 9.6 GiB used, 660 MiB free`. */
export function readingLine(reading: GpuReading): string {
  switch (reading.state) {
    case 'gpus':
      return reading.gpus.map((gpu) => `${gpu.name}: ${memoryUse(gpu)}`).join('; ');
    case 'asleep':
      return `${reading.name ?? 'The GPU'} is switched off to save power, and is left so.`;
    case 'none':
      return reading.message;
    case 'failed':
      return `${reading.message} ${reading.hint}`;
  }
}

/** All of it as lines, for a terminal. */
export function snapshotLines(snapshot: GpuSnapshot): readonly string[] {
  const { reading, server, fittingTokens } = snapshot;
  const gpus = reading.state === 'gpus' ? reading.gpus : [];
  const cards = gpus.flatMap((gpu) => [
    `${gpu.name}${gpu.driverVersion ? ` (driver ${gpu.driverVersion})` : ''}`,
    ...[memoryUse(gpu), pagingAlarm(gpu), sensors(gpu), processUse(gpu)].filter(Boolean).map((line) => `  ${line}`),
  ]);
  const hardware = gpus.length > 0 ? cards : [readingLine(reading)];
  if (!server) return hardware;
  const models = server.models.flatMap((model) => {
    const alarm = spillAlarm(model, fittingTokens?.get(model.id));
    return [`  ${[model.id, loadedUse(model)].filter(Boolean).join(': ')}`, ...(alarm ? [`    ${alarm}`] : [])];
  });
  const told = server.problem === undefined ? ['  No model is loaded.'] : [`  ${server.problem}`];
  const note = elsewhere(snapshot);
  return [
    ...hardware,
    `${server.backend} at ${server.endpoint}`,
    ...(models.length > 0 ? models : told),
    ...(note === undefined ? [] : [`  ${note}`]),
  ];
}
