import assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import { runRequest } from '../../src/core/chat/session.ts';
import type { CompletionRequest, LLMClient } from '../../src/core/clients/llmClient.ts';
import { Completer } from '../../src/core/completion/completer.ts';
import { expectError } from '../support/expectations.ts';
import { all, finishOf, textOf } from '../support/answers.ts';
import { ask, endless, failing, never, promptOf } from './answers.ts';
import { postJson } from './servers/http.ts';
import { run, type LiveServer, type ServerName } from './servers/liveServer.ts';
import { until } from './servers/until.ts';
import { clientAt, startSubject, targets, type Subject, type Target } from './targets.ts';

/** The contract of src/core/clients/llmClient.ts, by every client, on servers that are real. */

for (const name of run.servers) {
  describe(`${name}, real`, function () {
    this.timeout(300_000);
    let subject: Subject;

    before(async function () {
      this.timeout(700_000);
      subject = await startSubject(name, run.found[name] ?? { url: '' });
    });
    after(() => subject?.stop());

    for (const target of targets[name]) {
      describe(`${target.backend} client`, () => contract(name, target, () => subject));
    }
    describe('killed in mid-answer', () => survivesKill(name, () => subject));
  });
}

const france = 'What is the capital of France? Answer in one short sentence.';

/** What cannot be tested somewhere is named, with its reason. */
function notHere(title: string, reason: string): void {
  it.skip(`${title} – not here: ${reason}`);
}

