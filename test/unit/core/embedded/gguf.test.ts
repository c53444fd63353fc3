import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { BackendError } from '../../../../src/core/clients/errors.ts';
import { checkGgufFile } from '../../../../src/core/embedded/gguf.ts';

describe('checkGgufFile', () => {
  let folder: string;
  let path: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'a2ia-gguf-'));
    path = join(folder, 'model.gguf');
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const refusal = async (content: Buffer | string): Promise<string> => {
    await writeFile(path, content);
    return refusalOf(path);
  };

  it('tells what a model file says about itself', async () => {
    await writeFile(path, model());
    assert.deepEqual(await checkGgufFile(path), {
      architecture: 'llama',
      name: 'Tiny',
      contextLength: 2048,
      fileType: 'Q8_0',
      tensorCount: 2,
      sizeBytes: model().length,
      hasChatTemplate: true,
      canReason: false,
      canFillGaps: false,
    });
  });

  it('reads version 2, and heads longer than one read', async () => {
    await writeFile(path, model({ version: 2, vocabulary: 300_000 }));
    assert.equal((await checkGgufFile(path)).architecture, 'llama');
  });

  it('tells what the vocabulary and the chat template make possible', async () => {
    const architecture = Buffer.concat([text('general.architecture'), u32(8), text('llama')]);
    const template = Buffer.concat([text('tokenizer.chat_template'), u32(8), text('{{ m }}<think>')]);
    const tokens = (word: string) =>
      Buffer.concat([text('tokenizer.ggml.tokens'), u32(9), u32(8), u64(2), text('a'), text(word)]);
    for (const [values, canReason, canFillGaps] of [
      [[architecture, template, tokens('<|fim_prefix|>')], true, true],
      [[architecture, tokens('<｜fim▁begin｜>')], false, true],
      [[architecture, tokens('<think>')], false, false],
      [[architecture, Buffer.concat([text('tokenizer.ggml.fim_pre_token_id'), u32(4), u32(3)])], false, true],
    ] as const) {
      await writeFile(path, model({ keyValues: values }));
      const facts = await checkGgufFile(path);
      assert.deepEqual([facts.canReason, facts.canFillGaps], [canReason, canFillGaps]);
    }
  });

  it('accepts a tensor type it does not know', async () => {
    await writeFile(path, model({ tensorType: 250 }));
    assert.equal((await checkGgufFile(path)).tensorCount, 2);
  });

  it('reads the real model when there is one', async function () {
    const real = process.env['A2IA_TEST_MODEL'];
    if (!real) return this.skip();
    const facts = await checkGgufFile(real);
    assert.ok(facts.tensorCount > 10 && facts.hasChatTemplate && (facts.contextLength ?? 0) > 0);
  });

  it('refuses a file cut at any length', async () => {
    const whole = model();
    for (let length = 1; length < whole.length; length++) {
      assert.match(await refusal(whole.subarray(0, length)), /is cut short/, `at ${length} of ${whole.length}`);
    }
  });

  it('says how much is missing of a file whose head is whole', async () => {
    await writeFile(path, model());
    await truncate(path, model().length - 1);
    assert.match(await refusalOf(path), new RegExp(`has ${model().length - 1} bytes and needs ${model().length}`));
  });

  const foreign: readonly (readonly [name: string, content: string | Buffer, message: RegExp])[] = [
    ['nothing', '', /is empty/],
    ['a web page', '\n<!DOCTYPE html><html>Sign in</html>', /web page/],
    ['a Git LFS pointer', 'version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 12\n', /Git LFS pointer/],
    ['a zip archive', 'PK\x03\x04rest', /zip archive/],
    ['a pickle', Buffer.from([0x80, 2, 0x8a, 10]), /pickle/],
    ['safetensors', Buffer.concat([u64(9), Buffer.from('{"a": {}}')]), /safetensors/],
    ['the old format', 'tjgg\x03\0\0\0', /before 2023/],
    ['JSON', '{"error": "not found"}', /JSON/],
    ['anything else', 'hello, this is text', /not a GGUF file/],
    ['version 1', head({ version: 1 }), /version 1 is not supported/],
    ['version 9', head({ version: 9 }), /version 9 is not supported/],
    ['big-endian', head({ version: 0x0300_0000 }), /big-endian/],
    ['no architecture', model({ keyValues: [] }), /which architecture/],
    ['a vocabulary only', model({ tensors: 0 }), /no model/],
  ];
  for (const [name, content, message] of foreign) {
    it(`refuses ${name}`, async () => assert.match(await refusal(content), message));
  }

  it('refuses a folder and a file that is not there', async () => {
    const inner = join(folder, 'inner.gguf');
    await mkdir(inner);
    assert.match(await refusalOf(inner), /is a folder/);
    assert.match(await refusalOf(join(folder, 'none.gguf')), /is not there/);
    assert.match(await refusalOf(join(path, 'none.gguf')), /is not there/);
  });

  it('is not impressed by what a hostile file claims', async () => {
    const huge = Buffer.alloc(8, 0xff);
    const many = Buffer.from([0, 0, 0, 0, 0, 1, 0, 0]);
    const start = (tensors: Buffer, values: Buffer) => Buffer.concat([Buffer.from('GGUF'), u32(3), tensors, values]);
    const array = (type: number, count: Buffer) => Buffer.concat([text('a'), u32(9), u32(type), count]);
    const nested = Buffer.concat([
      text('a'),
      u32(9),
      ...Array.from({ length: 50 }, () => Buffer.concat([u32(9), u64(1)])),
    ]);
    const claims = [
      start(huge, huge),
      start(many, u64(0)),
      start(u64(0), many),
      Buffer.concat([start(u64(0), u64(1)), huge]),
      Buffer.concat([start(u64(0), u64(1)), array(8, many), Buffer.alloc(1024 * 1024)]),
      Buffer.concat([start(u64(0), u64(1)), array(0, many), Buffer.alloc(1024 * 1024)]),
      Buffer.concat([start(u64(0), u64(1)), nested]),
      Buffer.concat([start(many, u64(0)), Buffer.alloc(8 * 1024 * 1024)]),
    ];
    for (const claim of claims) await refusal(claim);
  });

  it('throws nothing but BackendError, whatever is changed in a file', async () => {
    const whole = model();
    const change = fc.record({ at: fc.nat(whole.length - 1), bytes: fc.uint8Array({ minLength: 1, maxLength: 12 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
        const changed = Buffer.from(whole);
        for (const { at, bytes } of changes) changed.set(bytes.subarray(0, changed.length - at), at);
        await writeFile(path, changed);
        await checkGgufFile(path).catch((error: unknown) => assert.ok(error instanceof BackendError, String(error)));
      }),
      { numRuns: 1000 },
    );
  });
});

