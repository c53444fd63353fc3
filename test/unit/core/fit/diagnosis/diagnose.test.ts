import assert from 'node:assert/strict';
import fc from 'fast-check';
import { diagnose, explainLog, type Diagnosis } from '../../../../../src/core/fit/diagnosis/diagnosis.ts';
import { explanationLines, explanationMarkdown } from '../../../../../src/core/fit/diagnosis/explanationText.ts';
import { outOfMemoryGuide } from '../../../../../src/core/fit/diagnosis/guide.ts';
import { knownFailures } from '../../../../../src/core/fit/diagnosis/logReader.ts';
import type { RemedyId } from '../../../../../src/core/fit/diagnosis/remedies.ts';
import {
  llamaCompute,
  ollamaCache,
  ollamaEstimate,
  ollamaLoaded,
  ollamaMeasured,
  vllmCache,
  vllmStarted,
  vllmWeights,
} from './logs.ts';
import { readFileSync } from 'node:fs';

/** `npm run test:fuzz` runs 20,000. */
const inputs = Number(process.env['A2IA_FUZZ_INPUTS'] ?? 300);

function diagnosed(text: string): Diagnosis {
  const diagnosis = diagnose(text);
  assert.ok(diagnosis, 'nothing was recognised');
  return diagnosis;
}

function figure({ figures }: Diagnosis, label: string): string | undefined {
  return figures.find((one) => one.label === label)?.text;
}

function option({ remedies }: Diagnosis, id: RemedyId): string | undefined {
  return remedies.find((one) => one.id === id)?.option;
}