function contract(name: ServerName, target: Target, subject: () => Subject): void {
  let server: LiveServer;
  let client: LLMClient;
  let model: string;
  before(() => {
    ({ server } = subject());
    ({ model } = server);
    client = subject().client(target.backend);
  });

  const stopsGenerating = async () => {
    const { isGenerating } = server;
    if (isGenerating) await until(async () => !(await isGenerating()), 'the server has stopped generating', 10_000);
  };
  const generates = async () => {
    const { isGenerating } = server;
    if (isGenerating) await until(isGenerating, 'the server generates', 30_000);
  };

  it('says who answers, with which models', async () => {
    const status = await client.probe(never);
    assert.ok(status.state === 'ready', JSON.stringify(status));
    assert.match(status.server, target.calledServer);
    assert.ok(status.modelIds.includes(model), status.modelIds.join());
    const ran = process.env['A2IA_LIVE_RAN'];
    if (ran) appendFileSync(ran, `${JSON.stringify([name, status.server, status.version ?? ''])}\n`);
  });

  it('streams an answer in pieces, with one finish and the counts', async () => {
    // A short answer may come in one read: its pieces are one event then.
    const long = await all(client.chat(ask(model, endless, { maxOutputTokens: 60 }), never));
    assert.ok(long.filter((event) => event.type === 'text').length > 1, 'several pieces');
    const events = await all(client.chat(ask(model, france, { maxOutputTokens: 40 }), never));
    assert.match(textOf(events), /Paris/);
    const { usage } = finishOf(events);
    assert.ok((usage?.promptTokens ?? 0) > 5, 'prompt tokens');
    assert.ok((usage?.outputTokens ?? 0) > 2, 'output tokens');
  });

  it('goes on with a conversation', async () => {
    const request = {
      model,
      temperature: 0,
      maxOutputTokens: 24,
      messages: [
        { role: 'system', text: 'You answer in few words.' },
        { role: 'user', text: 'The word is banana. Remember it.' },
        { role: 'assistant', text: 'The word is banana.' },
        { role: 'user', text: 'Say that word again.' },
      ],
    } as const;
    assert.match(textOf(await all(client.chat(request, never))), /banana/i);
  });

  it('says length at the limit of the request', async () => {
    const finish = finishOf(await all(client.chat(ask(model, endless, { maxOutputTokens: 12 }), never)));
    assert.equal(finish.reason, 'length');
    assert.equal(finish.usage?.outputTokens, 12);
  });

  it('lists the model with the context window that it really has', async () => {
    // A server that loads by itself has loaded it for the tests before.
    await client.load?.(model, never).catch((error: unknown) => void expectError(error, 'unsupported'));
    const listed = (await client.listModels(never)).find((each) => each.id === model);
    assert.ok(listed, 'it is in the list');
    const window = await client.contextWindow(model, never);
    if (target.contextWindow === 'told') {
      assert.equal(window, server.contextTokens);
      assert.equal(listed.contextWindowTokens, server.contextTokens);
    } else assert.equal(window, undefined);
  });

  describe('when it is stopped', () => {
    before(function () {
      if (server.isGenerating) return;
      console.log('        nobody can tell here whether the server generates');
      this.skip();
    });

    it('the iterator ends, and the server stops generating', async () => {
      const abort = new AbortController();
      let pieces = 0;
      for await (const event of client.chat(ask(model, endless), abort.signal)) {
        assert.ok(!abort.signal.aborted, `${event.type} after the abort`);
        if (event.type !== 'text' || ++pieces < 4) continue;
        await generates();
        abort.abort();
      }
      assert.ok(abort.signal.aborted, 'it did not end by itself');
      await stopsGenerating();
    });

    it('a consumer that leaves has the same effect', async () => {
      for await (const event of client.chat(ask(model, endless), never)) {
        if (event.type !== 'text') continue;
        await generates();
        break;
      }
      await stopsGenerating();
    });

    it('before the first word, too', async () => {
      const abort = new AbortController();
      const answer = all(client.chat(ask(model, `${promptOf(server.contextTokens / 2)} ${endless}`), abort.signal));
      await generates();
      abort.abort();
      for (const event of await answer) assert.notEqual(event.type, 'finish');
      await stopsGenerating();
    });
  });

  it('answers two at once, and stopping one leaves the other alone', async () => {
    const abort = new AbortController();
    const stopped = (async () => {
      for await (const event of client.chat(ask(model, endless), abort.signal)) {
        if (event.type === 'text') abort.abort();
      }
    })();
    const [events] = await Promise.all([
      all(client.chat(ask(model, 'Write about the sea.', { maxOutputTokens: 60 }), never)),
      stopped,
    ]);
    assert.ok(abort.signal.aborted);
    assert.equal(finishOf(events).usage?.outputTokens, 60);
  });

  if (target.unknownModel === 'refused') {
    it('answers an unknown model with those that exist', async () => {
      const { error } = await failing(client.chat(ask('nobody/none:7b', 'Hi'), never), 'modelNotFound');
      assert.ok(error.nextStep.do === 'chooseModel', error.nextStep.do);
      assert.ok(error.nextStep.models.includes(model));
    });
  } else {
    it('takes any model’s name and answers with the one it has', async () => {
      finishOf(await all(client.chat(ask('nobody/none:7b', 'Hi', { maxOutputTokens: 4 }), never)));
    });
  }

  const tools = [
    { name: 'clock', description: 'The time now.', parameters: { type: 'object', properties: {} } },
  ] as const;
  if (target.tools === 'refused') {
    it('answers without tools where there are none, and says so once', async () => {
      const request = ask(model, france, { tools, maxOutputTokens: 24 });
      const first = await all(client.chat(request, never));
      const warnings = first.flatMap((event) => (event.type === 'warning' ? [event.message] : []));
      assert.equal(warnings.length, 1, warnings.join());
      assert.match(warnings[0] ?? '', /tools/);
      assert.match(textOf(first), /Paris/);
      const again = await all(client.chat(request, never));
      assert.deepEqual(
        again.filter((event) => event.type === 'warning'),
        [],
      );
      finishOf(again);
    });
  } else {
    it('takes tools', async () => {
      const request = ask(model, 'What time is it?', { tools, maxOutputTokens: 24 });
      const events = await all(client.chat(request, never));
      assert.deepEqual(
        events.filter((event) => event.type === 'warning'),
        [],
      );
      finishOf(events);
    });
  }

  if (target.overflow === 'cut') {
    notHere('refuses a prompt that is too long', 'this protocol of Ollama cuts it without a word; its own does not');
  } else {
    it('refuses a prompt that is too long', async () => {
      const request = ask(model, promptOf(2 * server.contextTokens));
      const { events, error } = await failing(client.chat(request, never), 'contextOverflow');
      assert.deepEqual(events, []);
      if (target.overflow !== 'numbers') return;
      assert.equal(error.contextTokens, server.contextTokens);
      // vLLM counts only as far as the window reaches.
      assert.ok((error.promptTokens ?? 0) > server.contextTokens, String(error.promptTokens));
    });
  }

  if (target.contextWindow === 'not told') {
    notHere('a prompt that is too long is not even sent', 'this server does not tell its context window');
  } else {
    it('a prompt that is too long is not even sent', async () => {
      const unsent: LLMClient = { ...client, chat: () => assert.fail('it was sent') };
      const text = promptOf(2 * server.contextTokens);
      const parts = [{ label: 'ship.txt', text }];
      const { outcome } = await runRequest(unsent, ask(model, text), never, () => undefined, parts);
      assert.ok(outcome.type === 'failed', outcome.type);
      assert.equal(outcome.error.kind, 'contextOverflow', outcome.error.message);
      assert.equal(outcome.error.contextTokens, server.contextTokens);
      assert.ok((outcome.error.promptTokens ?? 0) > server.contextTokens);
      assert.match(outcome.error.hint, /ship\.txt/);
    });

    it('a prompt that just fits is', async () => {
      const request = ask(model, promptOf(0.85 * server.contextTokens), { maxOutputTokens: 4 });
      const { outcome } = await runRequest(client, request, never, () => undefined);
      assert.ok(outcome.type === 'finished', JSON.stringify(outcome));
    });
  }

  it(`counts the tokens of a prompt: ${target.tokenCount}`, async () => {
    const request = ask(model, promptOf(300), { maxOutputTokens: 2 });
    const { promptTokens = 0 } = finishOf(await all(client.chat(request, never))).usage ?? {};
    const { tokens, isExact } = await client.countTokens(request, never);
    assert.equal(isExact, target.tokenCount === 'exact');
    if (isExact) assert.equal(tokens, promptTokens);
    else assert.ok(Math.abs(tokens / promptTokens - 1) < 0.25, `${tokens} for ${promptTokens}`);
  });

  const isOwnProtocol = target.backend !== 'openai' && target.backend !== 'anthropic';
  if (isOwnProtocol && target.overflow === 'cut') {
    notHere('completes code', 'Ollama’s OpenAI-style API puts the chat template around every prompt');
  } else if (isOwnProtocol) {
    const gap = { prefix: 'def add(a, b):\n    return', suffix: '\n\nprint(add(1, 2))\n', temperature: 0 };
    const complete = (request: Omit<CompletionRequest, 'model'>, signal = never) =>
      client.complete?.({ model, maxOutputTokens: 16, ...request }, signal) ?? assert.fail('it completes nothing');

    it('goes on with code', async () => {
      const events = await all(complete({ ...gap, suffix: '' }));
      assert.match(textOf(events), /a.*b/);
      finishOf(events);
    });

    it('says of a model that it has no tokens for a gap', async () => {
      const { error } = await failing(complete(gap), 'unsupported');
      assert.equal(error.feature, 'fillInTheMiddle');
    });

    it('fills the gap where it is told how', async () => {
      const events = await all(complete({ ...gap, rawPrompt: gap.prefix }));
      assert.match(textOf(events), /a.*b/);
      finishOf(events);
    });

    it('offers a part of it, and stops the server when no more is wanted', async () => {
      const ask = (request: CompletionRequest, signal: AbortSignal) => complete({ ...request, suffix: '' }, signal);
      const clock = { nowMs: () => 0, wait: () => Promise.resolve() };
      const completer = new Completer({ model, budgetTokens: 200, ask }, clock);
      const place = { document: 'a', path: 'a.py', neighbours: [], isProse: false, ...gap };
      const text = await completer.complete(place, { isInvoked: true }, never);
      assert.match(text, /^[^\n]*a.*b[^\n]*$/);
      await stopsGenerating();
    });
  }

  if (target.backend === 'ollama') {
    it('uses a model as somebody else has loaded it', async () => {
      const contextTokens = server.contextTokens / 2;
      const load = { model, prompt: '', options: { num_ctx: contextTokens }, stream: false };
      await postJson(`${server.url}/api/generate`, load);
      const own = clientAt(server.url, 'ollama', { usefulContext: () => Promise.resolve(server.contextTokens) });
      await all(own.chat(ask(model, france, { maxOutputTokens: 4 }), never));
      const [first] = (await own.loadedModels?.(never)) ?? [];
      assert.equal(first?.contextWindowTokens, contextTokens);
    });

    it('loads and unloads the model', async () => {
      const loaded = async () => ((await client.loadedModels?.(never)) ?? []).map((each) => each.id);
      await client.load?.(model, never);
      assert.ok((await loaded()).includes(model));
      const [first] = (await client.loadedModels?.(never)) ?? [];
      assert.equal(first?.contextWindowTokens, server.contextTokens);
      await client.unload?.(model, never);
      await until(async () => !(await loaded()).includes(model), 'it is unloaded', 30_000);
    });
  }
}

