import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { GpuState } from '../../../../src/core/gpu/gpuReading.ts';
import { failureOfRun } from '../../../../src/core/gpu/nvidiaFailures.ts';
import {
  gpuFields,
  oldGpuFields,
  parseGpus,
  parseParts,
  parseProcesses,
} from '../../../../src/core/gpu/nvidiaSmiText.ts';
import { processName } from '../../../../src/core/gpu/processNames.ts';

/** `npm run test:fuzz` runs 20,000; A2IA_FUZZ_SEED repeats a run. */
const numRuns = Number(process.env['A2IA_FUZZ_INPUTS'] ?? 300);
const seed = Number(process.env['A2IA_FUZZ_SEED'] ?? Date.now() % 1_000_000_000);

const uuid = 'GPU-d6889ff6-2523-9142-ca3c-1ca3f396a625';
const cell = fc.oneof(
  fc.constantFrom(
    uuid,
    'MIG-1',
    '[N/A]',
    '[Not Supported]',
    'N/A',
    'Enabled',
    'Disabled',
    '',
    '-1',
    '1e9',
    'NaN',
    '0x10',
  ),
  fc.nat({ max: 200_000 }).map(String),
  fc.double().map(String),
  fc.bigInt().map(String),
  fc.nat({ max: 99_999 }).map((value) => `${value} MiB`),
  fc.string({ unit: 'binary', maxLength: 12 }),
);
const row = fc.array(cell, { maxLength: 16 }).map((cells) => cells.join(', '));
/** One that is an answer but for some of its cells. */
const almost = fc.array(cell, { minLength: 11, maxLength: 13 }).map((cells) => [uuid, ...cells.slice(1)].join(', '));
const table = fc
  .array(fc.oneof(row, almost, fc.string({ unit: 'binary' })), { maxLength: 8 })
  .map((rows) => rows.join('\n'));

const tag = fc.constantFrom(
  ...[
    'gpu',
    'gpu id="0"',
    'mig_devices',
    'mig_device',
    'uuid',
    'index',
    'gpu_instance_id',
    'fb_memory_usage',
    'total',
    'used',
    'processes',
    'process_info',
    'pid',
    'process_name',
    'used_memory',
  ].flatMap((name) => [`<${name}>`, `</${name.split(' ')[0]}>`]),
);
const markup = fc
  .array(fc.oneof(tag, cell, fc.constantFrom('<', '>', '</', '<gpu')), { maxLength: 80 })
  .map((parts) => parts.join(''));

function assertSane(gpu: GpuState): void {
  const { totalBytes, usedBytes = 0, freeBytes = 0, utilizationPercent = 0 } = gpu;
  assert.ok(gpu.id && gpu.name, 'has an id and a name');
  for (const value of [totalBytes ?? 0, usedBytes, freeBytes, gpu.temperatureCelsius ?? 0, gpu.powerWatts ?? 0])
    assert.ok(Number.isFinite(value), `${value}`);
  assert.ok((totalBytes ?? 0) >= 0 && usedBytes >= 0 && freeBytes >= 0);
  if (totalBytes === undefined)
    assert.ok(!('usedBytes' in gpu) && !('freeBytes' in gpu), 'of an unknown total no part is known');
  else assert.ok(usedBytes <= totalBytes && freeBytes <= totalBytes, JSON.stringify(gpu));
  assert.ok(utilizationPercent >= 0 && utilizationPercent <= 100);
  for (const { pid, name } of gpu.processes) assert.ok(Number.isSafeInteger(pid) && pid > 0 && name);
}

describe(`Answers of nvidia-smi: ${numRuns} random inputs (A2IA_FUZZ_SEED=${seed})`, function () {
  this.timeout(600_000);

  it('makes sane cards of any table, or none', () => {
    const isSane = (text: string) => {
      for (const fields of [gpuFields, oldGpuFields]) parseGpus(text, fields).forEach(assertSane);
    };
    fc.assert(fc.property(table, isSane), { numRuns, seed });
  });

  it('makes sane processes of any table, or none', () => {
    const isSane = (text: string) => {
      for (const { gpuId, process } of parseProcesses(text)) {
        const { pid, name, usedBytes = 0 } = process;
        assert.ok(gpuId && pid > 0 && name && name.length < 100 && usedBytes >= 0 && Number.isFinite(usedBytes));
      }
    };
    fc.assert(fc.property(table, isSane), { numRuns, seed });
  });

  it('makes sane parts of any markup, or none', () => {
    const isSane = (xml: string, listing: string) => [...parseParts(xml, listing).values()].flat().forEach(assertSane);
    fc.assert(fc.property(markup, table, isSane), { numRuns, seed });
  });

  it('has words for any end', () => {
    const hasWords = (stdout: string, exitCode: number) => {
      const { kind, message, hint } = failureOfRun({ end: 'exited', exitCode, stdout, stderr: '' });
      assert.ok(kind && message.endsWith('.') && hint.endsWith('.'));
    };
    fc.assert(fc.property(table, fc.integer({ min: -1, max: 300 }), hasWords), { numRuns, seed });
  });

  it('is not slowed down by a long answer', () => {
    // Quadratic time would take minutes here.
    const length = 400_000;
    for (const piece of ['<gpu>', '<gpu_', '<mig_devices>', ', ', '[', 'MIG ', ' ']) {
      const text = piece.repeat(length);
      parseGpus(text, gpuFields);
      parseProcesses(text);
      parseParts(text, text);
      processName(text, 1);
      failureOfRun({ end: 'exited', exitCode: 0, stdout: text, stderr: '' });
    }
  });
});

describe('Names of processes', () => {
  for (const [path, name] of [
    ['/usr/local/lib/ollama/runners/cuda_v12/ollama_llama_server', 'Ollama'],
    ['/usr/lib/ollama/llama-server', 'Ollama'],
    [String.raw`C:\Users\Jo\AppData\Local\Programs\Ollama\ollama.exe`, 'Ollama'],
    ['/opt/llama.cpp/build/bin/llama-server', 'llama-server'],
    ['VLLM::Worker_TP0', 'vLLM'],
    ['/opt/venv/bin/python3.12', 'python'],
    ['python', 'python'],
    ['/usr/lib/xorg/Xorg', 'desktop'],
    ['/usr/bin/gnome-shell', 'desktop'],
    ['/opt/visual-studio-code/code --type=gpu-process --enable-crash-reporter=6f39', 'code'],
    [String.raw`C:\Program Files (x86)\Epic Games\Launcher\EpicGamesLauncher.exe`, 'EpicGamesLauncher'],
    ['[Not Found]', 'process 42'],
    ['[Insufficient Permissions]', 'process 42'],
    ['-', 'process 42'],
    ['', 'process 42'],
  ] as const) {
    it(`calls “${path}” ${name}`, () => assert.equal(processName(path, 42), name));
  }
});
