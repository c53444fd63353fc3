import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import type { LogExplanation } from '../../src/core/fit/diagnosis/diagnosis.ts';
import type { AskResult } from '../../src/vscode/ask.ts';
import { dialectOf } from '../support/dialects.ts';
import { ScriptedServer } from '../support/scriptedServer.ts';
import { closeEverything, textOf, withSettings } from './documents.ts';
import { messagesDuring } from './messages.ts';

const explain = (given?: unknown): Promise<LogExplanation | undefined> =>
  Promise.resolve(vscode.commands.executeCommand<LogExplanation | undefined>('a2ia.explainOutOfMemory', given));

const vllmText =
  'ValueError: Free memory on device cuda:0 (7.34/11.60 GiB) on startup is less than desired GPU memory utilization (0.9, 10.44 GiB).';

async function shown(text: string): Promise<vscode.TextDocument> {
  const document = vscode.window.activeTextEditor?.document;
  assert.equal(document?.uri.scheme, 'a2ia-memory');
  await textOf(document, (content) => content.includes(text));
  return document;
}

async function buttons(
  document: vscode.TextDocument,
): Promise<readonly { readonly title: string; press(): Thenable<unknown> }[]> {
  const lenses = await vscode.commands.executeCommand<vscode.CodeLens[]>(
    'vscode.executeCodeLensProvider',
    document.uri,
    100,
  );
  return lenses.map(({ command }) => ({
    title: command?.title ?? '',
    press: () => vscode.commands.executeCommand(command?.command ?? '', ...(command?.arguments ?? [])),
  }));
}

describe('A2IA: Explain Out of Memory', () => {
  afterEach(closeEverything);

  it('explains the selection, in a document to be read only, with what can be done as buttons', async () => {
    const log = await vscode.workspace.openTextDocument({ language: 'log', content: `before\n${vllmText}\nafter\n` });
    const editor = await vscode.window.showTextDocument(log);
    editor.selection = new vscode.Selection(1, 0, 1, vllmText.length);
    const said = await messagesDuring(async () => assert.ok((await explain())?.diagnosis));
    assert.match(said[0] ?? '', /^A2IA: 0\.9 of the GPU 10\.4 GiB > free at the start 7\.3 GiB, because /);
    const document = await shown('less is free than vLLM shall use');
    assert.equal(document.languageId, 'markdown');
    await vscode.commands.executeCommand('type', { text: 'x' });
    assert.equal(document.isDirty, false);
    const copy = (await buttons(document)).find(({ title }) => title === 'Copy “--gpu-memory-utilization 0.62”');
    await copy?.press();
    assert.equal(await vscode.env.clipboard.readText(), '--gpu-memory-utilization 0.62');
  });

  it('says that it knows nothing of a text', async () => {
    await messagesDuring(() => explain('an error of another program'));
    await shown('Nothing in this text is known to A2IA');
  });

  it('sets the context that fits on Ollama', () =>
    withSettings({ 'a2ia.ollama.contextTokens': undefined }, async () => {
      const log = [
        'llama_model_load_from_file_impl: using device CUDA0 (NVIDIA GeForce RTX 3060) - 11069 MiB free',
        'time=2026-06-17T11:33:51.725Z level=INFO source=llama_server.go:403 msg="starting llama-server" cmd="llama-server --model m -c 131072 -np 1"',
        'load_tensors:        CUDA0 model buffer size =  4403.49 MiB',
        'llama_context: n_ctx         = 131072',
        'ggml_backend_cuda_buffer_type_alloc_buffer: allocating 16384.00 MiB on device 0: cudaMalloc failed: out of memory',
        'llama_init_from_model: failed to initialize the context: failed to allocate buffer for kv cache',
      ].join('\n');
      await messagesDuring(() => explain(log));
      const document = await shown('KV cache');
      const set = (await buttons(document)).find(({ title }) => title === 'Ask Ollama for 45,056 Tokens');
      const changed = new Promise<void>((resolve) => {
        const listening = vscode.workspace.onDidChangeConfiguration((event) => {
          if (!event.affectsConfiguration('a2ia.ollama.contextTokens')) return;
          listening.dispose();
          resolve();
        });
      });
      await set?.press();
      await changed;
      assert.equal(vscode.workspace.getConfiguration().get('a2ia.ollama.contextTokens'), 45_056);
    }));
});

describe('A2IA: Ask, of a model that does not fit', () => {
  afterEach(closeEverything);

  it('says by how much, and why', async () => {
    const ollama = dialectOf('ollama');
    const server = await ScriptedServer.start(ollama.routes(['m']));
    server.on('/api/chat', (exchange) =>
      exchange.json({ error: 'model requires more system memory (8.4 GiB) than is available (6.1 GiB)' }, 500),
    );
    const settings = { 'a2ia.backend': 'ollama', 'a2ia.ollamaUrl': server.url, 'a2ia.model': 'm' };
    await withSettings(settings, async () => {
      let result: AskResult | undefined;
      const said = await messagesDuring(async () => {
        result = await vscode.commands.executeCommand<AskResult>('a2ia.ask', 'Too large?');
      });
      assert.equal(result?.outcome, 'failed');
      assert.match(result.problem ?? '', /In RAM 8\.4 GiB > free RAM and swap 6\.1 GiB, because /);
      assert.ok(
        said.some((message) => message.includes('In RAM 8.4 GiB')),
        said.join('\n'),
      );
    });
    await server.close();
  });
});