async function refusalOf(path: string): Promise<string> {
  const error: unknown = await checkGgufFile(path).then(
    () => assert.fail('it was accepted'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof BackendError, String(error));
  assert.equal(error.kind, 'modelFile');
  assert.notEqual(error.hint, '');
  return error.message;
}

// ---- A small model file, byte by byte ---------------------------------------------------------------------------------------------------------------

interface ModelOptions {
  readonly version?: number;
  readonly tensors?: number;
  readonly tensorType?: number;
  readonly vocabulary?: number;
  readonly keyValues?: readonly Buffer[];
}

/** Two tensors of 64 × 2 elements in Q8_0: 136 bytes each, the second at offset 160. */
function model({ version = 3, tensors = 2, tensorType = 8, vocabulary = 3, keyValues }: ModelOptions = {}): Buffer {
  const values = keyValues ?? [
    Buffer.concat([text('general.architecture'), u32(8), text('llama')]),
    Buffer.concat([text('general.name'), u32(8), text('Tiny')]),
    Buffer.concat([text('general.file_type'), u32(4), u32(7)]),
    Buffer.concat([text('llama.context_length'), u32(4), u32(2048)]),
    Buffer.concat([text('a.flag'), u32(7), Buffer.from([1])]),
    Buffer.concat([text('tokenizer.chat_template'), u32(8), text('{{ messages }}')]),
    Buffer.concat([text('tokenizer.ggml.scores'), u32(9), u32(6), u64(2), u32(0), u32(0)]),
    Buffer.concat([
      text('tokenizer.ggml.tokens'),
      u32(9),
      u32(8),
      u64(vocabulary),
      ...Array.from({ length: vocabulary }, () => text('a')),
    ]),
  ];
  const infos = Array.from({ length: tensors }, (_, index) =>
    Buffer.concat([text(`blk.${index}`), u32(2), u64(64), u64(2), u32(tensorType), u64(index * 160)]),
  );
  const start = Buffer.concat([head({ version, tensors, values: values.length }), ...values, ...infos]);
  const padding = Buffer.alloc((32 - (start.length % 32)) % 32);
  return Buffer.concat([start, padding, Buffer.alloc(160 + 136)]);
}

function head({ version = 3, tensors = 0, values = 0 }): Buffer {
  return Buffer.concat([Buffer.from('GGUF'), u32(version), u64(tensors), u64(values)]);
}

function text(value: string): Buffer {
  return Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)]);
}

function u32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32LE(value);
  return buffer;
}

function u64(value: number): Buffer {
  const buffer = Buffer.alloc(8);
  buffer.writeBigUInt64LE(BigInt(value));
  return buffer;
}