describe('The explanation of a failure', () => {
  for (const { id, texts } of knownFailures) {
    for (const text of texts) {
      it(`knows ${id}: ${text.slice(0, 70)}`, () => assert.equal(diagnosed(text).cause?.id, id));
    }
  }

  it('vLLM: weights that are larger than the card, with their size by the model, and the matrix at which it ended', () => {
    const diagnosis = diagnosed(vllmWeights);
    assert.equal(diagnosis.outcome, 'failed');
    assert.deepEqual([diagnosis.server, diagnosis.version], ['vllm', '0.8.3']);
    assert.equal(diagnosis.cause?.id, 'vllm-weights');
    assert.equal(diagnosis.cause?.inequality, 'weights 13.5 GiB > memory of the GPU 11.5 GiB');
    assert.match(diagnosis.cause?.because ?? '', /gate and up projections of one layer/);
    assert.match(diagnosis.cause?.inVain ?? '', /Utilization/);
    assert.equal(diagnosis.remedies[0]?.id, 'quantized');
    assert.match(diagnosis.remedies[0]?.text ?? '', /3\.9 GiB instead of 13\.5 GiB/);
    assert.equal(option(diagnosis, 'maxModelLen'), undefined, 'a shorter context does not help');
  });

  it('does not name a matrix of a model that it does not know', () => {
    const diagnosis = diagnosed(vllmWeights.replaceAll('mistralai/Mistral-7B-Instruct-v0.3', 'example/Unheard-Of'));
    assert.equal(diagnosis.cause?.id, 'vllm-weights');
    assert.doesNotMatch(diagnosis.cause?.because ?? '', /projections/);
    assert.doesNotMatch(JSON.stringify(diagnosis), /13\.5 GiB/);
  });

  it('vLLM: a context that the KV cache does not hold, and the length that it does hold', () => {
    const diagnosis = diagnosed(vllmCache);
    assert.equal(diagnosis.cause?.id, 'vllm-context-above-cache');
    assert.equal(diagnosis.cause?.inequality, 'KV cache of one request 48.0 GiB > KV cache that is left 2.8 GiB');
    assert.equal(option(diagnosis, 'maxModelLen'), '--max-model-len 7712');
    assert.equal(diagnosis.remedies[0]?.contextTokens, 7712);
    assert.equal(figure(diagnosis, 'Weights on the GPU'), '7.1 GiB');
    assert.equal(diagnosis.cause?.line?.number, 7, 'not the wrapper in line 6 or 8');
  });

  it('vLLM: the share is lowered to what is free', () => {
    const diagnosis = diagnosed(
      'ValueError: Free memory on device cuda:0 (7.34/11.60 GiB) on startup is less than desired GPU memory utilization (0.9, 10.44 GiB).',
    );
    assert.equal(diagnosis.cause?.inequality, '0.9 of the GPU 10.4 GiB > free at the start 7.3 GiB');
    assert.equal(option(diagnosis, 'utilizationDown'), '--gpu-memory-utilization 0.62');
  });

  it('vLLM: out of memory by where it was: the trial run, the graphs, an answer', () => {
    const text =
      'torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 270.00 MiB. GPU 0 has a total capacity of 21.98 GiB of which 156.94 MiB is free.';
    const at = (...places: readonly string[]) =>
      diagnosed(
        `vLLM API server version 0.11.0\nTraceback (most recent call last):\n${places.map((place) => `  File "m.py", line 1, in ${place}`).join('\n')}\n${text}\n`,
      ).cause?.id;
    assert.equal(at('determine_available_memory', 'profile_run', '_dummy_run', 'execute_model'), 'vllm-activations');
    assert.equal(at('compile_or_warm_up_model', 'capture_model', '_dummy_run'), 'vllm-graphs');
    assert.equal(at('run_busy_loop', 'execute_model'), 'vllm-running');
    assert.equal(at('init_device', 'load_model', 'create_weights'), 'vllm-weights');
    assert.equal(at('somewhere'), 'vllm-somewhere');
  });

  it('vLLM: where the traceback is cut off, by how far the start had come', () => {
    const end = 'torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 270.00 MiB.\n';
    assert.equal(diagnosed(`${vllmStarted.split('\n').slice(0, 3).join('\n')}\n${end}`).cause?.id, 'vllm-activations');
    assert.equal(diagnosed(`${vllmStarted.split('\n').slice(0, 6).join('\n')}\n${end}`).cause?.id, 'vllm-graphs');
    assert.equal(diagnosed(`${vllmStarted}${end}`).cause?.id, 'vllm-running');
  });

  it('Ollama with llama-server: the KV cache beside the weights, and the context that fits', () => {
    const diagnosis = diagnosed(ollamaCache);
    assert.deepEqual([diagnosis.server, diagnosis.version], ['ollama', '0.31.1']);
    assert.equal(diagnosis.model, 'Llama 3.1 8B Instruct');
    assert.equal(diagnosis.gpu, 'NVIDIA RTX 3500 Ada Generation Laptop GPU');
    assert.equal(diagnosis.cause?.inequality, 'weights 4.3 GiB + KV cache 16.0 GiB > free on the GPU 10.8 GiB');
    // (11069 - 4403.49 - 1024) MiB of 128 KiB a token.
    assert.equal(option(diagnosis, 'context'), 'OLLAMA_CONTEXT_LENGTH=45056');
    const [, eightBits] = diagnosis.remedies;
    assert.deepEqual([eightBits?.id, eightBits?.gainBytes], ['cacheQ8', 16 * 1024 ** 3 * (15 / 32)]);
  });

  it('llama.cpp: the compute buffer, with flash attention as the first thing to do', () => {
    const diagnosis = diagnosed(llamaCompute);
    assert.deepEqual([diagnosis.server, diagnosis.version], ['llama.cpp', 'b6699']);
    assert.equal(
      diagnosis.cause?.inequality,
      'weights 7.0 GiB + KV cache 4.0 GiB + compute buffer 2.1 GiB > free on the GPU 11.2 GiB',
    );
    assert.equal(diagnosis.remedies[0]?.option, '-fa on');
    // (11500 - 7205.83 - 2144 - 1024) MiB of 128 KiB a token.
    assert.equal(option(diagnosis, 'context'), '-c 8960');
  });

  it('tells a failure that is none of memory as what it is', () => {
    const diagnosis = diagnosed(
      'ValueError: Bfloat16 is only supported on GPUs with compute capability of at least 8.0. Your Tesla T4 GPU has compute capability 7.5.',
    );
    assert.equal(diagnosis.cause?.isMemory, false);
    assert.equal(diagnosis.remedies[0]?.option, '--dtype half');
  });

  it('says that the log has not everything, rather than an inequality that holds', () => {
    const diagnosis = diagnosed(
      `${ollamaCache.split('\n').slice(3, 10).join('\n')}\nggml_backend_cuda_buffer_type_alloc_buffer: allocating 512.00 MiB on device 0: cudaMalloc failed: out of memory\n`,
    );
    assert.equal(
      diagnosis.cause?.inequality,
      'weights 4.3 GiB + KV cache 512 MiB + what the log does not say > free on the GPU 10.8 GiB',
    );
  });

  it('of a server that tries again and again tells the last failure, and that it works now', () => {
    const diagnosis = diagnosed(`${ollamaCache}${ollamaLoaded}`);
    assert.equal(diagnosis.cause?.id, 'llama-cache');
    assert.ok(diagnosis.remarks.some((remark) => remark.includes('Further down in the log a load succeeded')));
    const later = ollamaCache.replaceAll('131072', '65536').replaceAll('16384.00', '8192.00');
    assert.equal(figure(diagnosed(`${ollamaCache}${later}`), 'Context'), '65,536 tokens');
  });

  it('does not take for a failure what the server gets over by itself', () => {
    const retried = ollamaLoaded.replace(
      /(.*compute buffer size)/,
      'ggml_gallocr_reserve_n: failed to allocate CUDA0 buffer of size 150995968\nllama_context: compute buffer allocation failed, retrying without pipeline parallelism\n$1',
    );
    const diagnosis = diagnosed(retried);
    assert.equal(diagnosis.outcome, 'loaded');
    assert.equal(diagnosis.cause, undefined);
    assert.ok(diagnosis.remarks.some((remark) => remark.includes('first attempt')));
  });
});

