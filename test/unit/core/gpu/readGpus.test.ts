import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { createNodeGpuHost, type NodeGpuHostOptions } from '../../../../src/core/gpu/nodeGpuHost.ts';
import type { GpuFailure, GpuReading, GpuState } from '../../../../src/core/gpu/gpuReading.ts';
import { readGpus, type GpuNotes } from '../../../../src/core/gpu/readGpus.ts';
import { NvidiaSmi, type Situation } from '../../../support/nvidiaSmi.ts';

const mebibyte = 1024 ** 2;
const never = new AbortController().signal;

describe('Reading the GPUs', () => {
  let smi: NvidiaSmi;
  beforeEach(() => (smi = new NvidiaSmi()));
  afterEach(() => smi.remove());

  const hostOf = (options: NodeGpuHostOptions = {}) =>
    createNodeGpuHost({ platform: 'linux', environment: smi.environment, root: smi.root, ...options });
  const read = (situation?: Situation, options?: NodeGpuHostOptions, notes?: GpuNotes) => {
    if (situation !== undefined) smi.set(situation);
    return readGpus(hostOf(options), never, notes);
  };
  const gpusOf = (reading: GpuReading): readonly GpuState[] => {
    assert.ok(reading.state === 'gpus', JSON.stringify(reading));
    return reading.gpus;
  };
  const figures = ({ totalBytes, usedBytes, freeBytes }: GpuState) =>
    [totalBytes, usedBytes, freeBytes].map((bytes) => (bytes === undefined ? undefined : bytes / mebibyte));

  describe('of NVIDIA, as drivers answer', () => {
    const cards: readonly (readonly [situation: string, ...gpus: (readonly (number | undefined)[])[]])[] = [
      ['rtx-3060-idle', [11920, 116, 11806]],
      ['rtx-3080-full', [9843, 9184, 660]],
      ['rtx-4000-desktop', [20015, 3534, 16482]],
      ['tesla-t4', [14972, 1032, 13939]],
      // Drivers before 510 do not count what they reserve.
      ['gtx-1660-ti-driver-418', [5912, 0, 5912]],
      ['quadro-p400-driver-418', [1998, 0, 1998]],
      ['rtx-3090-idle', [24260, 1, 24258]],
      ['two-a5000', [24114, 22437, 1678], [24114, 1, 24113]],
      ['wsl-rtx-4090', [24564, 2853, 21711]],
      ['windows-wddm', [16380, 581, 15799]],
      // No memory told, on cards that have their own: not known, and not 0.
      ['windows-two-drivers', [undefined, undefined, undefined], [undefined, undefined, undefined]],
    ];
    for (const [situation, ...expected] of cards) {
      it(`says what is used of ${situation}`, async () => {
        const gpus = gpusOf(await read(situation));
        assert.deepEqual(gpus.map(figures), expected);
        for (const gpu of gpus) assert.ok(!gpu.isUnified && gpu.name && gpu.driverVersion, JSON.stringify(gpu));
      });
    }

    it('names the processes as people do, with and without their memory', async () => {
      const named = async (situation: string) =>
        gpusOf(await read(situation)).map(({ processes }) =>
          processes.map(({ name, usedBytes }) => [name, usedBytes && usedBytes / mebibyte]),
        );
      assert.deepEqual(await named('two-a5000'), [[['vLLM', 22428]], []]);
      assert.deepEqual(await named('rtx-4000-desktop'), [
        [
          ['python', 160],
          ['chromium', 183],
        ],
      ]);
      assert.deepEqual(await named('windows-wddm'), [
        [
          ['desktop', undefined],
          ['WindowsTerminal', undefined],
          ['Ollama', undefined],
        ],
      ]);
      assert.deepEqual(await named('wsl-rtx-4090'), [[['Ollama', undefined]]]);
    });

    it('knows where what is too much is paged instead of failing: with Windows’ driver, but for cards of servers', async () => {
      const spills = async (situation: string) => gpusOf(await read(situation)).map((one) => one.spills ?? false);
      assert.deepEqual(await spills('rtx-3060-idle'), [false]);
      smi.file('proc/version', 'Linux version 6.6.87.2-microsoft-standard-WSL2');
      assert.deepEqual(await spills('wsl-rtx-4090'), [true]);
      assert.deepEqual(await spills('tesla-t4'), [false]);
    });

    it('leaves out what is not told', async () => {
      const [p400] = gpusOf(await read('quadro-p400-driver-418'));
      assert.ok(p400 && !('powerWatts' in p400));
      assert.equal(p400.temperatureCelsius, 33);
      const [full] = gpusOf(await read('rtx-3080-full'));
      assert.deepEqual([full?.utilizationPercent, full?.temperatureCelsius, full?.powerWatts], [65, 27, 142.33]);
    });

    it('asks an old driver again without what it refuses, and from then on at once', async () => {
      const notes: GpuNotes = { smi: {} };
      await read('gtx-1660-ti-driver-418', {}, notes);
      assert.equal(smi.calls().length, 3);
      await read(undefined, {}, notes);
      assert.equal(smi.calls().length, 5);
    });

    it('gives the parts of a split card, and nothing that the whole card cannot give', async () => {
      const [card, ...parts] = gpusOf(await read('a100-in-parts'));
      assert.ok(card?.isSplit);
      assert.deepEqual(figures(card), [undefined, undefined, undefined]);
      assert.deepEqual(parts.map(figures), [
        [19968, 12, 19955],
        [19968, 12, 19955],
        [19968, 14208, 5760],
        [19968, 12, 19955],
      ]);
      assert.ok(parts.every(({ name }) => name === 'NVIDIA A100-SXM4-80GB, 1g.20gb'));
      assert.equal(new Set(parts.map(({ id }) => id)).size, 4);
      assert.deepEqual(
        parts.map(({ processes }) => processes.map(({ name }) => name)),
        [[], [], ['python'], []],
      );
    });

    it('takes the memory of the machine where the GPU has none of its own', async () => {
      const kibibytes = { total: 125_527_932, available: 118_020_160 };
      smi.file(
        'proc/meminfo',
        `MemTotal:       ${kibibytes.total} kB\nMemFree:        1024 kB\nMemAvailable:   ${kibibytes.available} kB\n`,
      );
      for (const situation of ['gb10-unified', 'jetson-orin-unified']) {
        const [gpu] = gpusOf(await read(situation));
        assert.ok(gpu?.isUnified);
        assert.equal(gpu.totalBytes, kibibytes.total * 1024);
        assert.equal(gpu.freeBytes, kibibytes.available * 1024);
      }
      const [gb10] = gpusOf(await read('gb10-unified'));
      assert.deepEqual(gb10?.processes, [{ pid: 114687, name: 'python', usedBytes: 19135 * mebibyte }]);
    });

    it('makes nothing up of a unified memory that nobody tells', async () => {
      const [gpu] = gpusOf(await read('gb10-unified'));
      assert.ok(gpu?.isUnified && gpu.totalBytes === undefined);
    });

    it('was tried with every recorded situation', () => {
      const recorded = readdirSync(path.join(import.meta.dirname, '../../../fixtures/nvidia-smi')).filter((name) =>
        name.endsWith('.json'),
      );
      const tried = [
        ...cards.map(([name]) => name),
        ...failures.map(([name]) => name),
        'a100-in-parts',
        'gb10-unified',
        'jetson-orin-unified',
      ];
      assert.deepEqual(recorded.map((name) => name.replace('.json', '')).sort(), [...tried].sort());
    });
  });

  const failures: readonly (readonly [situation: string, kind: GpuFailure, todo: RegExp])[] = [
    ['driver-mismatch', 'driverMismatch', /Restart the machine/],
    ['driver-not-loaded', 'driverNotLoaded', /install the driver again/],
    ['no-devices', 'noDevices', /switched off/],
    ['wsl-blocked', 'blocked', /current driver in Windows/],
    ['container-lost-device', 'noPermission', /restart it/],
    ['gpu-lost', 'gpuLost', /power supply/],
    ['gpu-no-handle', 'gpuLost', /Restart/],
  ];

  describe('that fails', () => {
    const refusal = async (situation: Situation, options?: NodeGpuHostOptions) => {
      const reading = await read(situation, options);
      assert.ok(reading.state === 'failed', JSON.stringify(reading));
      assert.match(reading.message, /^[A-Z].*\.$|^nvidia-smi .*\.$/);
      return reading;
    };
    for (const [situation, kind, todo] of failures) {
      it(`says what to do about ${situation}`, async () => {
        const reading = await refusal(situation);
        assert.equal(reading.kind, kind);
        assert.match(reading.hint, todo);
      });
    }

    for (const [name, situation] of [
      ['nothing', { stdout: '' }],
      ['a web page', { stdout: '<!DOCTYPE html><html>502 Bad Gateway</html>', exitCode: 1 }],
      ['a table', { stdout: '| GPU | Name |\n| 0 | RTX |\n'.repeat(2000) }],
      ['too few columns', { stdout: 'GPU-d6889ff6-2523-9142-ca3c-1ca3f396a625, 570.1, 12288\n' }],
      ['numbers for names', { stdout: `${Array.from({ length: 12 }, (_, at) => at).join(', ')}\n` }],
      ['other arguments only', { stdout: '', stderr: 'Segmentation fault (core dumped)\n', exitCode: 139 }],
    ] as const) {
      it(`cannot read ${name}`, async () => {
        const reading = await refusal(situation);
        assert.equal(reading.kind, 'unreadable');
        assert.match(reading.hint, /in a terminal/);
      });
    }

    it('names the exit code of words that nobody knows', async () => {
      assert.match((await refusal({ stdout: 'Kaputt.\n', exitCode: 255 })).message, /ended with 255/);
      assert.equal((await refusal({ stdout: 'Kaputt.\n', exitCode: 9 })).kind, 'driverNotLoaded');
    });

    it('ends a nvidia-smi that hangs', async () => {
      const reading = await refusal({ hangs: true }, { limitMs: 1000 });
      assert.equal(reading.kind, 'timedOut');
      for (const { pid } of smi.calls()) await gone(pid);
    });

    it('ends one that never stops talking', async () => {
      const reading = await refusal({ endless: true }, { limitMs: 60_000 });
      assert.equal(reading.kind, 'unreadable');
      await gone(smi.calls()[0]?.pid ?? 0);
    });

    it('ends with the signal, its children too', async () => {
      smi.set({ hangs: true });
      const controller = new AbortController();
      const reading = readGpus(hostOf(), controller.signal);
      while (smi.children().length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
      controller.abort(new Error('enough'));
      await assert.rejects(reading, /enough/);
      for (const pid of [...smi.calls().map((call) => call.pid), ...smi.children()]) await gone(pid);
    });

    it('does not start a file that is no program', async () => {
      smi.file('../nvidia-smi', 'no program');
      const reading = await readGpus(hostOf(), never);
      assert.ok(reading.state === 'failed' && /could not be started/.test(reading.message), JSON.stringify(reading));
    });
  });

  it('keeps the cards that are left when one is lost', async () => {
    const line =
      'GPU-d6889ff6-2523-9142-ca3c-1ca3f396a625, 570.1, 12288, 368, 116, 11806, 0, 42, 11.63, [N/A], Disabled, NVIDIA GeForce RTX 3060';
    const lost =
      'Unable to determine the device handle for GPU0000:02:00.0: GPU is lost.  Reboot the system to recover this GPU';
    const [gpu, ...others] = gpusOf(await read({ stdout: `${lost}\n${line}\n`, exitCode: 15 }));
    assert.deepEqual(others, []);
    assert.equal(gpu?.name, 'NVIDIA GeForce RTX 3060');
  });

  it('follows answers that change between two calls', async () => {
    const idle = 'rtx-3060-idle';
    smi.set([idle, idle, 'gpu-lost', 'two-a5000', 'driver-mismatch']);
    assert.equal((await read()).state, 'gpus');
    const lost = await read();
    assert.ok(lost.state === 'failed' && lost.kind === 'gpuLost');
    // The processes cannot be asked for any more: the cards stand.
    assert.deepEqual(
      gpusOf(await read()).map(({ processes }) => processes),
      [[], []],
    );
  });

  it('runs one at a time', async () => {
    smi.set('rtx-3060-idle');
    const host = hostOf();
    const readings = await Promise.all([readGpus(host, never), readGpus(host, never), readGpus(host, never)]);
    assert.ok(readings.every(({ state }) => state === 'gpus'));
    assert.equal(smi.calls().length, 6);
  });

  describe('on Linux', () => {
    const card = (address: string, vendor: string, more: Readonly<Record<string, string>> = {}) => {
      const files = { class: '0x030000', vendor, 'power/control': 'auto', 'power/runtime_status': 'active', ...more };
      for (const [name, text] of Object.entries(files)) smi.file(`sys/bus/pci/devices/${address}/${name}`, `${text}\n`);
    };

    it('does not wake a card that sleeps: nothing is started', async () => {
      card('0000:00:02.0', '0x8086');
      card('0000:01:00.0', '0x10de', { 'power/runtime_status': 'suspended' });
      const reading = await read('rtx-3060-idle');
      assert.equal(reading.state, 'asleep');
      assert.deepEqual(smi.calls(), []);
    });

    it('reads one that is awake, and says that it can sleep', async () => {
      card('0000:01:00.0', '0x10de');
      // The sound of its sockets is a device too, and sleeps by itself.
      card('0000:01:00.1', '0x10de', { class: '0x040300', 'power/runtime_status': 'suspended' });
      assert.equal(gpusOf(await read('rtx-3060-idle'))[0]?.canSleep, true);
      card('0000:01:00.0', '0x10de', { 'power/control': 'on' });
      assert.equal(gpusOf(await read())[0]?.canSleep, undefined);
    });

    it('notices when it falls asleep', async () => {
      const notes: GpuNotes = { smi: {} };
      card('0000:01:00.0', '0x10de');
      assert.equal((await read('rtx-3060-idle', {}, notes)).state, 'gpus');
      card('0000:01:00.0', '0x10de', { 'power/runtime_status': 'suspended' });
      assert.equal((await read(undefined, {}, notes)).state, 'asleep');
      assert.equal(smi.calls().length, 2);
    });

    it('says that a card of NVIDIA has no nvidia-smi', async () => {
      card('0000:01:00.0', '0x10de');
      const reading = await read();
      assert.ok(reading.state === 'failed' && reading.kind === 'driverNotLoaded');
      assert.match(`${reading.message} ${reading.hint}`, /nvidia-smi was not found.*Install NVIDIA’s driver/);
    });

    it('takes no notice of a tool without hardware', async () => {
      card('0000:00:02.0', '0x8086');
      const reading = await read('driver-not-loaded');
      assert.ok(reading.state === 'none' && /Intel graphics/.test(reading.message), JSON.stringify(reading));
    });

    it('reads a card of AMD from its files, without a process', async () => {
      card('0000:03:00.0', '0x1002', {
        device: '0x744c',
        revision: '0xc8',
        mem_info_vram_total: '25753026560',
        mem_info_vram_used: '1203765248',
        mem_info_gtt_total: '33554432000',
        mem_info_gtt_used: '100000000',
        gpu_busy_percent: '12',
      });
      smi.file('usr/share/libdrm/amdgpu.ids', '1.0.0\n744C,\tC4,\tOther\n744C,\tC8,\tAMD Radeon RX 7900 XTX\n');
      const [gpu] = gpusOf(await read());
      assert.deepEqual(gpu && { ...gpu }, {
        id: '0000:03:00.0',
        name: 'AMD Radeon RX 7900 XTX',
        vendor: 'amd',
        isUnified: false,
        totalBytes: 25753026560,
        usedBytes: 1203765248,
        freeBytes: 24549261312,
        utilizationPercent: 12,
        processes: [],
        canSleep: true,
      });
    });

    it('counts what graphics in a processor may take of the machine’s memory', async () => {
      const half = { mem_info_vram_total: '536870912', mem_info_vram_used: '100', mem_info_gtt_total: '66437754880' };
      card('0000:c5:00.0', '0x1002', { device: '0x1586', ...half, mem_info_gtt_used: '900' });
      const [gpu] = gpusOf(await read());
      assert.ok(gpu?.isUnified);
      assert.deepEqual([gpu.name, gpu.totalBytes, gpu.usedBytes], ['AMD GPU 1586', 66974625792, 1000]);
    });

    it('lets a card of AMD sleep', async () => {
      card('0000:03:00.0', '0x1002', { 'power/runtime_status': 'suspended', mem_info_vram_total: '25753026560' });
      assert.equal((await read()).state, 'asleep');
    });

    it('does not believe figures that contradict each other', async () => {
      card('0000:03:00.0', '0x1002', { mem_info_vram_total: '8000000000', mem_info_vram_used: '9000000000' });
      const [gpu] = gpusOf(await read());
      assert.deepEqual([gpu?.totalBytes, gpu?.usedBytes, gpu?.freeBytes], [8000000000, undefined, undefined]);
    });

    for (const [what, file, text, words] of [
      ['nothing', 'proc/version', 'Linux version 6.8.0', /No GPU was found/],
      ['WSL', 'proc/version', 'Linux version 5.15.167.4-microsoft-standard-WSL2', /^WSL has no NVIDIA GPU/],
      ['a container', '.dockerenv', '', /^This container has no GPU.*--gpus all/],
    ] as const) {
      it(`says what there is instead: ${what}`, async () => {
        smi.file(file, text);
        const reading = await read();
        assert.ok(reading.state === 'none');
        assert.match(reading.message, words);
      });
    }
  });

  describe('on a Mac', () => {
    const sysctl = (text: string) => ({
      platform: 'darwin' as const,
      now: () => 0,
      readFile: () => Promise.resolve(undefined),
      listFolder: () => Promise.resolve([]),
      run: () => Promise.resolve({ end: 'exited' as const, exitCode: 1, stdout: text, stderr: '' }),
    });
    const gibibytes = async (text: string) => {
      const [gpu] = gpusOf(await readGpus(sysctl(text), never));
      return [gpu?.totalBytes && gpu.totalBytes / 1024 ** 3, gpu?.isApproximate];
    };

    it('estimates what Metal gives, and takes the limit that is set', async () => {
      const head = 'machdep.cpu.brand_string: Apple M3 Max\nhw.memsize: ';
      assert.deepEqual(await gibibytes(`${head}${64 * 1024 ** 3}\niogpu.wired_limit_mb: 0\n`), [48, true]);
      assert.deepEqual(await gibibytes(`${head}${24 * 1024 ** 3}\n`), [16, true]);
      assert.deepEqual(await gibibytes(`${head}${64 * 1024 ** 3}\niogpu.wired_limit_mb: 57344\n`), [56, undefined]);
    });

    it('says that a Mac with an Intel processor runs models on the CPU', async () => {
      const reading = await readGpus(sysctl('machdep.cpu.brand_string: Intel(R) Core(TM) i9\nhw.memsize: 1\n'), never);
      assert.ok(reading.state === 'none' && /Intel processor/.test(reading.message));
    });
  });
});

/** Until the process is gone: whether it is there can only be asked. */
async function gone(pid: number): Promise<void> {
  assert.ok(pid > 0);
  for (;;) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
