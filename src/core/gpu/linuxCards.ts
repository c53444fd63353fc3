import type { GpuHost } from './gpuHost.ts';
import type { GpuState } from './gpuReading.ts';

/** A graphics card, or an accelerator, on the PCI bus of a Linux machine. */
export interface LinuxCard {
  readonly folder: string;
  readonly vendor: 'nvidia' | 'amd' | 'intel' | 'other';
}

const devicesFolder = '/sys/bus/pci/devices';

const vendors: Readonly<Record<string, LinuxCard['vendor']>> = {
  '0x10de': 'nvidia',
  '0x1002': 'amd',
  '0x8086': 'intel',
};

/** PCI classes: a display controller, with or without a socket for a screen, and a processing accelerator. */
const cardClass = /^0x(03|12)/;

/** None where the bus cannot be seen, as in some containers. */
export async function findLinuxCards(host: GpuHost): Promise<readonly LinuxCard[]> {
  const names = await host.listFolder(devicesFolder);
  const cards = await Promise.all(
    names.map(async (name): Promise<LinuxCard | undefined> => {
      const folder = `${devicesFolder}/${name}`;
      if (!cardClass.test((await host.readFile(`${folder}/class`)) ?? '')) return undefined;
      const vendor = (await host.readFile(`${folder}/vendor`))?.trim() ?? '';
      return { folder, vendor: vendors[vendor] ?? 'other' };
    }),
  );
  return cards.filter((card) => card !== undefined);
}

/** What the kernel has in its books: asking does not wake a card. */
export async function isAsleep(host: GpuHost, { folder }: LinuxCard): Promise<boolean> {
  return (await host.readFile(`${folder}/power/runtime_status`))?.trim() === 'suspended';
}

/** The kernel may switch it off when nobody uses it. */
export async function canSleep(host: GpuHost, { folder }: LinuxCard): Promise<boolean> {
  return (await host.readFile(`${folder}/power/control`))?.trim() === 'auto';
}

/** A processor’s own graphics are given this much at most as memory of their own, and share the rest of the machine’s. */
const mostOfSharedBytes = 2 * 1024 ** 3;

/** From the files of the amdgpu driver, in bytes. Undefined where that driver does not run the card. */
export async function readAmdCard(host: GpuHost, card: LinuxCard): Promise<GpuState | undefined> {
  const number = async (file: string) => {
    const text = (await host.readFile(`${card.folder}/${file}`))?.trim() ?? '';
    return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
  };
  const own = await number('mem_info_vram_total');
  if (!own) return undefined;
  const isUnified = own <= mostOfSharedBytes;
  // What the graphics may map of the machine's memory.
  const shared = isUnified ? ((await number('mem_info_gtt_total')) ?? 0) : 0;
  const ownUsed = await number('mem_info_vram_used');
  const sharedUsed = isUnified ? await number('mem_info_gtt_used') : 0;
  const totalBytes = own + shared;
  const used = ownUsed === undefined || sharedUsed === undefined ? undefined : ownUsed + sharedUsed;
  const busy = await number('gpu_busy_percent');
  return {
    id: card.folder.slice(devicesFolder.length + 1),
    name: await amdName(host, card),
    vendor: 'amd',
    isUnified,
    totalBytes,
    ...(used !== undefined && used <= totalBytes ? { usedBytes: used, freeBytes: totalBytes - used } : {}),
    ...(busy !== undefined && busy <= 100 ? { utilizationPercent: busy } : {}),
    processes: [],
  };
}

/** Mesa has a list of names: `744C,	C8,	AMD Radeon RX 7900 XTX`. */
async function amdName(host: GpuHost, { folder }: LinuxCard): Promise<string> {
  const hexOf = async (file: string) =>
    ((await host.readFile(`${folder}/${file}`)) ?? '').trim().replace(/^0x/, '').toUpperCase();
  const device = await hexOf('device');
  const revision = await hexOf('revision');
  const list = (await host.readFile('/usr/share/libdrm/amdgpu.ids')) ?? '';
  const name = list
    .split('\n')
    .map((line) => line.split(',').map((cell) => cell.trim()))
    .find(([id, of]) => id === device && of === revision)?.[2];
  return name || (device ? `AMD GPU ${device}` : 'AMD GPU');
}