describe('A log of a load that worked', () => {
  it('says what it took: Ollama with llama-server', () => {
    const diagnosis = diagnosed(ollamaLoaded);
    assert.equal(diagnosis.outcome, 'loaded');
    assert.equal(figure(diagnosis, 'Weights on the GPU'), '4.3 GiB');
    assert.equal(figure(diagnosis, 'KV cache on the GPU'), '1.0 GiB');
    assert.equal(figure(diagnosis, 'Compute buffer'), '120 MiB');
    assert.equal(figure(diagnosis, 'Layers on the GPU'), '33 of 33');
  });

  it('Ollama until 0.11 by its estimate, with layers on the CPU', () => {
    const diagnosis = diagnosed(ollamaEstimate);
    assert.equal(diagnosis.outcome, 'partial');
    assert.equal(figure(diagnosis, 'Layers on the GPU'), '31 of 33');
    assert.equal(figure(diagnosis, 'Context'), '80,000 tokens');
    assert.ok(diagnosis.remarks.some((remark) => remark.includes('31 of 33 layers')));
  });

  it('Ollama 0.12 to 0.24 by its measured layout', () => {
    const diagnosis = diagnosed(ollamaMeasured);
    assert.equal(diagnosis.outcome, 'partial');
    assert.equal(figure(diagnosis, 'Weights on the GPU'), '15.1 GiB');
    assert.equal(figure(diagnosis, 'Weights in RAM'), '2.3 GiB');
    assert.equal(figure(diagnosis, 'KV cache type'), 'q8_0');
    assert.equal(option(diagnosis, 'cacheQ8'), undefined, 'it is in 8 bits already');
  });

  it('vLLM by its last line', () => {
    const diagnosis = diagnosed(vllmStarted);
    assert.equal(diagnosis.outcome, 'loaded');
    assert.equal(figure(diagnosis, 'Weights on the GPU'), '5.2 GiB');
    assert.equal(figure(diagnosis, 'Activations'), '1.0 GiB');
    assert.equal(figure(diagnosis, 'CUDA graphs'), '563 MiB');
    assert.equal(figure(diagnosis, 'KV cache holds'), '73,200 tokens');
  });
});

