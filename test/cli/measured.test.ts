import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Calibration } from '../../src/core/fit/calibration.ts';
import { Run } from '../support/cliRun.ts';
import { dialectOf } from '../support/dialects.ts';
import { freePort } from '../support/doctor.ts';
import { NvidiaSmi } from '../support/nvidiaSmi.ts';
import { qwen7b, serveModels } from '../support/ollamaModels.ts';
import { ScriptedServer } from '../support/scriptedServer.ts';

const mebibyte = 1024 ** 2;

describe('a2ia measured', () => {
  let smi: NvidiaSmi;
  let server: ScriptedServer;
  let nowhere: string;
  let data: string;

  before(async () => {
    smi = new NvidiaSmi('rtx-3080-full');
    server = await ScriptedServer.start(dialectOf('ollama').routes(['m']));
    serveModels(server, [qwen7b]);
    nowhere = `http://127.0.0.1:${await freePort()}`;
  });
  after(async () => {
    smi.remove();
    await server.close();
  });
  beforeEach(async () => (data = await mkdtemp(path.join(tmpdir(), 'a2ia-data-'))));
  afterEach(() => rm(data, { recursive: true, force: true }));

  const start = (...args: readonly string[]) =>
    new Run(args, {
      A2IA_OLLAMA_URL: server.url,
      A2IA_VLLM_URL: nowhere,
      A2IA_OPENAI_COMPATIBLE_URL: nowhere,
      A2IA_MODELS_DIR: '/nonexistent/a2ia-models',
      A2IA_DATA_DIR: data,
      PATH: `${smi.folder}:${process.env['PATH'] ?? ''}`,
    });
  const loaded = (vramMib: number) => {
    const size = vramMib * mebibyte;
    const model = { model: qwen7b.name, size, size_vram: size, context_length: 4096 };
    server.on('/api/ps', (exchange) => exchange.json({ models: [model] }));
  };

  it('is nothing before a load was measured', async () => {
    const run = start('measured');
    assert.equal(await run.code(), 0);
    assert.match(run.stdout, /^No load was measured yet\./);
    assert.equal(await start('measured', '--forget').code(), 1);
  });

  it('is what a load took that “gpu” saw, corrects “fit”, and is forgotten', async () => {
    loaded(4800);
    const gpu = start('gpu');
    assert.equal(await gpu.code(), 0);
    assert.match(
      gpu.stdout,
      /\n {2}Measured for the next plans \(a2ia measured\): compute buffer \d+ MiB more than planned\.\n/,
    );
    const [kept] = (
      JSON.parse(await readFile(path.join(data, 'calibrations.json'), 'utf8')) as { entries: Calibration[] }
    ).entries;
    assert.equal(kept?.of, qwen7b.name);
    const listed = start('measured');
    await listed.code();
    assert.match(
      listed.stdout,
      new RegExp(`^${qwen7b.name}: Ollama [\\d.]+ on NVIDIA GeForce RTX 3080, \\d+ \\w+ \\d{4}\\n {2}compute`),
    );
    assert.match(listed.stdout, /\nKept in .*calibrations\.json\n$/);
    const fitted = start('fit', qwen7b.name, '--context', '4096');
    await fitted.code();
    assert.match(
      fitted.stdout.replaceAll('\n', ' '),
      /Corrected by what this machine’s load of \S+ took on \d+ \w+ \d{4}\./,
    );
    const other = start('fit', qwen7b.name, '--context', '4096', '--gpu', 'RTX 3080');
    await other.code();
    assert.doesNotMatch(other.stdout, /Corrected/);
    assert.equal(await start('measured', '--forget', 'another').code(), 1);
    const forgotten = start('measured', '--forget', qwen7b.name, '--json');
    assert.equal(await forgotten.code(), 0);
    assert.deepEqual(forgotten.lines(), [{ type: 'forgotten', loads: 1 }]);
    const again = start('measured', '--json');
    await again.code();
    assert.equal(again.stdout, '');
  });

  it('is not what a model that was fetched anew under its name will take', async () => {
    loaded(4800);
    await start('gpu').code();
    serveModels(server, [{ ...qwen7b, digest: 'sha256:another' }]);
    const run = start('fit', qwen7b.name, '--context', '4096');
    await run.code();
    assert.doesNotMatch(run.stdout, /Corrected/);
  });

  it('“fit” says what Ollama would unload, for one model and for two', async () => {
    const size = 9 * 1024 * mebibyte;
    server.on('/api/ps', (exchange) =>
      exchange.json({ models: [{ model: 'other:14b', size, size_vram: size, context_length: 4096 }] }),
    );
    const one = start('fit', qwen7b.name, '--context', '4096');
    assert.equal(await one.code(), 0);
    const words = (run: Run) => run.stdout.replaceAll(/\s+/g, ' ');
    assert.match(
      words(one),
      /FITS with a context of 4,096 tokens\. .*That is after unloading other:14b: Ollama does that/,
    );
    const two = start('fit', qwen7b.name, '--context', '4096', '--with', 'qwen3:0.6b');
    assert.equal(await two.code(), 0);
    assert.match(words(two), /FIT together: .* That is after unloading other:14b/);
    const elsewhere = start('fit', qwen7b.name, '--backend', 'llama-server', '--context', '4096');
    await elsewhere.code();
    assert.match(
      words(elsewhere),
      /Ollama has other:14b loaded\. Without it there would be more room: unload it first\./,
    );
  });

  it('says what is wrong usage', async () => {
    for (const args of [
      ['measured', 'a'],
      ['measured', '--forget', 'a', 'b'],
    ]) {
      const run = start(...args);
      assert.equal(await run.code(), 2);
      assert.match(run.stderr, /^a2ia: measured takes /);
    }
  });
});
