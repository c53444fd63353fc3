import assert from 'node:assert/strict';
import type { Answer } from '../../src/core/chat/conversation.ts';
import { Turns, type Turn } from '../../src/core/chat/turns.ts';
import type { BackendError } from '../../src/core/clients/errors.ts';
import { BackendRegistry } from '../../src/core/clients/registry.ts';
import { MemorySink, textAttachment } from '../support/conversations.ts';
import { answering, dialectOf, settingsWith, type Dialect } from '../support/dialects.ts';
import { ScriptedServer } from '../support/scriptedServer.ts';
import { createTestHost, type TestHost } from '../support/testHost.ts';

const ollama = dialectOf('ollama');
const vllm = dialectOf('vllm');

interface SentMessage {
  readonly role: string;
  readonly content: string;
}

interface SentBody {
  readonly model: string;
  readonly messages: readonly SentMessage[];
}

function bodyOf(server: ScriptedServer, { chatPath }: Dialect, position: number): SentBody {
  return JSON.parse(server.requestsTo(chatPath).at(position)?.body ?? '{}') as SentBody;
}

for (const dialect of [ollama, vllm]) {
  describe(`turns: ${dialect.backend}`, () => {
    let server: ScriptedServer;
    let host: TestHost;
    let registry: BackendRegistry;
    let turns: Turns;
    let sink: MemorySink;

    beforeEach(async () => {
      server = await ScriptedServer.start(dialect.routes(['m', 'n']));
      host = createTestHost();
      registry = new BackendRegistry(host);
      let count = 0;
      turns = new Turns({ registry, log: host.log, name: 'chat', newId: () => `id${++count}` });
      sink = new MemorySink();
    });
    afterEach(async () => {
      registry.dispose();
      await server.close();
    });

    const settings = (more: Record<string, unknown> = {}) =>
      settingsWith({
        'a2ia.backend': dialect.backend,
        [dialect.urlSetting]: server.url,
        'a2ia.model': 'm',
        'a2ia.systemPrompt': 's',
        ...more,
      });
    const ask = (text: string, more?: Record<string, unknown>) =>
      turns.ask(sink, { text, attachments: [] }, settings(more));
    const answers = (...frames: readonly string[]) =>
      server.on(dialect.chatPath, answering(dialect, ...frames, dialect.finish()));
    const answer = (turn: Turn): Answer => {
      const message = sink.conversation.message(turn.answerId);
      assert.ok(message?.role === 'answer');
      return message;
    };
    const ending = (turn: Turn) => {
      const end = answer(turn).runs.at(-1)?.ending;
      assert.ok(end, 'every run has its end');
      return end;
    };
    const shown = () => sink.conversation.path().map(({ text }) => text);
    const sent = (position = -1) => bodyOf(server, dialect, position);

    it('an answer, with who gave it, what it took and how fast', async () => {
      answers(dialect.reasoning('hm'), dialect.text('a'), dialect.text('b'));
      const turn = ask('Why?');
      await turn.done;
      assert.deepEqual(shown(), ['Why?', 'ab']);
      const { runs, reasoning } = answer(turn);
      assert.equal(reasoning, 'hm');
      assert.equal(runs.length, 1);
      assert.deepEqual([runs[0]?.backend, runs[0]?.model], [dialect.backend, 'm']);
      const { outcome, usage, speed, reasoningMs } = ending(turn);
      assert.deepEqual(outcome, { type: 'finished', reason: 'stop' });
      assert.deepEqual([usage?.promptTokens, usage?.outputTokens], [7, 3]);
      assert.ok(speed.firstTokenMs !== undefined && reasoningMs !== undefined);
      assert.equal(turn.error, undefined);
    });

    it('an answer of whom somebody saw a moment ago: the question is the first request, however long it is', async () => {
      answers(dialect.text('a'));
      const seen = {
        client: registry.client(dialect.backend, settings()),
        model: 'n',
        reason: '',
        contextTokens: 8000,
      };
      const chosen: string[] = [];
      const onChoice = ({ model }: { readonly model: string }) => void chosen.push(model);
      const knowing = new Turns({ registry, log: host.log, name: 'chat', chosen: () => seen, onChoice });
      await knowing.ask(sink, { text: 'long '.repeat(1000), attachments: [] }, settings()).done;
      assert.equal(server.requests[0]?.path, dialect.chatPath);
      assert.equal(sent().model, 'n');
      assert.deepEqual(chosen, ['n']);
    });

    it('a conversation: each request begins with the bytes of the one before', async () => {
      answers(dialect.text('first answer'));
      await turns.ask(sink, { text: 'one', attachments: [textAttachment('f', 'let a;')] }, settings()).done;
      answers(dialect.reasoning('never sent again'), dialect.text('second answer'));
      await ask('two').done;
      await ask('three').done;
      const prompts = [0, 1, 2].map((position) => JSON.stringify(sent(position).messages).slice(0, -1));
      assert.ok(prompts[1]?.startsWith(prompts[0] ?? '-') && prompts[2]?.startsWith(prompts[1] ?? '-'));
      assert.deepEqual(
        sent().messages.map(({ role, content }) => [role, content]),
        [
          ['system', 's'],
          ['user', 'f.ts:\n\n```typescript\nlet a;\n```\n\none'],
          ['assistant', 'first answer'],
          ['user', 'two'],
          ['assistant', 'second answer'],
          ['user', 'three'],
        ],
      );
    });

    it('stop keeps what came, and closes the connection', async () => {
      server.on(dialect.chatPath, async (exchange) => {
        exchange.start(dialect.contentType);
        await exchange.write(dialect.text('half'));
      });
      const turn = ask('Why?');
      await until(() => answer(turn).text === 'half', sink);
      turn.stop();
      await turn.done;
      await (
        await server.exchange(dialect.chatPath)
      ).closed;
      assert.deepEqual(shown(), ['Why?', 'half']);
      assert.deepEqual(ending(turn).outcome, { type: 'stopped' });
    });

    it('stop before anybody was found: a run without a model, that was stopped', async () => {
      const turn = ask('Why?');
      turn.stop();
      await turn.done;
      assert.deepEqual(ending(turn).outcome, { type: 'stopped' });
      assert.equal(server.requestsTo(dialect.chatPath).length, 0);
    });

    it('continue: another run of the same answer, without what the model repeats', async () => {
      server.on(
        dialect.chatPath,
        answering(dialect, dialect.text('The sky is clear and bl'), dialect.finish('length')),
      );
      const turn = ask('Why?');
      await turn.done;
      assert.deepEqual(ending(turn).outcome, { type: 'finished', reason: 'length' });
      answers(dialect.text('The sky is '), dialect.text('clear and blue'), dialect.text(' today.'));
      await turns.continueAnswer(sink, turn.answerId, settings()).done;
      assert.deepEqual(shown(), ['Why?', 'The sky is clear and blue today.']);
      assert.equal(answer(turn).runs.length, 2);
      const roles = sent().messages.map(({ role }) => role);
      assert.deepEqual(roles, ['system', 'user', 'assistant', 'user']);
      assert.equal(sent().messages[2]?.content, 'The sky is clear and bl');
      // What is asked next is asked of the whole answer, and nothing of the request to go on is left.
      await ask('two').done;
      assert.deepEqual(
        sent().messages.map(({ content }) => content),
        ['s', 'Why?', 'The sky is clear and blue today.', 'two'],
      );
    });

    it('continue an answer without text: the question again', async () => {
      server.on(dialect.chatPath, answering(dialect, dialect.streamError('CUDA exploded')));
      const turn = ask('Why?');
      await turn.done;
      assert.equal(ending(turn).outcome.type, 'failed');
      answers(dialect.text('Because.'));
      await turns.continueAnswer(sink, turn.answerId, settings()).done;
      assert.deepEqual(shown(), ['Why?', 'Because.']);
      assert.deepEqual(
        sent().messages.map(({ role }) => role),
        ['system', 'user'],
      );
    });

    it('continue an answer that still runs: it goes on as it does', async () => {
      server.on(dialect.chatPath, (exchange) => exchange.start(dialect.contentType));
      const turn = ask('Why?');
      await server.exchange(dialect.chatPath);
      assert.equal(turns.continueAnswer(sink, turn.answerId, settings()), turn);
      assert.equal(server.requestsTo(dialect.chatPath).length, 1);
    });

    it('retry: an answer beside the first, by the same model or another', async () => {
      answers(dialect.text('first'));
      const first = ask('Why?');
      await first.done;
      answers(dialect.text('second'));
      const second = turns.retry(sink, first.answerId, settings());
      await second.done;
      const third = turns.retry(sink, first.answerId, settings(), { backend: dialect.backend, model: 'n' });
      await third.done;
      assert.deepEqual(shown(), ['Why?', 'second']);
      assert.deepEqual(
        sink.conversation.siblings(answer(first)),
        [first, second, third].map(({ answerId }) => answerId),
      );
      assert.equal(answer(first).text, 'first');
      assert.equal(answer(third).runs[0]?.model, 'n');
      assert.equal(sent().model, 'n');
      assert.deepEqual(sent().messages, sent(0).messages);
    });

    it('edit: a question beside the first, with its attachments', async () => {
      answers(dialect.text('a'));
      const first = turns.ask(sink, { text: 'one', attachments: [textAttachment('f', 'let a;')] }, settings());
      await first.done;
      await ask('two').done;
      const edited = turns.edit(sink, answer(first).parentId, 'ONE', settings());
      await edited.done;
      assert.deepEqual(shown(), ['ONE', 'a']);
      assert.match(sent().messages[1]?.content ?? '', /^f\.ts:[^]*\n\nONE$/);
      assert.equal(sent().messages.length, 2);
      sink.append({ type: 'show', id: first.answerId });
      assert.deepEqual(shown(), ['one', 'a', 'two', 'a']);
    });

    it('failed in the middle: what came, the problem and its next step', async () => {
      server.on(dialect.chatPath, answering(dialect, dialect.text('half'), dialect.streamError('CUDA exploded')));
      const turn = ask('Why?');
      await turn.done;
      assert.deepEqual(shown(), ['Why?', 'half']);
      const { outcome } = ending(turn);
      assert.ok(outcome.type === 'failed');
      assert.equal(outcome.problem.serverMessage, 'CUDA exploded');
      assert.equal(outcome.problem.message, turn.error?.message);
      assert.ok(turn.error?.nextStep);
    });

    it('nobody there: a run without a model, with the problem', async () => {
      await server.close();
      const turn = ask('Why?', { 'a2ia.model': '' });
      await turn.done;
      assert.equal(turn.error?.kind, 'notRunning');
      assert.equal(answer(turn).runs[0]?.backend, undefined);
      assert.equal(ending(turn).outcome.type, 'failed');
    });

    it('too long for the window: nothing is sent, and the conversation goes on when it was left out', async () => {
      const small = { 'a2ia.ollama.contextTokens': 2048 };
      server.on('/tokenize', (exchange) => exchange.json({ count: 4000 }));
      server.on('/api/ps', (exchange) => exchange.json({ models: [{ name: 'm', model: 'm', context_length: 2048 }] }));
      const turn = turns.ask(
        sink,
        { text: 'Why?', attachments: [textAttachment('big', 'word '.repeat(3000))] },
        settings(small),
      );
      await turn.done;
      assert.equal(turn.error?.kind, 'contextOverflow');
      assert.match(turn.error.hint, /big\.ts/);
      assert.equal(server.requestsTo(dialect.chatPath).length, 0);
      sink.append({ type: 'leaveOut', ids: ['big'] });
      answers(dialect.text('Because.'));
      const again = turns.retry(sink, turn.answerId, settings(small));
      await again.done;
      assert.deepEqual(shown(), ['Why?', 'Because.']);
      assert.equal(sent().messages[1]?.content, 'big.ts: left out.\n\nWhy?');
    });

    it('a question that was left out is sent when it is asked again', async () => {
      answers(dialect.text('a'));
      const turn = ask('Why?');
      await turn.done;
      sink.append({ type: 'leaveOut', ids: [answer(turn).parentId, turn.answerId] });
      await turns.retry(sink, turn.answerId, settings()).done;
      assert.equal(sent().messages.at(-1)?.content, 'Why?');
    });

    it('says what is awaited, to who listens early and late', async () => {
      const seen: string[] = [];
      const late: string[] = [];
      answers(dialect.text('a'));
      const turn = ask('Why?');
      turn.onProgress((what) => seen.push(what));
      await until(() => answer(turn).text === 'a', sink);
      turn.onProgress((what) => late.push(what));
      await turn.done;
      assert.deepEqual(seen, ['looking for a model server', `waiting for m (${dialect.backend})`]);
      assert.deepEqual(late, seen.slice(-1));
    });

    it('logs who is asked and what failed, and nothing of what was said', async () => {
      const errors: (BackendError | undefined)[] = [];
      for (const code of [400, 500]) {
        server.on(dialect.chatPath, (exchange) =>
          exchange.json({ error: { message: 'cannot read: SECRET question', type: 'Error', code } }, code),
        );
        const turn = ask('SECRET question');
        await turn.done;
        errors.push(turn.error);
      }
      answers(dialect.text('SECRET answer'));
      await ask('SECRET too').done;
      assert.ok(host.logged.some((line) => line.includes(`chat: ${dialect.backend}`)));
      for (const error of errors) {
        assert.match(error?.serverMessage ?? '', /SECRET/);
        assert.ok(host.logged.some((line) => line.startsWith(`${error?.kind}: `)));
      }
      for (const line of host.logged) assert.doesNotMatch(line, /SECRET/);
    });
  });
}

