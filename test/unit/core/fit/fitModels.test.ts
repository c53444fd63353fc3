import assert from 'node:assert/strict';
import { mkdir, mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { readFitModel, type FitModelReading } from '../../../../src/core/fit/fitModels.ts';
import type { FitModel } from '../../../../src/core/fit/fitRequest.ts';
import { readOllamaModel } from '../../../../src/core/fit/ollamaModel.ts';
import { planFit } from '../../../../src/core/fit/planFit.ts';
import { schemeOf } from '../../../../src/core/fit/vllmFit.ts';
import { safetensorsHead, tinyConfig } from '../../../support/checkpointFiles.ts';
import { never } from '../../../support/dialects.ts';
import { ScriptedServer, type Exchange } from '../../../support/scriptedServer.ts';
import { createTestHost } from '../../../support/testHost.ts';
import { ggufBytes, tinyLlama, type GgufTensorSpec } from './ggufBytes.ts';

const tensors: readonly GgufTensorSpec[] = [
  { name: 'token_embd.weight', dimensions: [256, 100], type: 8 },
  { name: 'blk.0.attn_q.weight', dimensions: [256, 256], type: 12 },
  { name: 'blk.1.ffn_up.weight', dimensions: [256, 100], type: 12 },
];
/** Each of them begins 64 KiB after the one before. */
const dataBytes = 3 * 64 * 1024;

const host = createTestHost();
const read = (text: string): Promise<FitModelReading> => readFitModel(text, host, never);

function modelOf(reading: FitModelReading): FitModel {
  assert.ok(reading.outcome === 'model', JSON.stringify(reading));
  return reading.model;
}

async function problem(text: string): Promise<string> {
  const reading = await read(text);
  assert.ok(reading.outcome === 'unusable', 'it was accepted');
  assert.match(reading.hint, /\.$/);
  return reading.problem;
}

describe('A model to plan', () => {
  let folder: string;

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'a2ia-fit-'));
  });
  after(() => rm(folder, { recursive: true }));

  const write = async (name: string, head: Buffer, sizeBytes = head.length): Promise<string> => {
    const file = path.join(folder, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, head);
    if (sizeBytes > head.length) {
      const handle = await open(file, 'r+');
      await handle.truncate(sizeBytes);
      await handle.close();
    }
    return file;
  };

  describe('by its name', () => {
    it('is one of the catalogue, quantised as the name says', async () => {
      const ollama = modelOf(await read('qwen2.5:7b-instruct-q8_0'));
      assert.equal(ollama.facts.layers.length, 28);
      assert.equal(ollama.fileType, 'Q8_0');
      assert.equal(ollama.scheme, undefined);
      const awq = modelOf(await read('Qwen/Qwen3-8B-AWQ'));
      assert.deepEqual(awq.scheme, { kind: 'awq' });
      assert.equal(modelOf(await read('gemma-3n-e4b')).facts.layers.length, 35);
      const qat = modelOf(await read('gemma3:12b-it-qat'));
      assert.equal(qat.fileType, 'Q4_0');
      assert.ok((qat.weights?.tokenEmbedding ?? Infinity) < 0.6e9);
      const schemeOfNamed = async (name: string) => schemeOf(modelOf(await read(name)), []).kind;
      assert.equal(await schemeOfNamed('mistralai/Ministral-3-14B-Instruct-2512'), 'fp8');
      assert.equal(await schemeOfNamed('mistralai/Ministral-3-14B-Reasoning-2512'), 'plain');
      assert.equal(await schemeOfNamed('unsloth/DeepSeek-V3-bf16'), 'plain');
      assert.equal(modelOf(await read('deepseek-r1')).facts.layers.length, 36);
      assert.equal(modelOf(await read('deepseek-ai/DeepSeek-R1')).facts.layers.length, 61);
    });

    it('is not made up where nobody knows it: similar ones are named', async () => {
      const reading = await read('acme/Qwen-Turbo-Next-8B-Mega');
      assert.ok(reading.outcome === 'unusable');
      assert.equal(reading.problem, 'No model called acme/Qwen-Turbo-Next-8B-Mega is in the catalogue.');
      assert.match(reading.hint, /qwen3-8b.*https:\/\/huggingface\.co\/acme\/Qwen-Turbo-Next-8B-Mega/);
      assert.match(await problem(''), /No model called/);
    });
  });

  describe('from a GGUF file', () => {
    it('is what its head says, of however large a file', async () => {
      const head = ggufBytes({ ...tinyLlama, 'tokenizer.ggml.tokens': { tokens: 300_000 } }, tensors);
      const file = await write('large.gguf', head, 40e9);
      const model = modelOf(await read(file));
      assert.equal(model.name, file);
      assert.equal(model.fileType, 'Q4_K_M');
      assert.equal(model.weights?.layers[0]?.dense, 256 * 144);
      const plan = planFit({ model, server: { kind: 'llama-server' }, gpus: [] });
      assert.equal(plan.rows[0]?.figure.origin, 'exact');
    });

    it('is put together from the files that it is split into, whichever is named', async () => {
      const part = (index: number) => `split/model-0000${index}-of-00002.gguf`;
      await write(part(1), ggufBytes({ ...tinyLlama, 'split.count': 2 }, tensors.slice(0, 2)), 1e6);
      const second = await write(part(2), ggufBytes({ 'split.count': 2 }, tensors.slice(2)), 1e6);
      const model = modelOf(await read(second));
      assert.equal(model.weights?.layers[1]?.dense, 100 * 144);
      await rm(second);
      const first = path.join(folder, part(1));
      assert.equal(await problem(first), `${first} is one of 2 files, and model-00002-of-00002.gguf is not there.`);
    });

    it('is refused in a sentence where the file is none, or is not whole', async () => {
      const head = ggufBytes(tinyLlama, tensors);
      const cases: readonly (readonly [name: string, bytes: Buffer, says: RegExp, sizeBytes?: number])[] = [
        ['cut.gguf', head, /cut short: it has \d+ bytes and needs \d+/],
        ['head.gguf', head.subarray(0, 100), /cut short: it ends after 100 bytes/],
        ['empty.gguf', Buffer.alloc(0), /cut short/],
        ['page.gguf', Buffer.from('<!doctype html><html>'), /is a web page, not a model/],
        ['lfs.gguf', Buffer.from('version https://git-lfs.github.com/spec/v1'), /Git LFS pointer/],
        ['projector.gguf', ggufBytes({ ...tinyLlama, 'general.architecture': 'clip' }, tensors), /sees pictures/, 1e6],
        ['vocabulary.gguf', ggufBytes(tinyLlama, []), /holds a vocabulary but no model/, 1e6],
        ['shapeless.gguf', ggufBytes({ 'general.architecture': 'llama' }, tensors), /number of layers/, 1e6],
        [
          'alone.gguf',
          ggufBytes({ ...tinyLlama, 'split.count': 3 }, tensors),
          /one of 3 files, and is not called so/,
          1e6,
        ],
        [
          'unknown.gguf',
          ggufBytes(tinyLlama, [{ name: 'blk.0.a', dimensions: [2 ** 31, 2 ** 20], type: 0 }]),
          /a tensor in it has an impossible size/,
          1e6,
        ],
      ];
      for (const [name, bytes, says, sizeBytes] of cases) {
        const file = await write(name, bytes, sizeBytes);
        assert.match(await problem(file), says, name);
      }
      assert.match(await problem(path.join(folder, 'nothing.gguf')), /is not there/);
    });

    it('is refused where its tensors lie in each other’s place', async () => {
      const many = Array.from({ length: 3 }, (_, index) => ({
        name: `blk.0.${index}.weight`,
        dimensions: [256, 4000],
        type: 0,
      }));
      const head = ggufBytes(tinyLlama, many);
      const file = await write('overlap.gguf', head, head.length + dataBytes + 256 * 4000 * 4);
      assert.match(await problem(file), /its tensors overlap/);
    });
  });

  describe('from a checkpoint', () => {
    const config = Buffer.from(JSON.stringify(tinyConfig));

    it('is its configuration, and its bytes by the index or the heads of its files', async () => {
      await write('indexed/config.json', config);
      await write('indexed/model.safetensors.index.json', Buffer.from('{"metadata":{"total_size":123456789}}'));
      const indexed = modelOf(await read(path.join(folder, 'indexed')));
      assert.equal(indexed.facts.layers.length, 2);
      assert.deepEqual(indexed.scheme, { kind: 'plain', bytes: 2 });
      assert.equal(indexed.checkpointBytes, 123_456_789);

      await write('single/config.json', config);
      const tensor = { dtype: 'BF16', shape: [1000, 256], data_offsets: [0, 512_000] };
      await write('single/model.safetensors', safetensorsHead({ a: tensor }), 600_000);
      const single = modelOf(await read(path.join(folder, 'single', 'config.json')));
      assert.equal(single.checkpointBytes, 512_000);

      await write('bare/config.json', config);
      assert.equal(modelOf(await read(path.join(folder, 'bare'))).checkpointBytes, undefined);
    });

    it('leaves the bytes to the scheme where the files agree with it', async () => {
      await write('agreeing/config.json', config);
      // Two layers, embedding and output in 16 bits, and the table of rotations that vLLM adds.
      const bytes = 2 * (2 * 1000 * 256 + 2 * (2 * 256 * 256 + 2 * 64 * 256 + 3 * 512 * 256 + 512) + 256);
      const index = JSON.stringify({ metadata: { total_size: bytes + 8192 * 32 * 2 } });
      await write('agreeing/model.safetensors.index.json', Buffer.from(index));
      assert.equal(modelOf(await read(path.join(folder, 'agreeing'))).checkpointBytes, undefined);
    });

    it('adds up the shards where the index has no sum, and says which is missing', async () => {
      await write('shards/config.json', config);
      const names = ['model-1.safetensors', 'model-2.safetensors'];
      const map = JSON.stringify({ weight_map: { a: names[0], b: names[1], c: names[1] } });
      await write('shards/model.safetensors.index.json', Buffer.from(map));
      const tensor = { dtype: 'U8', shape: [1e6], data_offsets: [0, 1e6] };
      await write(`shards/${names[0]}`, safetensorsHead({ a: tensor }), 2e6);
      assert.match(await problem(path.join(folder, 'shards')), /names model-2\.safetensors, which is not there/);
      await write(`shards/${names[1]}`, safetensorsHead({ b: tensor }), 2e6);
      assert.equal(modelOf(await read(path.join(folder, 'shards'))).checkpointBytes, 2e6);
    });

    it('is refused in a sentence where it cannot be', async () => {
      const overlapping = {
        a: { dtype: 'U8', shape: [9], data_offsets: [0, 9] },
        b: { dtype: 'U8', shape: [9], data_offsets: [5, 14] },
      };
      const cases: readonly (readonly [name: string, config: Buffer, says: RegExp, shard?: Buffer])[] = [
        ['text', Buffer.from('not json'), /is not JSON/],
        ['list', Buffer.from('[1]'), /is not an object/],
        ['layerless', Buffer.from('{"architectures":["X"],"hidden_size":1}'), /number of layers/],
        ['huge', Buffer.from(JSON.stringify({ ...tinyConfig, num_hidden_layers: 1e9 })), /impossible number of layers/],
        ['lying', config, /its tensors overlap at “b”/, safetensorsHead(overlapping)],
        ['endless', config, /not a safetensors file/, Buffer.alloc(8, 0xff)],
        ['short', config, /cut short/, safetensorsHead(overlapping).subarray(0, 20)],
      ];
      for (const [name, bytes, says, shard] of cases) {
        await write(`${name}/config.json`, bytes);
        if (shard) await write(`${name}/model.safetensors`, shard);
        assert.match(await problem(path.join(folder, name)), says, name);
      }
      await mkdir(path.join(folder, 'nothing'));
      assert.match(await problem(path.join(folder, 'nothing')), /config\.json is not there/);
    });
  });

  describe('behind an address', () => {
    let hub: ScriptedServer;
    let store: ScriptedServer;
    const head = ggufBytes({ ...tinyLlama, 'tokenizer.ggml.tokens': { tokens: 200_000 } }, tensors);
    const whole = Buffer.concat([head, Buffer.alloc(dataBytes)]);

    before(async () => {
      store = await ScriptedServer.start({ '/blob': (exchange) => sendRange(exchange, whole) });
      hub = await ScriptedServer.start({
        '/org/model/resolve/main/m.gguf': (exchange) =>
          exchange.send('', 'text/plain', 302, { location: `${store.url}/blob` }),
        '/whole.gguf': (exchange) => exchange.send(whole, 'application/octet-stream'),
        '/other.gguf': (exchange) => exchange.send(whole, 'x/y', 206, { 'content-range': 'bytes 7-9/100' }),
        '/circle.gguf': (exchange) => exchange.send('', 'text/plain', 302, { location: '/circle.gguf' }),
        '/org/model/resolve/main/config.json': (exchange) =>
          sendRange(exchange, Buffer.from(JSON.stringify(tinyConfig))),
        '/org/model/resolve/main/model.safetensors.index.json': (exchange) =>
          sendRange(exchange, Buffer.from('{"metadata":{"total_size":777000000}}')),
      });
    });
    after(async () => {
      await hub.close();
      await store.close();
    });

    it('is read in parts, wherever the hub keeps the file, and no further than its head', async () => {
      store.requests.length = 0;
      const model = modelOf(await read(`${hub.url}/org/model/blob/main/m.gguf`));
      assert.equal(model.weights?.layers[0]?.dense, 256 * 144);
      const ranges = store.requests.map(({ headers }) => headers.range);
      assert.deepEqual(ranges.slice(0, 2), ['bytes=0-1048575', 'bytes=1048576-4194303']);
      assert.ok(ranges.length <= 2);
    });

    it('is a checkpoint where a repository is named', async () => {
      const model = modelOf(await read(`${hub.url}/org/model`));
      assert.equal(model.checkpointBytes, 777_000_000);
    });

    it('is refused where the whole file would come, another part comes, or nothing does', async () => {
      assert.match(await problem(`${hub.url}/whole.gguf`), /cannot be read in parts: .* would send the whole file/);
      assert.match(await problem(`${hub.url}/other.gguf`), /sent another part than asked for/);
      assert.match(await problem(`${hub.url}/circle.gguf`), /redirects without end/);
      assert.match(await problem(`${hub.url}/missing.gguf`), /missing\.gguf is not there/);
      assert.match(await problem('http://127.0.0.1:1/x.gguf'), /cannot be read/);
      assert.doesNotMatch(await problem(`${hub.url}/missing.gguf?signature=secret`), /secret/);
    });

    it('is not asked for at an address that the user does not agree to, on the way either', async () => {
      const careful = createTestHost({ refused: [store.url] });
      store.requests.length = 0;
      const reading = await readFitModel(`${hub.url}/org/model/blob/main/m.gguf`, careful, never);
      assert.ok(reading.outcome === 'unusable');
      assert.match(reading.problem, /you have not agreed/);
      assert.equal(store.requests.length, 0);
    });
  });
});