describe('A log as it comes', () => {
  const same = (text: string) => {
    const { cause, figures } = diagnosed(text);
    const expected = diagnosed(ollamaCache);
    assert.equal(cause?.inequality, expected.cause?.inequality);
    assert.deepEqual(figures, expected.figures);
  };

  it('with CRLF, colours, prefixes of containers, and as UTF-16 that was read as bytes', () => {
    same(ollamaCache.replaceAll('\n', '\r\n'));
    same(ollamaCache.replace(/^/gm, '\u001b[31mollama-1  | \u001b[0m'));
    same(ollamaCache.replace(/[^]/g, '$&\u0000'));
    same(ollamaCache.replaceAll('Jun 17', '7月 17').replaceAll('level=INFO', 'level=INFO'));
  });

  it('cut anywhere: never more than was there', () => {
    const whole = diagnosed(ollamaCache);
    for (let at = 0; at < ollamaCache.length; at += 97) {
      const part = diagnose(ollamaCache.slice(at));
      for (const { label, text } of part?.figures ?? []) {
        if (label === 'Memory of the GPU' || label === 'Free before the load') continue;
        assert.equal(text, figure(whole, label), `${label} after ${at} characters`);
      }
    }
  });

  it('with numbers that contradict each other: what follows from them is left out', () => {
    const cut = diagnosed(
      `${vllmStarted.replaceAll('11.53', '0')}RuntimeError: CUDA out of memory occurred when warming up sampler with 1024 dummy requests.`,
    );
    assert.equal(cut.cause?.id, 'vllm-sampler');
    assert.equal(figure(cut, 'Memory of the GPU'), undefined);
    const mixed = diagnosed(
      'max seq len (4096), (1.0 GiB KV cache is needed, which is larger than the available KV cache memory (2.83 GiB)',
    );
    assert.equal(option(mixed, 'maxModelLen'), '--max-model-len');
  });

  it('broken into lines by a terminal', () => {
    const wrapped =
      "ValueError: To serve at least one request with the models's max seq len\n(32768), (4.0 GiB KV cache is\nneeded, which is larger than the available KV cache memory (2.83 GiB).";
    assert.equal(
      diagnosed(wrapped).cause?.inequality,
      'KV cache of one request 4.0 GiB > KV cache that is left 2.8 GiB',
    );
  });

  it('inside the JSON of an answer', () => {
    const answer = JSON.stringify({
      error:
        'llama runner process has terminated: cudaMalloc failed: out of memory\nggml_gallocr_reserve_n: failed to allocate CUDA0 buffer of size 150995968',
    });
    const diagnosis = diagnosed(answer);
    assert.equal(diagnosis.cause?.id, 'llama-compute');
    assert.equal(figure(diagnosis, 'Asked for when it failed'), '144 MiB');
  });

  it('in pieces of any size', () => {
    for (const size of [1, 7, 1000]) {
      const pieces = Array.from({ length: Math.ceil(ollamaCache.length / size) }, (_, index) =>
        ollamaCache.slice(index * size, (index + 1) * size),
      );
      assert.deepEqual(explainLog(pieces), explainLog([ollamaCache]));
    }
  });

  it('of something else: nothing is made up, and the lines that look as if they mattered are shown', () => {
    const text = 'GET / 200\nFehler: der Dienst antwortet nicht\nerror: something else broke\nbye\n';
    const { diagnosis, relevantLines } = explainLog([text]);
    assert.equal(diagnosis, undefined);
    assert.deepEqual(
      relevantLines.map(({ number }) => number),
      [2, 3],
    );
    assert.match(explanationLines({ relevantLines }), /^Nothing in this text is known to A2IA/);
    assert.equal(diagnose(''), undefined);
  });

  it('in another language: decimals with a comma are such, and words that are not known are no failure', () => {
    const torch = diagnosed(
      'CUDA out of memory. Tried to allocate 224,00 MiB. GPU 0 has a total capacity of 11,53 GiB of which 187,75 MiB is free.',
    );
    assert.equal(figure(torch, 'Memory of the GPU'), '11.5 GiB');
    assert.equal(figure(torch, 'Asked for when it failed'), '224 MiB');
    assert.equal(
      diagnosed('model requires more system memory (5,6 GiB) than is available (4.8 GiB)').cause?.inequality,
      'in RAM 5.6 GiB > free RAM and swap 4.8 GiB',
    );
    assert.equal(diagnose('错误：CUDA 内存不足。尝试分配 2.00 GiB。GPU 0 的总容量为 23.64 GiB。'), undefined);
    assert.equal(diagnose('Nicht genügend Speicher: 5,2 GiB benötigt, 3,1 GiB frei'), undefined);
  });

  it('keeps nothing of a long one but what is said of it', () => {
    const noise = `${'x'.repeat(200)} error ${'y'.repeat(60)}\n`.repeat(20_000);
    const { diagnosis, relevantLines } = explainLog([noise, ollamaCache, noise]);
    assert.equal(diagnosis?.cause?.id, 'llama-cache');
    assert.equal(diagnosis?.cause?.line?.number, 20_014);
    assert.ok(JSON.stringify(relevantLines).length < 8000);
  });
});