describe('turns: another backend in the middle of a conversation', () => {
  it('goes on with the same messages, by each backend’s own protocol', async () => {
    const server = await ScriptedServer.start({ ...ollama.routes(['small']), ...vllm.routes(['large']) });
    const reply = (dialect: Dialect, text: string) =>
      server.on(dialect.chatPath, answering(dialect, dialect.text(text), dialect.finish()));
    reply(ollama, 'from Ollama');
    reply(vllm, 'from vLLM');
    const host = createTestHost();
    const registry = new BackendRegistry(host);
    const turns = new Turns({ registry, log: host.log, name: 'chat' });
    const sink = new MemorySink();
    const at = (backend: string, model: string) =>
      settingsWith({
        'a2ia.backend': backend,
        'a2ia.model': model,
        'a2ia.ollamaUrl': server.url,
        'a2ia.vllmUrl': server.url,
      });
    await turns.ask(sink, { text: 'one', attachments: [] }, at('ollama', 'small')).done;
    const second = turns.ask(sink, { text: 'two', attachments: [] }, at('vllm', 'large'));
    await second.done;
    await turns.retry(sink, second.answerId, at('vllm', 'large'), { backend: 'ollama', model: 'small' }).done;
    const who = [...sink.conversation.messages()].flatMap((message) =>
      message.role === 'answer' ? message.runs.map(({ backend, model }) => `${backend} ${model}`) : [],
    );
    assert.deepEqual(who, ['ollama small', 'vllm large', 'ollama small']);
    const sentTo = (dialect: Dialect) => bodyOf(server, dialect, -1).messages;
    assert.deepEqual(
      sentTo(vllm)
        .map(({ content }) => content)
        .slice(1),
      ['one', 'from Ollama', 'two'],
    );
    assert.deepEqual(
      sentTo(ollama).map(({ role, content }) => [role, content]),
      sentTo(vllm).map(({ role, content }) => [role, content]),
    );
    registry.dispose();
    await server.close();
  });
});

/** Settles when it is so, after one record or another. */
async function until(condition: () => boolean, sink: MemorySink): Promise<void> {
  while (!condition()) await sink.nextRecord();
}