/** As a file server answers a range. */
function sendRange(exchange: Exchange, file: Buffer): void {
  const [, from = '0', to = ''] = /^bytes=(\d+)-(\d+)$/.exec(exchange.request.headers.range ?? '') ?? [];
  const part = file.subarray(Number(from), Number(to) + 1);
  exchange.send(part, 'application/octet-stream', 206, {
    'content-range': `bytes ${from}-${Number(from) + part.length - 1}/${file.length}`,
  });
}

describe('A model of an Ollama server', () => {
  let server: ScriptedServer;
  const info = {
    'general.architecture': 'qwen2',
    'qwen2.block_count': 28,
    'qwen2.context_length': 32_768,
    'qwen2.embedding_length': 3584,
    'qwen2.feed_forward_length': 18_944,
    'qwen2.attention.head_count': 28,
    'qwen2.attention.head_count_kv': 4,
    'qwen2.vocab_size': 152_064,
  };
  const listed = [
    { name: 'token_embd.weight', type: 'Q4_K', shape: [3584, 152_064] },
    { name: 'blk.0.ffn_up.weight', type: 'Q4_K', shape: [3584, 18_944] },
  ];
  const tensorBytes = ((3584 * (152_064 + 18_944)) / 256) * 144;
  let show: (body: { readonly verbose?: boolean }) => object;

  before(async () => {
    server = await ScriptedServer.start({
      '/api/show': (exchange) => exchange.json(show(JSON.parse(exchange.request.body) as { verbose?: boolean })),
      '/api/version': (exchange) => exchange.json({ version: '0.31.2' }),
      '/api/tags': (exchange) =>
        exchange.json({
          models: [{ model: 'team:latest', size: tensorBytes + 5e8, details: { quantization_level: 'Q4_K_M' } }],
        }),
    });
  });
  after(() => server.close());

  const readTeam = (name = 'team') => {
    const transport = {
      backend: 'ollama',
      host,
      firstByteTimeoutMs: 5000,
      idleTimeoutMs: 5000,
      urlSetting: 'a2ia.ollamaUrl',
    } as const;
    server.requests.length = 0;
    return readOllamaModel(server.url, transport, name, never);
  };
  const model = async (): Promise<FitModel> => {
    const reading = await readTeam();
    assert.ok(reading.outcome === 'model', JSON.stringify(reading));
    return reading.model;
  };
  const verbosity = () => server.requestsTo('/api/show').map(({ body }) => JSON.parse(body) as object);

  it('is what it shows, with the server’s version', async () => {
    show = () => ({ model_info: info, tensors: listed });
    const reading = await readTeam();
    assert.ok(reading.outcome === 'model');
    assert.equal(reading.version, '0.31.2');
    assert.equal(reading.model.fileType, 'Q4_K_M');
    assert.equal(reading.model.weights?.layers[0]?.dense, ((3584 * 18_944) / 256) * 144);
    assert.deepEqual(verbosity(), [{ model: 'team' }]);
  });

  it('is asked for again in detail where a list was left out', async () => {
    show = ({ verbose }) => ({
      model_info: { ...info, 'qwen2.attention.head_count_kv': verbose ? Array(28).fill(4) : null },
      tensors: listed,
    });
    assert.equal((await model()).facts.layers.length, 28);
    assert.deepEqual(verbosity(), [{ model: 'team' }, { model: 'team', verbose: true }]);
  });

  it('is sized by its file where an old server lists no tensors', async () => {
    show = () => ({ model_info: info });
    const { weights } = await model();
    assert.ok(weights);
    const whole = weights.tokenEmbedding + weights.output + weights.layers.reduce((sum, { dense }) => sum + dense, 0);
    assert.equal(Math.round(whole), tensorBytes + 5e8);
  });

  it('has a picture encoder of the size that its files have beyond its tensors', async () => {
    show = () => ({ model_info: info, tensors: listed, projector_info: { 'general.architecture': 'clip' } });
    assert.equal((await model()).weights?.encoder, 5e8);
  });

  it('is not planned where it runs elsewhere, or is not described', async () => {
    show = () => ({ remote_model: 'gpt-oss:120b', model_info: info });
    const remote = await readTeam();
    assert.ok(remote.outcome === 'unusable');
    assert.match(remote.problem, /somebody else’s machine/);
    show = () => ({ model_info: {} });
    const nothing = await readTeam();
    assert.ok(nothing.outcome === 'unusable');
    assert.match(nothing.problem, /does not say which architecture/);
  });
});
