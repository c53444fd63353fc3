import { processName } from './processNames.ts';
import type { GpuProcess, GpuState } from './gpuReading.ts';

/**
 * What is asked of `nvidia-smi --query-gpu`. The name is last, since it alone may have a comma in it. `memory.reserved` came with driver 510 and
 * `mig.mode.current` with 450: older ones refuse the whole question.
 */
export const gpuFields = [
  'uuid',
  'driver_version',
  'memory.total',
  'memory.reserved',
  'memory.used',
  'memory.free',
  'utilization.gpu',
  'temperature.gpu',
  'power.draw',
  'mig.mode.current',
  'display_active',
  'name',
] as const;

/** What every driver since 340 answers. */
export const oldGpuFields: readonly GpuField[] = gpuFields.filter(
  (field) => field !== 'memory.reserved' && field !== 'mig.mode.current',
);

export type GpuField = (typeof gpuFields)[number];

export const processFields = 'gpu_uuid,pid,process_name,used_gpu_memory';

/** The answer to a question for `fields`, one card a line. Lines that are no answer are skipped: a card that is lost is told among them. */
export function parseGpus(text: string, fields: readonly GpuField[]): readonly GpuState[] {
  return text.split('\n').flatMap((line, position) => {
    const cells = line.split(',').map((cell) => cell.trim());
    if (cells.length < fields.length) return [];
    const values = [...cells.slice(0, fields.length - 1), cells.slice(fields.length - 1).join(', ')];
    const valueOf = (field: GpuField) => values[fields.indexOf(field)] ?? '';
    const uuid = known(valueOf('uuid'));
    const isAnswer = (uuid === undefined || isUuid(uuid)) && isFigure(valueOf('memory.total'));
    return isAnswer ? [gpuOf(uuid ?? `GPU ${position}`, valueOf)] : [];
  });
}

function gpuOf(id: string, valueOf: (field: GpuField) => string): GpuState {
  const name = known(valueOf('name')) ?? 'NVIDIA GPU';
  const isSplit = valueOf('mig.mode.current') === 'Enabled';
  return {
    id,
    name,
    vendor: 'nvidia',
    isUnified: false,
    processes: [],
    ...(isSplit
      ? { isSplit }
      : memory({
          total: valueOf('memory.total'),
          reserved: valueOf('memory.reserved'),
          used: valueOf('memory.used'),
          free: valueOf('memory.free'),
        })),
    ...optional('utilizationPercent', within(valueOf('utilization.gpu'), 0, 100)),
    ...optional('temperatureCelsius', within(valueOf('temperature.gpu'), -50, 200)),
    ...optional('powerWatts', within(valueOf('power.draw'), 0, 10_000)),
    ...optional('driverVersion', known(valueOf('driver_version'))),
    ...(valueOf('display_active') === 'Enabled' ? { hasDisplay: true } : {}),
  };
}

type Memory = Pick<GpuState, 'totalBytes' | 'usedBytes' | 'freeBytes'>;

/**
 * Since driver 510 total = reserved + used + free. Before, what the driver reserves was not in the total (RTX 2080 Ti: 11,019 MiB, then 11,264). Figures
 * that contradict each other are left out.
 */
function memory(texts: { readonly [key in 'total' | 'reserved' | 'used' | 'free']: string }): Memory {
  const total = mebibytes(texts.total);
  if (total === undefined || total === 0) return {};
  const usable = total - Math.min(mebibytes(texts.reserved) ?? 0, total);
  const usedBytes = atMost(mebibytes(texts.used), usable);
  const freeBytes = atMost(mebibytes(texts.free) ?? (usedBytes === undefined ? undefined : usable - usedBytes), usable);
  return { totalBytes: usable, ...optional('usedBytes', usedBytes), ...optional('freeBytes', freeBytes) };
}

export interface ListedProcess {
  /** The card, by its UUID. */
  readonly gpuId: string;
  readonly process: GpuProcess;
}

/** The answer to `--query-compute-apps`. A path may have commas in it; the figures around it have none. */
export function parseProcesses(text: string): readonly ListedProcess[] {
  return text.split('\n').flatMap((line) => {
    const cells = line.split(',').map((cell) => cell.trim());
    const [gpuId = '', pidText = ''] = cells;
    const pid = Number(pidText);
    if (cells.length < 4 || !isUuid(gpuId) || !Number.isSafeInteger(pid) || pid <= 0) return [];
    const path = cells.slice(2, -1).join(', ');
    const usedBytes = mebibytes(cells.at(-1) ?? '');
    return [{ gpuId, process: { pid, name: processName(path, pid), ...optional('usedBytes', usedBytes) } }];
  });
}

/** The parts of split cards, by the UUID of the card, from `nvidia-smi -q -x` and `nvidia-smi -L`. */
export function parseParts(xml: string, listing: string): ReadonlyMap<string, readonly GpuState[]> {
  const names = parseListing(listing);
  const parts = new Map<string, readonly GpuState[]>();
  for (const gpu of elements(xml, 'gpu')) {
    const migs = elements(first(gpu, 'mig_devices'), 'mig_device');
    // The parts come before the UUID of the card, and newer drivers give each its own.
    const gpuId = first(withoutElement(gpu, 'mig_devices'), 'uuid').trim();
    if (!isUuid(gpuId) || migs.length === 0) continue;
    const cardName = first(gpu, 'product_name').trim() || 'NVIDIA GPU';
    const processes = elements(first(gpu, 'processes'), 'process_info');
    parts.set(
      gpuId,
      migs.map((mig) => {
        const index = first(mig, 'index').trim();
        const instance = first(mig, 'gpu_instance_id').trim();
        const listed = names.get(`${gpuId} ${index}`);
        return {
          id: listed?.id ?? `${gpuId}/${index}`,
          name: listed ? `${cardName}, ${listed.profile}` : `${cardName}, part ${index}`,
          vendor: 'nvidia' as const,
          isUnified: false,
          ...memoryOf(first(mig, 'fb_memory_usage')),
          processes: processes
            .filter((process) => first(process, 'gpu_instance_id').trim() === instance)
            .flatMap(processOf),
        };
      }),
    );
  }
  return parts;
}

