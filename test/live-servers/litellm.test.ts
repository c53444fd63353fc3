import assert from 'node:assert/strict';
import type { LLMClient } from '../../src/core/clients/llmClient.ts';
import { all, finishOf, textOf } from '../support/answers.ts';
import { ask, endless, failing, never, promptOf } from './answers.ts';
import { startLiteLlm, type Route } from './servers/liteLlm.ts';
import { startLlamaServer } from './servers/llamaServer.ts';
import { run, type LiveServer } from './servers/liveServer.ts';
import { startOllama } from './servers/ollama.ts';
import type { ServerProcess } from './servers/serverProcess.ts';
import { startVllm } from './servers/vllm.ts';
import { clientAt, ollamaBehind } from './targets.ts';

/** LiteLLM as a team's proxy: replicas behind one name, many people at once, other engines behind other names. */

const found = run.found.litellm;
const program = found && 'program' in found ? found.program : '';
const team = 'team/smollm2';
const overOpenAI = 'team/openai/smollm2';

describe('litellm, in front of replicas', function () {
  this.timeout(300_000);
  const replicas: LiveServer[] = [];
  let proxy: ServerProcess;
  let client: LLMClient;

  before(async function () {
    this.timeout(400_000);
    replicas.push(await startOllama(ollamaBehind()), await startOllama(ollamaBehind()));
    proxy = await startLiteLlm(program, [
      ...replicas.map(({ url, model }) => ({ name: team, model: `ollama_chat/${model}`, apiBase: url })),
      ...replicas.slice(0, 1).map(({ url, model }) => ({
        name: overOpenAI,
        model: `openai/${model}`,
        apiBase: `${url}/v1`,
      })),
    ]);
    client = clientAt(proxy.url, 'openai-compatible');
  });
  after(async () => {
    await proxy?.stop();
    for (const replica of replicas) await replica.stop();
  });

  it('knows models whose names have slashes, and answers by them', async () => {
    const ids = (await client.listModels(never)).map((model) => model.id);
    assert.deepEqual(new Set(ids), new Set([team, overOpenAI]));
    for (const id of ids) finishOf(await all(client.chat(ask(id, 'Say hello.', { maxOutputTokens: 6 }), never)));
  });

  it('32 answers at once: a reader that sleeps holds none of the others up', async () => {
    let wakeUp = (): void => undefined;
    const asleep = new Promise<void>((resolve) => (wakeUp = resolve));
    let sleeperBegan = (): void => undefined;
    const began = new Promise<void>((resolve) => (sleeperBegan = resolve));
    const sleeper = (async () => {
      let text = '';
      for await (const event of client.chat(ask(team, endless, { maxOutputTokens: 400 }), never)) {
        if (event.type === 'text') {
          text += event.delta;
          sleeperBegan();
          await asleep;
        }
        if (event.type === 'finish') return { text, outputTokens: event.usage?.outputTokens };
      }
      return assert.fail('the sleeper’s answer has no finish');
    })();
    await began;
    const others = await Promise.all(
      Array.from({ length: 31 }, (_, index) =>
        all(client.chat(ask(team, `Write about the number ${index}.`, { maxOutputTokens: 24 }), never)),
      ),
    );
    for (const events of others) {
      finishOf(events);
      assert.ok(textOf(events).length > 4);
    }
    wakeUp();
    const { text, outputTokens } = await sleeper;
    assert.equal(outputTokens, 400);
    assert.ok(text.length > 800, `${text.length} characters`);
  });

  it('goes on when one replica is killed', async () => {
    await replicas[0]?.kill?.();
    for (let request = 0; request < 8; request++) {
      finishOf(await all(client.chat(ask(team, `Say ${request}.`, { maxOutputTokens: 6 }), never)));
    }
  });

  it('says that the server behind it is gone when the only one is', async () => {
    const { events, error } = await failing(client.chat(ask(overOpenAI, 'Say hello.'), never), 'gateway');
    assert.deepEqual(events, []);
    assert.match(error.serverMessage ?? '', /connect/i);
  });
});

describe('litellm, in front of an engine that counts', function () {
  this.timeout(700_000);

  const engines = [
    { name: 'llama-server', start: startLlamaServer, provider: 'openai' },
    { name: 'vllm', start: startVllm, provider: 'hosted_vllm' },
  ] as const;
  for (const { name, start, provider } of engines) {
    const engine = run.found[name];
    const title = `${name}: a prompt that is too long is refused through the proxy, with the numbers`;
    if (!engine) {
      it.skip(`${title} – not here: no ${name} was found`);
      continue;
    }
    it(title, async () => {
      const server = await start(engine);
      const id = `team/${name}`;
      const route: Route = { name: id, model: `${provider}/${server.model}`, apiBase: `${server.url}/v1` };
      const proxy = await startLiteLlm(program, [route]);
      try {
        const client = clientAt(proxy.url, 'openai-compatible');
        finishOf(await all(client.chat(ask(id, 'Say hello.', { maxOutputTokens: 6 }), never)));
        const request = ask(id, promptOf(2 * server.contextTokens));
        const { error } = await failing(client.chat(request, never), 'contextOverflow');
        assert.equal(error.contextTokens, server.contextTokens);
        assert.ok((error.promptTokens ?? 0) > server.contextTokens, String(error.promptTokens));
      } finally {
        await proxy.stop();
        await server.stop();
      }
    });
  }
});
