import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { BackendRegistry } from '../../src/core/clients/registry.ts';
import type { BackendId, ChatEvent, CompletionRequest } from '../../src/core/clients/llmClient.ts';
import {
  Completer,
  type Clock,
  type CompletionModel,
  type CompletionPlace,
} from '../../src/core/completion/completer.ts';
import { chooseCompletion } from '../../src/core/completion/completionChoice.ts';
import { fimTemplateOf } from '../../src/core/completion/fimTemplates.ts';
import { parseSettings } from '../../src/core/settings/settings.ts';
import { writeGgufWithGap } from '../support/ggufWithGap.ts';
import { never } from './answers.ts';
import { startLlamaServer } from './servers/llamaServer.ts';
import { contextTokens, modelFile, run, type Found, type LiveServer, type ServerName } from './servers/liveServer.ts';
import { createModel, startOllama } from './servers/ollama.ts';
import { childProcesses, isBusy } from './servers/processorTime.ts';
import { until } from './servers/until.ts';
import { startVllm } from './servers/vllm.ts';
import { engineHost, liveHost } from './targets.ts';

/**
 * Ghost text from the choice of a model to the end of the generation at the server, on servers that are real. The model is told that it fills gaps, and was not
 * trained to: what it writes is worth nothing, what becomes of it is what is looked at.
 */

interface FimTarget {
  readonly title: string;
  readonly backend: BackendId;
  readonly model: string;
  /** By the server's own tokens, or by a prompt that is written here. */
  readonly asks: 'the server' | 'with a raw prompt';
}

/** A server whose models say that they fill gaps. */
interface FimSubject extends Pick<LiveServer, 'isGenerating' | 'stop'> {
  /** Where what is chosen is that nobody can. */
  readonly unchosen?: CompletionModel;
  readonly registry: BackendRegistry;
  readonly settings: Readonly<Record<string, unknown>>;
}

const targets: Readonly<Partial<Record<ServerName, readonly FimTarget[]>>> = {
  ollama: [
    { title: 'a template with .Suffix', backend: 'ollama', model: 'gap:latest', asks: 'the server' },
    { title: 'a family by its name', backend: 'ollama', model: 'qwen2.5-coder:test', asks: 'with a raw prompt' },
  ],
  vllm: [{ title: 'a prompt of a family', backend: 'vllm', model: 'smollm2', asks: 'with a raw prompt' }],
  'llama-server': [{ title: '/infill', backend: 'openai-compatible', model: 'gap', asks: 'the server' }],
  embedded: [{ title: 'tokens of the file', backend: 'embedded', model: 'gap.gguf', asks: 'the server' }],
};

const nothingThere = { 'a2ia.ollamaUrl': 'http://127.0.0.1:9', 'a2ia.vllmUrl': 'http://127.0.0.1:9' };

const starters: Readonly<Partial<Record<ServerName, (found: Found, gapFile: string) => Promise<FimSubject>>>> = {
  ollama: async (found) => {
    const server = await startOllama(found);
    const template =
      '{{ if .Suffix }}<repo_name>{{ .Prompt }}<reponame>{{ .Suffix }}<file_sep>{{ else }}{{ .Prompt }}{{ end }}';
    await createModel(server.url, 'gap:latest', { template });
    await createModel(server.url, 'qwen2.5-coder:test');
    return { ...server, registry: new BackendRegistry(liveHost()), settings: { 'a2ia.ollamaUrl': server.url } };
  },
  vllm: async (found) => {
    const server = await startVllm(found);
    const registry = new BackendRegistry(liveHost());
    const settings = { 'a2ia.vllmUrl': server.url };
    // It tells the folder of its model, by which it is known to fill no gaps: the prompt of a family is given to it here.
    const client = registry.client(
      'vllm',
      parseSettings((key) => (key === 'a2ia.vllmUrl' ? server.url : undefined)).settings,
    );
    const template = fimTemplateOf(['qwen2.5-coder']);
    const ask = (request: CompletionRequest, signal: AbortSignal) =>
      client.complete?.(request, signal) ?? assert.fail('it completes nothing');
    const model = { model: server.model, budgetTokens: 400, ask, ...(template ? { template } : {}) };
    return { ...server, registry, settings, unchosen: model };
  },
  'llama-server': async (found, gapFile) => {
    const server = await startLlamaServer(found, ['-m', gapFile, '--alias', 'gap']);
    const settings = { 'a2ia.openaiCompatibleUrl': server.url };
    return { ...server, registry: new BackendRegistry(liveHost()), settings };
  },
  embedded: (_found, gapFile) => {
    const registry = new BackendRegistry(engineHost());
    return Promise.resolve({
      registry,
      settings: { 'a2ia.embedded.modelPath': gapFile, 'a2ia.embedded.contextTokens': contextTokens },
      ...(process.platform === 'linux' ? { isGenerating: async () => isBusy(await childProcesses(process.pid)) } : {}),
      stop: () => Promise.resolve(registry.dispose()),
    });
  },
};

