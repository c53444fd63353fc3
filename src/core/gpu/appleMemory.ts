import type { GpuHost } from './gpuHost.ts';
import type { GpuState } from './gpuReading.ts';

const gibibyte = 1024 ** 3;

/**
 * What Metal lets a process have: two thirds of the memory, and three quarters of more than 36 GiB; `iogpu.wired_limit_mb` overrides it (0: not set). How
 * much of it is in use is not told. Undefined on a Mac with an Intel processor, where no server uses the GPU.
 */
export async function readAppleGpu(host: GpuHost, signal: AbortSignal): Promise<GpuState | undefined> {
  // Names that this macOS does not know are told on stderr; the others are answered.
  const outcome = await host.run(
    '/usr/sbin/sysctl',
    ['machdep.cpu.brand_string', 'hw.memsize', 'iogpu.wired_limit_mb'],
    signal,
  );
  if (outcome.end !== 'exited') return undefined;
  const valueOf = (name: string) =>
    new RegExp(`^${name.replaceAll('.', '\\.')}: (.{1,100})$`, 'm').exec(outcome.stdout)?.[1];
  const name = valueOf('machdep.cpu.brand_string');
  const memoryBytes = Number(valueOf('hw.memsize'));
  if (!name?.startsWith('Apple') || !(memoryBytes > 0)) return undefined;
  const limitBytes = Number(valueOf('iogpu.wired_limit_mb') ?? 0) * 1024 ** 2;
  const usual = memoryBytes * (memoryBytes > 36 * gibibyte ? 3 / 4 : 2 / 3);
  const isSet = limitBytes > 0 && limitBytes <= memoryBytes;
  return {
    id: 'apple',
    name,
    vendor: 'apple',
    isUnified: true,
    totalBytes: isSet ? limitBytes : usual,
    ...(isSet ? {} : { isApproximate: true }),
    processes: [],
  };
}
