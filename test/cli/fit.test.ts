import assert from 'node:assert/strict';
import { Run } from '../support/cliRun.ts';
import { freePort } from '../support/doctor.ts';
import { NvidiaSmi } from '../support/nvidiaSmi.ts';

describe('a2ia fit', () => {
  let smi: NvidiaSmi;
  let nowhere: string;

  before(async () => {
    smi = new NvidiaSmi();
    nowhere = `http://127.0.0.1:${await freePort()}`;
  });
  after(() => smi.remove());

  const start = (args: readonly string[], environment: Readonly<Record<string, string>> = {}) => {
    smi.set('rtx-3060-idle');
    const PATH = `${smi.folder}:${process.env['PATH'] ?? ''}`;
    return new Run(['fit', ...args], { A2IA_OLLAMA_URL: nowhere, PATH, ...environment });
  };

  it('is a ledger, a verdict and a command', async () => {
    const run = start(['qwen2.5:7b-instruct-q4_K_M', '--vram', '11.6', '--free', '11.1', '--server-version', '0.33.0']);
    assert.equal(await run.code(), 0);
    assert.deepEqual(run.stdout.split('\n'), [
      'qwen2.5:7b-instruct-q4_K_M (Q4_K_M) on Ollama 0.33.0, GPU',
      '',
      '  Weights                   4.1 GiB  ████████▍                 by formula',
      '  KV cache                  224 MiB  ▌                         by formula',
      '  Compute buffer            136 MiB  ▎                         122–156 MiB',
      '  CUDA context              200 MiB  ▍                         150–450 MiB',
      '  ─────────────────────────────────',
      '  Needed on the GPU         4.6 GiB  (4.6–4.9 GiB)',
      '  Free                     11.1 GiB  of 11.6 GiB',
      '  In RAM                    310 MiB',
      '',
      'FITS with a context of 4,096 tokens. Up to 32,768 stay on the GPU.',
      '',
      'Run',
      '  ollama run qwen2.5:7b-instruct-q4_K_M',
      '',
    ]);
    assert.equal(run.stderr, '');
  });

  it('says why a model fails, in the server’s words too, and what to run instead', async () => {
    const run = start([
      'mistralai/Mistral-7B-Instruct-v0.3',
      '--vram',
      '11.6',
      '--free',
      '11.3',
      '--server-version',
      '0.11',
    ]);
    assert.equal(await run.code(), 1);
    assert.match(run.stdout, /\n\nFAILS with a context of 32,768 tokens\. Weights 13\.5 GiB > 11\.0 GiB free/);
    assert.match(run.stdout, /\n\nvLLM 0\.11 would print:\n {2}\| torch\.OutOfMemoryError: CUDA out of memory\./);
    assert.match(run.stdout, /\n\nInstead\n {2}1\. \S+-AWQ, 3\.9 GiB\n {7}vllm serve \S+-AWQ --max-model-len 32768/);
    const widths = run.stdout
      .split('\n')
      .filter((line) => !/^ +(vllm|ollama)/.test(line))
      .map((line) => line.length);
    assert.ok(Math.max(...widths) <= 80);
  });

  it('plans a draft model along, and another model beside', async () => {
    const card = ['--vram', '11.6', '--free', '11.1'];
    const drafted = start([
      'qwen3:8b',
      '--draft',
      'qwen3:0.6b',
      '--backend',
      'llama-server',
      '--context',
      '16k',
      ...card,
    ]);
    assert.equal(await drafted.code(), 0);
    assert.match(drafted.stdout, /\n {2}Draft model +2\.\d GiB /);
    const both = start(['qwen3:8b', '--with', 'qwen2.5-coder:1.5b', '--context', '8k', ...card]);
    assert.equal(await both.code(), 0);
    assert.match(
      both.stdout,
      /qwen3:8b on Ollama[^]*qwen2\.5-coder:1\.5b on Ollama[^]*\nFIT together: 7\.\d GiB on the GPU\.\n$/,
    );
    const swapped = start(['qwen3:8b', '--with', 'qwen3:8b', '--context', '8k', ...card]);
    assert.equal(await swapped.code(), 1);
    assert.match(swapped.stdout, /\nDO NOT FIT together: [^]*Ollama would unload\s+one/);
  });

  it('plans for the GPU of this machine, with what is free of it', async () => {
    const run = start(['qwen2.5:7b', '--json']);
    assert.equal(await run.code(), 0);
    const [line, ...others] = run.lines() as unknown as [{ gpus: object[]; plan: { verdict: string } }];
    assert.equal(others.length, 0);
    assert.match(JSON.stringify(line.gpus), /"name":"NVIDIA GeForce RTX 3060".*"freeBytes":\d+/);
    assert.equal(line.plan.verdict, 'fits');
  });

  it('does not take this machine’s GPU for that of a server elsewhere', async () => {
    const run = start(['qwen2.5:7b'], { A2IA_OLLAMA_URL: 'http://gpu-box.invalid:11434' });
    assert.equal(await run.code(), 0);
    assert.match(run.stdout, /NOT KNOWN whether it fits[^]*another\s+machine \(gpu-box\.invalid:11434\)/);
  });

  it('ends with what is wrong of a model that nobody knows', async () => {
    const run = start(['nobody-knows:7b']);
    assert.equal(await run.code(), 1);
    assert.match(run.stderr, /^a2ia: No model called nobody-knows:7b is in the catalogue\.\n/);
    const json = start(['nobody-knows:7b', '--json']);
    assert.equal(await json.code(), 1);
    assert.deepEqual(Object.keys(json.lines()[0] ?? {}), ['type', 'kind', 'message', 'hint']);
  });

  it('refuses what cannot be meant', async () => {
    const cases: readonly (readonly [args: readonly string[], says: RegExp])[] = [
      [[], /Say which model/],
      [['a', 'b'], /takes one model, and no "b"/],
      [['qwen3:8b', '--gpu', 'Voodoo 2'], /How much memory "Voodoo 2" has is not known here: say it with --vram/],
      [['qwen3:8b', '--vram', 'much'], /--vram takes a size such as 11\.6 \(GiB\) or 12GB, not "much"/],
      [['qwen3:8b', '--vram', '8', '--context', '-1'], /./],
      [['qwen3:8b', '--vram', '8', '--context', 'long'], /--context takes tokens such as 32k/],
      [['qwen3:8b', '--vram', '8', '--kv-cache', 'q9'], /ollama has no KV cache of the type "q9"/],
      [['qwen3:8b', '--vram', '8', '--utilization', '0.9'], /--utilization is for vLLM, not for ollama/],
      [['qwen3:8b', '--vram', '8', '--backend', 'anthropic'], /fit knows the backends ollama, llama-server and vllm/],
      [['qwen3:8b', '--vram', '8', '--quantization', 'tiny'], /"tiny" is no quantization/],
      [['qwen3:8b', '--free', '8'], /--free needs --gpu or --vram/],
    ];
    for (const [args, says] of cases) {
      const run = start(args);
      assert.equal(await run.code(), 2, args.join(' '));
      assert.match(run.stderr, says);
    }
  });
});