const clock: Clock = { nowMs: () => performance.now(), wait: () => Promise.resolve() };
/** A block that is empty: as many lines as it takes. */
const block: CompletionPlace = {
  document: 'file:///prices.py',
  path: 'src/prices.py',
  prefix:
    'def total(prices):\n    """The sum of all prices."""\n    result = 0\n    for price in prices:\n        result += ',
  suffix: '\n    return result\n',
  neighbours: [],
  isProse: false,
};
/** Within a statement: the rest of the line. */
const line: CompletionPlace = { ...block, prefix: `${block.prefix}return ` };
/** Where the model goes on until it is stopped. */
const list: CompletionPlace = { ...block, prefix: 'digits = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, ', suffix: ']\n' };

for (const name of run.servers) {
  for (const target of targets[name] ?? [])
    describe(`${name}, real: ghost text by ${target.title}`, () => fills(name, target));
}

function fills(name: ServerName, target: FimTarget): void {
  let subject: FimSubject;
  let folder: string;

  before(async function () {
    this.timeout(700_000);
    const found = run.found[name] ?? { url: '' };
    if ('url' in found && name !== 'embedded') {
      console.log('      somebody else started this server, with models of their own');
      this.skip();
    }
    folder = await mkdtemp(path.join(tmpdir(), 'a2ia-gap-'));
    const gapFile = path.join(folder, 'gap.gguf');
    await writeGgufWithGap(modelFile, gapFile);
    subject = (await starters[name]?.(found, gapFile)) ?? assert.fail(name);
  });
  after(async () => {
    await subject?.stop();
    if (folder) await rm(folder, { recursive: true, force: true });
  });

  const choose = async () => {
    const named = `${target.backend}/${target.backend === 'embedded' ? String(subject.settings['a2ia.embedded.modelPath']) : target.model}`;
    const values: Readonly<Record<string, unknown>> = {
      ...nothingThere,
      'a2ia.completion.model': named,
      ...subject.settings,
    };
    const { settings, problems } = parseSettings((key) => values[key]);
    assert.deepEqual(problems, []);
    const choice = await chooseCompletion(subject.registry, settings, never);
    if (subject.unchosen) {
      assert.ok(choice.is === 'cannotFill', choice.is);
      return subject.unchosen;
    }
    assert.ok(choice.is === 'ready', JSON.stringify(choice));
    return choice.model;
  };
  /** With all that was asked and answered. */
  const listening = async () => {
    const model = await choose();
    const asked: CompletionRequest[] = [];
    const events: ChatEvent[] = [];
    const ask = async function* (request: CompletionRequest, signal: AbortSignal) {
      asked.push(request);
      for await (const event of model.ask(request, signal)) {
        events.push(event);
        yield event;
      }
    };
    const written = () => events.map((event) => (event.type === 'text' ? event.delta : '')).join('');
    return { completer: new Completer({ ...model, ask }, clock), asked, written };
  };
  const stopsGenerating = async () => {
    const { isGenerating } = subject;
    if (isGenerating) await until(async () => !(await isGenerating()), 'the server has stopped generating', 20_000);
  };

  it('is asked for in the way of the model, and only what the model wrote is offered', async () => {
    const { completer, asked, written } = await listening();
    const text = await completer.complete(line, { isInvoked: true }, never);
    const [request] = asked;
    assert.equal(asked.length, 1);
    assert.equal(request?.rawPrompt !== undefined, target.asks === 'with a raw prompt');
    assert.ok(request?.stop?.includes('\n'), 'one line');
    assert.doesNotMatch(text, /\n/);
    assert.ok(written().startsWith(text), `${JSON.stringify(text)} of ${JSON.stringify(written())}`);
    await stopsGenerating();
  });

  it('takes several lines where a block begins, and what it takes is in the cache', async () => {
    const { completer, asked, written } = await listening();
    const text = await completer.complete(block, { isInvoked: true }, never);
    assert.ok(asked[0]?.stop && !asked[0].stop.includes('\n'));
    assert.ok(written().startsWith(text), `${JSON.stringify(text)} of ${JSON.stringify(written())}`);
    if (text === '') return;
    const typed = text.slice(0, 1);
    const next = { ...block, prefix: block.prefix + typed };
    assert.equal(await completer.complete(next, { isInvoked: false }, never), text.slice(1));
    assert.equal(asked.length, 1, 'no second request');
  });

  it('ends at the server when the next key is pressed, or nobody wants it any more', async function () {
    const { isGenerating } = subject;
    if (!isGenerating) {
      console.log('      this server does not tell whether it still generates');
      return this.skip();
    }
    const model = await choose();
    for (const how of ['cancelled', 'overtaken'] as const) {
      let heard = 0;
      const endless = async function* (request: CompletionRequest, signal: AbortSignal) {
        // Nothing that the model writes ends it, so that only the client can.
        for await (const event of model.ask({ ...request, stop: [], maxOutputTokens: 900 }, signal)) {
          heard++;
          if (event.type === 'text') yield { type: 'text', delta: 'x' } as const;
        }
      };
      const completer = new Completer({ ...model, ask: endless }, clock);
      const older = completer.complete(list, { isInvoked: true }, never);
      await until(() => Promise.resolve(heard > 3), 'the answer has begun', 60_000);
      if (how === 'cancelled') completer.cancel();
      else await completer.complete({ ...list, prefix: '' }, { isInvoked: false }, never);
      assert.equal(await older, '');
      await stopsGenerating();
    }
  });
}
