import assert from 'node:assert/strict';
import { Turns } from '../../src/core/chat/turns.ts';
import { BackendRegistry } from '../../src/core/clients/registry.ts';
import { MemoryFailure } from '../../src/core/fit/diagnosis/memoryFailure.ts';
import { withReason } from '../../src/core/fit/diagnosis/requestFailure.ts';
import { MemorySink } from '../support/conversations.ts';
import { dialectOf, settingsWith } from '../support/dialects.ts';
import { ScriptedServer, type Handler } from '../support/scriptedServer.ts';
import { createTestHost } from '../support/testHost.ts';

const ollama = dialectOf('ollama');

/** As Ollama with llama-server writes it, a moment before it answers. */
const log = `time=2026-06-17T11:33:51.725Z level=INFO source=llama_server.go:403 msg="starting llama-server" cmd="llama-server --model /blobs/sha256-90a -c 131072 -np 1"
llama_model_load_from_file_impl: using device CUDA0 (NVIDIA GeForce RTX 3060) (0000:01:00.0) - 11069 MiB free
load_tensors:        CUDA0 model buffer size =  4403.49 MiB
llama_context: n_ctx         = 131072
ggml_backend_cuda_buffer_type_alloc_buffer: allocating 16384.00 MiB on device 0: cudaMalloc failed: out of memory
llama_init_from_model: failed to initialize the context: failed to allocate buffer for kv cache
`;

describe('a question that fails for want of memory', () => {
  let server: ScriptedServer;
  let registry: BackendRegistry;
  let turns: Turns;
  let sink: MemorySink;

  beforeEach(async () => {
    server = await ScriptedServer.start(ollama.routes(['m']));
    const host = createTestHost();
    registry = new BackendRegistry(host);
    sink = new MemorySink();
    turns = new Turns({
      registry,
      log: host.log,
      name: 'chat',
      explainFailure: (error, { choice: { client, model } }, signal) =>
        withReason(
          { error, backend: client.backend, endpoint: client.endpoint, model },
          {
            serverLog: () => Promise.resolve({ source: 'log', text: log, changedMs: 0 }),
            gpus: () => Promise.resolve({ state: 'none', message: '', readAtMs: 0 }),
          },
          signal,
        ),
    });
  });
  afterEach(async () => {
    registry.dispose();
    await server.close();
  });

  const ask = async (answer: Handler) => {
    server.on('/api/chat', answer);
    const settings = settingsWith({ 'a2ia.backend': 'ollama', 'a2ia.ollamaUrl': server.url, 'a2ia.model': 'm' });
    const turn = turns.ask(sink, { text: 'Why?', attachments: [] }, settings);
    await turn.done;
    const message = sink.conversation.message(turn.answerId);
    assert.ok(message?.role === 'answer');
    const outcome = message.runs.at(-1)?.ending?.outcome;
    assert.ok(outcome?.type === 'failed');
    return { ...outcome.problem, error: turn.error, text: message.text };
  };
  const reason = /^Weights 4\.3 GiB \+ KV cache 16\.0 GiB > free on the GPU 10\.8 GiB, because the KV cache grows/;

  it('keeps the inequality, what to do, and the server’s words in the conversation', async () => {
    const words = 'llama-server process has terminated: exit status 1';
    const { message, hint, serverMessage, error } = await ask((exchange) => exchange.json({ error: words }, 500));
    assert.match(message, reason);
    assert.match(hint, /45,056 tokens/);
    assert.equal(serverMessage, words);
    assert.ok(error instanceof MemoryFailure);
    assert.equal(error.explanation.diagnosis?.cause?.id, 'llama-cache');
  });

  it('also when the server dies while it loads', async () => {
    const { message } = await ask((exchange) => exchange.response.socket?.destroy());
    assert.match(message, reason);
  });

  it('takes the server’s own numbers first', async () => {
    const { message } = await ask((exchange) =>
      exchange.json({ error: 'model requires more system memory (8.4 GiB) than is available (6.1 GiB)' }, 500),
    );
    assert.match(message, /^In RAM 8\.4 GiB > free RAM and swap 6\.1 GiB/);
  });

  it('leaves another failure as it is', async () => {
    const { message } = await ask((exchange) => exchange.json({ error: "model 'm' not found" }, 404));
    assert.doesNotMatch(message, /GiB/);
  });
});