function memoryOf(usage: string): Memory {
  const [total, reserved, used, free] = ['total', 'reserved', 'used', 'free'].map((name) => first(usage, name).trim());
  return memory({ total: total ?? '', reserved: reserved ?? '', used: used ?? '', free: free ?? '' });
}

function processOf(info: string): readonly GpuProcess[] {
  const pid = Number(first(info, 'pid'));
  if (!Number.isSafeInteger(pid) || pid <= 0) return [];
  const usedBytes = mebibytes(first(info, 'used_memory').trim());
  return [{ pid, name: processName(first(info, 'process_name').trim(), pid), ...optional('usedBytes', usedBytes) }];
}

interface ListedPart {
  readonly id: string;
  /** `3g.20gb`: three of seven parts of the processors, and 20 GB. */
  readonly profile: string;
}

/** By `UUID of the card`, a space, and the number of the part. */
function parseListing(listing: string): ReadonlyMap<string, ListedPart> {
  const found = new Map<string, ListedPart>();
  let gpuId = '';
  for (const line of listing.split('\n')) {
    const card = /^GPU \d+: .*\(UUID: (GPU-[\w-]+)\)/.exec(line)?.[1];
    if (card !== undefined) gpuId = card;
    const [, profile, index, id] = /^\s*MIG (\S{1,40})\s+Device\s+(\d+): \(UUID: (MIG-[\w/-]+)\)/.exec(line) ?? [];
    if (profile !== undefined && index !== undefined && id !== undefined)
      found.set(`${gpuId} ${index}`, { id, profile });
  }
  return found;
}

/** The contents of each element of that name, from one that is not nested in itself. No entity occurs in what is read here. */
function elements(xml: string, name: string): readonly string[] {
  const found: string[] = [];
  const end = `</${name}>`;
  let at = 0;
  for (;;) {
    const start = xml.indexOf(`<${name}`, at);
    if (start < 0) return found;
    const next = xml[start + name.length + 1];
    const open = xml.indexOf('>', start);
    if (next !== '>' && next !== ' ') {
      at = start + name.length + 1;
      continue;
    }
    const close = xml.indexOf(end, open);
    if (open < 0 || close < 0) return found;
    found.push(xml.slice(open + 1, close));
    at = close + end.length;
  }
}

function first(xml: string, name: string): string {
  const start = xml.indexOf(`<${name}>`);
  const end = start < 0 ? -1 : xml.indexOf(`</${name}>`, start);
  return end < 0 ? '' : xml.slice(start + name.length + 2, end);
}

function withoutElement(xml: string, name: string): string {
  const start = xml.indexOf(`<${name}>`);
  const end = start < 0 ? -1 : xml.indexOf(`</${name}>`, start);
  return end < 0 ? xml : xml.slice(0, start) + xml.slice(end);
}

/** That of a Jetson has no `GPU-` before it. */
function isUuid(text: string): boolean {
  return /^(GPU-|MIG-)?[\da-f]{4,}[\da-f/-]{0,90}$/i.test(text) || /^MIG-GPU-[\w/-]{1,90}$/.test(text);
}

function isFigure(text: string): boolean {
  return numberOf(text) !== undefined || (text !== '' && known(text) === undefined);
}

/** `[N/A]`, `[Not Supported]`, `[Unknown Error]`, `[GPU requires reset]`: not known, which is not 0. */
function known(text: string): string | undefined {
  return text === '' || /^\[.*\]$|^N\/A$/.test(text) ? undefined : text;
}

function numberOf(text: string): { readonly value: number; readonly unit: string } | undefined {
  const [, digits, unit = ''] = /^(-?\d{1,12}(?:\.\d{1,6})?)(?: (\S{1,5}))?$/.exec(text) ?? [];
  return digits === undefined ? undefined : { value: Number(digits), unit };
}

function within(text: string, least: number, most: number): number | undefined {
  const value = numberOf(text)?.value;
  return value !== undefined && value >= least && value <= most ? value : undefined;
}

const bytesOfUnit: Readonly<Record<string, number>> = {
  '': 2 ** 20,
  MiB: 2 ** 20,
  MB: 2 ** 20,
  GiB: 2 ** 30,
  KiB: 2 ** 10,
};

/** Old drivers write `MB` and mean MiB. No card has 64 TiB. */
function mebibytes(text: string): number | undefined {
  const number = numberOf(text);
  const bytes = number && number.value * (bytesOfUnit[number.unit] ?? Number.NaN);
  return bytes !== undefined && bytes >= 0 && bytes <= 2 ** 46 ? bytes : undefined;
}

function atMost(value: number | undefined, most: number): number | undefined {
  return value !== undefined && value <= most ? value : undefined;
}

function optional<K extends string, V>(key: K, value: V | undefined): { readonly [key in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [key in K]: V });
}