describe('Explanations as text', () => {
  it('in lines of a terminal: no longer than 80 columns, but for what is copied', () => {
    for (const log of [vllmWeights, vllmCache, ollamaCache, ollamaMeasured]) {
      for (const line of explanationLines(explainLog([log])).split('\n')) {
        assert.ok(line.length <= 80 || line.startsWith('       '), line);
      }
    }
  });

  it('in Markdown: what the log says stays text', () => {
    const hostile = '``` <img src=x onerror=1> [a](command:x)';
    const { text } = explanationMarkdown(
      explainLog([
        ollamaCache.replace('Llama 3.1 8B Instruct', hostile).replace('for kv cache', `for kv cache ${hostile}`),
      ]),
    );
    const outside = text.replace(/^(`{3,})text\n[^]*?\n\1$/gm, '');
    assert.doesNotMatch(outside, /(?<!\\)<img|(?<!\\)\[a\]/);
    assert.match(text, /^````text$/m);
  });

  it('where a button belongs there stands its remedy', () => {
    const { text, actions } = explanationMarkdown(explainLog([vllmCache]));
    const lines = text.split('\n');
    assert.ok(actions.length > 3);
    for (const { line, remedy } of actions) assert.ok(lines[line]?.includes(remedy.text.slice(0, 20)), lines[line]);
  });

  it('the guide in docs is the table’s', () => {
    const file = new URL('../../../../../docs/out-of-memory.md', import.meta.url);
    assert.equal(readFileSync(file, 'utf8'), outOfMemoryGuide(), 'run `npm run manifest`');
    for (const { texts } of knownFailures) for (const text of texts) assert.ok(outOfMemoryGuide().includes(text), text);
  });
});

describe('Random logs', function () {
  this.timeout(1_200_000);
  const pieces = [
    vllmWeights,
    vllmCache,
    vllmStarted,
    ollamaCache,
    ollamaLoaded,
    ollamaEstimate,
    ollamaMeasured,
    llamaCompute,
  ].flatMap((log) => log.split('\n'));
  const line = fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom(...pieces) },
    { weight: 2, arbitrary: fc.constantFrom(...knownFailures.flatMap(({ texts }) => texts)) },
    fc.string({ unit: 'binary', maxLength: 80 }),
  );
  /** A number in place of another, a part of a line, lines joined. */
  const damaged = fc
    .tuple(line, fc.nat(), fc.constantFrom('', '-1', '1e999', '99999999999999999999', '0', '1,2.3.4'))
    .map(([text, seed, number]) => {
      if (seed % 3 === 0)
        return text.replace(/\d+(?:\.\d+)?/g, (found, at: number) => ((at + seed) % 5 === 0 ? number : found));
      return seed % 3 === 1 ? text.slice(seed % (text.length + 1)) : text;
    });

  it(`of ${inputs} random inputs every one has an explanation that can be read, with finite numbers`, () => {
    fc.assert(
      fc.property(
        fc.array(damaged, { maxLength: 40 }),
        fc.constantFrom('\n', '\r\n', '\u001b[0m\n', ' '),
        (lines, end) => {
          const explanation = explainLog([lines.join(end)]);
          const shown = explanationLines(explanation) + explanationMarkdown(explanation).text;
          assert.doesNotMatch(shown, /NaN|Infinity|undefined/);
          for (const { bytes } of explanation.diagnosis?.figures ?? [])
            assert.ok(bytes === undefined || Number.isFinite(bytes));
          for (const { gainBytes, contextTokens } of explanation.diagnosis?.remedies ?? []) {
            assert.ok(gainBytes === undefined || (gainBytes > 0 && Number.isFinite(gainBytes)));
            assert.ok(contextTokens === undefined || (contextTokens > 0 && Number.isSafeInteger(contextTokens)));
          }
        },
      ),
      { numRuns: inputs },
    );
  });
});