function survivesKill(name: ServerName, subject: () => Subject): void {
  before(function () {
    if (subject().server.kill) return;
    console.log('      somebody else started this server');
    this.skip();
  });

  it('what arrived is kept, the failure says so, and the server started again answers', async () => {
    const { server } = subject();
    const started = targets[name].map((target) => ({ target, client: subject().client(target.backend) }));
    const begun = new Set<LLMClient>();
    const answers = started.map(async ({ target, client }) => {
      let text = '';
      const answer = await runRequest(client, ask(server.model, endless), never, (event) => {
        if (event.type === 'text') text += event.delta;
        if (/\w+ \w+ /.test(text)) begun.add(client);
      });
      return { target, answer };
    });
    await until(() => Promise.resolve(begun.size === started.length), 'all answers have begun', 120_000);
    await server.kill?.();
    for (const { target, answer } of await Promise.all(answers)) {
      assert.ok(answer.outcome.type === 'failed', `${target.backend}: ${answer.outcome.type}`);
      assert.equal(answer.outcome.error.kind, target.killedAs, `${target.backend}: ${answer.outcome.error.message}`);
      assert.match(answer.text, /\w+ \w+ /);
    }
    await server.restart?.();
    for (const { client } of started) {
      finishOf(await all(client.chat(ask(server.model, 'Say hello.', { maxOutputTokens: 4 }), never)));
    }
  });
}
