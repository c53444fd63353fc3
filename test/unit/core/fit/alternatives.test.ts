import assert from 'node:assert/strict';
import { alternativesTo } from '../../../../src/core/fit/alternatives.ts';
import { catalogueNames, knownModel } from '../../../../src/core/fit/catalogue.ts';
import type { Alternative, FitModel, FitServer } from '../../../../src/core/fit/fitRequest.ts';
import { planFit } from '../../../../src/core/fit/planFit.ts';
import { nameOfPublished, publishedModels } from '../../../../src/core/fit/publishedModels.ts';

const gibibyte = 1024 ** 3;

function model(name: string, rest: Partial<FitModel> = {}): FitModel {
  return { name, facts: knownModel(name) ?? assert.fail(name), ...rest };
}

function alternatives(on: FitModel, server: FitServer, freeGibibytes: number, count = 1): readonly Alternative[] {
  const size = { name: 'RTX 4090', totalBytes: freeGibibytes * gibibyte, freeBytes: freeGibibytes * gibibyte };
  const request = { model: on, server, gpus: Array.from({ length: count }, () => ({ ...size })) };
  return alternativesTo(request, planFit(request));
}

const ollama: FitServer = { kind: 'ollama', version: '0.33.0' };

function only(all: readonly Alternative[], change: Alternative['change']): readonly Alternative[] {
  return all.filter((alternative) => alternative.change === change);
}

describe('Alternatives', () => {
  it('are none where the plan fits, and where no GPU is known', () => {
    assert.deepEqual(alternatives(model('qwen2.5:7b'), ollama, 24), []);
    const request = { model: model('qwen2.5:7b'), server: ollama, gpus: [] };
    assert.deepEqual(alternativesTo(request, planFit(request)), []);
  });

  it('fit, each by a plan of its own, whatever is asked for', () => {
    const servers: readonly FitServer[] = [
      { ...ollama, contextTokens: 65_536 },
      { kind: 'ollama', version: '0.9.0', contextTokens: 16_384 },
      { kind: 'llama-server', contextTokens: 65_536 },
      { kind: 'vllm', version: [0, 11] },
      { kind: 'vllm' },
    ];
    for (const name of catalogueNames.filter((_, index) => index % 15 === 0)) {
      for (const server of servers) {
        for (const { plan, request, label } of alternatives(model(name), server, 11)) {
          assert.ok(plan.verdict === 'fits' || /slow, but it runs/.test(label), `${name}: ${label} is ${plan.verdict}`);
          assert.deepEqual(planFit(request), plan);
          assert.ok(label.length > 0 && plan.command.length > 0);
        }
      }
    }
  });

  it('offer a shorter context, a smaller cache and a smaller file, with what to run', () => {
    const all = alternatives(model('qwen2.5:32b'), { ...ollama, contextTokens: 32_768 }, 23);
    const [shorter] = only(all, 'contextTokens');
    assert.match(shorter?.label ?? '', /^Context of 1\dk$/);
    assert.match(shorter?.plan.command ?? '', /^ollama run qwen2\.5:32b\n\/set parameter num_ctx 1\d{4}$/);
    const [cache] = only(all, 'cacheType');
    assert.match(cache?.label ?? '', /^KV cache in q8_0: \d\.\d GiB less/);
    assert.match(cache?.plan.command ?? '', /^OLLAMA_FLASH_ATTENTION=1 OLLAMA_KV_CACHE_TYPE=q8_0 ollama serve\n/);
    assert.deepEqual(
      only(all, 'fileType').map(({ request }) => request.model.name),
      ['qwen2.5:32b-instruct-q3_K_M', 'qwen2.5:32b-instruct-q2_K'],
    );
    assert.equal(only(all, 'gpus')[0]?.label, '2 × RTX 4090');
  });

  it('name the other file of a model that is a file', () => {
    const file = model('qwen2.5-14b', { fileType: 'Q8_0', name: '/models/Qwen2.5-14B-Instruct-Q8_0.gguf' });
    const [smaller] = only(alternatives(file, { kind: 'llama-server', contextTokens: 8192 }, 14), 'fileType');
    assert.equal(smaller?.request.model.name, '/models/Qwen2.5-14B-Instruct-Q6_K.gguf');
  });

  it('offer flags of vLLM in the order of what they cost, with what each saves', () => {
    const all = alternatives(
      model('Qwen/Qwen2.5-7B-Instruct', { scheme: { kind: 'plain', bytes: 2 } }),
      { kind: 'vllm', version: [0, 11], contextTokens: 8192 },
      17.5,
    );
    const [first] = only(all, 'flags');
    assert.match(first?.label ?? '', /^16 requests at once: \d\.\d GiB less$/);
    assert.match(first?.plan.command ?? '', /--max-num-seqs 16$/);
  });

  it('lower the utilization to what is free', () => {
    const gpus = [{ name: 'RTX 3060', totalBytes: 11.76 * gibibyte, freeBytes: 9.5 * gibibyte }];
    const request = {
      model: model('Qwen/Qwen2.5-7B-Instruct-AWQ', { scheme: { kind: 'awq' } }),
      server: { kind: 'vllm', contextTokens: 8192 },
      gpus,
    } as const;
    const [first] = only(alternativesTo(request, planFit(request)), 'flags');
    assert.match(first?.plan.command ?? '', /--gpu-memory-utilization 0\.7\d/);
  });

  it('offer a checkpoint in 4 bits, Ollama, and a smaller model where the weights are too large', () => {
    const all = alternatives(model('mistralai/Mistral-7B-Instruct-v0.3'), { kind: 'vllm', version: [0, 11] }, 11.3);
    const [smaller] = only(all, 'fileType');
    assert.match(smaller?.plan.command ?? '', /^vllm serve \S+-AWQ --max-model-len 32768/);
    assert.match(only(all, 'backend')[0]?.plan.command ?? '', /^ollama run mistral:7b/);
    assert.ok(only(all, 'model').length > 0);
  });

  it('offer Ollama with a part on the CPU where nothing fits the GPU', () => {
    const mixtral = model('TheBloke/Mixtral-8x7B-Instruct-v0.1-AWQ', { scheme: { kind: 'awq' } });
    const [backend] = only(alternatives(mixtral, { kind: 'vllm' }, 23), 'backend');
    assert.match(backend?.label ?? '', /Ollama with mixtral:8x7b, the experts of \d+ of 32 layers in RAM/);
  });

  it('spread a model over the GPUs that are there', () => {
    const all = alternatives(model('Qwen/Qwen3-14B'), { kind: 'vllm' }, 23, 2);
    assert.match(only(all, 'gpus')[0]?.plan.command ?? '', /--tensor-parallel-size 2$/);
  });
});

describe('The published names of the catalogue', () => {
  it('are there for every model, and lead back to it', () => {
    assert.deepEqual(
      catalogueNames.filter((name) => !publishedModels.has(name)),
      [],
    );
    assert.ok(catalogueNames.length >= 150);
    for (const { name, repository, ollama, ollamaTypes, fourBit } of publishedModels.values()) {
      const names = [repository, ollama, fourBit, ollamaTypes === undefined ? undefined : `${ollamaTypes}q4_K_M`];
      for (const published of names.filter((each) => each !== undefined)) {
        assert.equal(knownModel(published)?.name, name, published);
      }
    }
    assert.equal(nameOfPublished('nobody/knows-this'), undefined);
  });
});
