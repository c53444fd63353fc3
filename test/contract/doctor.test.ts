import assert from 'node:assert/strict';
import type { StepName } from '../../src/core/doctor/report.ts';
import { reportLines, reportsMarkdown } from '../../src/core/doctor/reportText.ts';
import { answering, dialects, type Dialect } from '../support/dialects.ts';
import { endsWith, examine, examineAll, freePort, stepOf, type Examination } from '../support/doctor.ts';
import { ScriptedServer, type Handler } from '../support/scriptedServer.ts';
import { createTestHost } from '../support/testHost.ts';

const dialectOf = (backend: Dialect['backend']) => dialects.find((dialect) => dialect.backend === backend) as Dialect;

/** A server of this kind with a model that answers, except on the paths given. */
const serverOf = (dialect: Dialect, routes: Record<string, Handler> = {}, models: readonly string[] = ['m1', 'm2']) =>
  ScriptedServer.start({
    ...dialect.routes(models),
    [dialect.chatPath]: answering(dialect, dialect.text('Hi'), dialect.finish('length')),
    ...routes,
  });

/** The report about the server, which is closed then. */
async function reportOn(
  server: ScriptedServer,
  dialect: Dialect,
  { settings = {}, ...more }: Examination & { settings?: Record<string, unknown> } = {},
) {
  try {
    return await examine({ 'a2ia.backend': dialect.backend, [dialect.urlSetting]: server.url, ...settings }, more);
  } finally {
    await server.close();
  }
}

const ollama = dialectOf('ollama');
const vllm = dialectOf('vllm');
const openaiCompatible = dialectOf('openai-compatible');
const openai = dialectOf('openai');

for (const dialect of dialects) {
  describe(`Doctor: ${dialect.backend}`, () => {
    it('works: every step in order, with its time, up to one token', async () => {
      const server = await serverOf(dialect);
      const told: string[] = [];
      const report = await reportOn(server, dialect, {
        onStep: (backend, { name }) => told.push(`${backend} ${name}`),
      });
      assert.equal(report.works, true, JSON.stringify(report, undefined, 2));
      const isCloud = dialect.backend === 'openai' || dialect.backend === 'anthropic';
      const names: StepName[] = ['address', 'dns', 'tcp', 'tls', 'server', 'key', 'models', 'context', 'token'];
      assert.deepEqual(
        report.steps.map(({ name }) => name),
        isCloud ? names : [...names, 'tools'],
      );
      assert.deepEqual(
        told,
        report.steps.map(({ name }) => `${dialect.backend} ${name}`),
      );
      for (const { durationMs } of report.steps) assert.ok(Number.isInteger(durationMs) && durationMs >= 0);
      assert.match(report.verdict, /m1 began to answer after \d+ ms/);
      const [chat] = server.requestsTo(dialect.chatPath);
      assert.match(chat?.body ?? '', /(num_predict|max_tokens|max_completion_tokens)"?:1[,}]/);
    });

    it('a web page has that port', async () => {
      const page = '<!doctype html><title>Router login</title>';
      const server = await ScriptedServer.start({ '*': (exchange) => exchange.send(page, 'text/html') });
      const step = endsWith(await reportOn(server, dialect), 'server', 'failed');
      assert.match(step.detail, /Router login/);
      assert.deepEqual(step.nextStep, { do: 'openSetting', key: dialect.urlSetting });
    });

    it('another program has that port', async () => {
      const server = await ScriptedServer.start({ '*': (exchange) => exchange.json({ hello: 'world' }, 404) });
      endsWith(await reportOn(server, dialect), 'server', 'failed');
    });

    it('redirects: says whereto, does not follow', async () => {
      const elsewhere = await serverOf(dialect);
      const location = `${elsewhere.url}/v1/models`;
      const server = await ScriptedServer.start({
        '*': (exchange) => exchange.send('', 'text/plain', 302, { location }),
      });
      const step = endsWith(await reportOn(server, dialect), 'server', 'failed');
      await elsewhere.close();
      assert.ok(step.detail.includes(elsewhere.url), step.detail);
      assert.equal(elsewhere.requests.length, 0);
    });

    for (const [title, keys] of [
      ['a key is wanted', undefined],
      ['the key is refused', 'wrong-key-123'],
    ] as const) {
      it(`${title}: offers to enter one`, async () => {
        const server = await ScriptedServer.start({ '*': (exchange) => exchange.json({ error: 'Unauthorized' }, 401) });
        const host = createTestHost({ keys: keys ? { [server.url]: keys } : {} });
        const report = await reportOn(server, dialect, { host });
        const step = endsWith(report, 'key', 'failed');
        assert.equal(stepOf(report, 'server').state, 'ok');
        assert.equal(step.serverMessage, 'Unauthorized');
        assert.deepEqual(step.nextStep, { do: 'enterKey', origin: server.url });
        assert.match(step.fix ?? '', keys ? /another key/ : /the key of this server/);
        assert.match(step.fix ?? '', /A2IA_[A-Z_]+_API_KEY/);
      });
    }

    it('has no model', async () => {
      const server = await serverOf(dialect, {}, []);
      const step = endsWith(await reportOn(server, dialect), 'models', 'failed');
      if (dialect === ollama) assert.equal(step.nextStep?.do, 'startServer');
    });

    it('does not have the model that the settings name', async () => {
      const server = await serverOf(dialect, {
        [dialect.chatPath]: (exchange) => {
          const [status, body] = dialect.unknownModel('nope');
          exchange.json(body, status);
        },
      });
      const report = await reportOn(server, dialect, { settings: { 'a2ia.model': 'nope' } });
      const last = report.steps.at(-1);
      assert.ok(last);
      assert.equal(endsWith(report, last.name, 'failed').nextStep?.do, 'chooseModel');
      assert.match(last.fix ?? '', /m1, m2/);
    });

    it('the answer fails: the server’s words', async () => {
      const server = await serverOf(dialect, {
        [dialect.chatPath]: (exchange) => exchange.json({ error: { message: 'CUDA error: out of memory' } }, 500),
      });
      const step = endsWith(await reportOn(server, dialect), 'token', 'failed');
      assert.equal(step.serverMessage, 'CUDA error: out of memory');
      assert.match(step.fix ?? '', /smaller model/);
    });
  });
}

describe('Doctor: situations of one kind of server', () => {
  it('llama-server is still loading', async () => {
    const body = { error: { code: 503, message: 'Loading model', type: 'unavailable_error' } };
    const server = await ScriptedServer.start({ '*': (exchange) => exchange.json(body, 503) });
    const step = endsWith(await reportOn(server, openaiCompatible), 'server', 'failed');
    assert.match(step.detail, /still loading/);
    assert.deepEqual(step.nextStep, { do: 'retry' });
  });

  it('Ollama refuses names and origins that it does not know: 403 without a body', async () => {
    const server = await ScriptedServer.start({ '*': (exchange) => exchange.send('', 'text/plain', 403) });
    const step = endsWith(
      await reportOn(server, ollama, { settings: { 'a2ia.ollamaUrl': `http://localhost:${server.port}` } }),
      'server',
      'failed',
    );
    assert.match(step.fix ?? '', /OLLAMA_HOST=0\.0\.0\.0.*OLLAMA_ORIGINS/);
  });

  it('LiteLLM without a database on a missing key: thinks of the key', async () => {
    const server = await ScriptedServer.start({
      '*': (exchange) => exchange.send('Internal Server Error', 'text/plain', 500),
    });
    const step = endsWith(await reportOn(server, openaiCompatible), 'server', 'failed');
    assert.match(step.fix ?? '', /LiteLLM.*when a key is missing/);
    assert.deepEqual(step.nextStep, { do: 'enterKey', origin: server.url });
  });

  it('Ollama where vLLM is expected', async () => {
    const server = await serverOf(ollama);
    const step = endsWith(await reportOn(server, vllm), 'server', 'failed');
    assert.equal(step.fix, `Set a2ia.backend to ollama and a2ia.ollamaUrl to ${server.url}.`);
    assert.deepEqual(step.nextStep, { do: 'openSetting', key: 'a2ia.backend' });
  });

  it('vLLM where Ollama is expected', async () => {
    const server = await serverOf(vllm);
    const step = endsWith(await reportOn(server, ollama), 'server', 'failed');
    assert.equal(step.fix, `Set a2ia.backend to vllm and a2ia.vllmUrl to ${server.url}.`);
  });

  it('llama-server where vLLM is expected: works, with a warning', async () => {
    const report = await reportOn(await serverOf(openaiCompatible), vllm);
    assert.equal(report.works, true);
    assert.equal(stepOf(report, 'server').state, 'warning');
    assert.match(stepOf(report, 'server').fix ?? '', /a2ia\.backend to openai-compatible/);
  });

  it('vLLM’s context window is short', async () => {
    const report = await reportOn(await serverOf(vllm), vllm);
    assert.match(stepOf(report, 'context').detail, /^2048 tokens/);
    assert.match(stepOf(report, 'context').fix ?? '', /--max-model-len/);
    assert.equal(report.works, true);
  });

  it('a model without a chat template', async () => {
    const words =
      'As of transformers v4.44, default chat template is no longer allowed, so you must provide a chat template';
    const server = await serverOf(vllm, {
      [vllm.chatPath]: (exchange) =>
        exchange.json({ error: { message: words, type: 'BadRequestError', code: 400 } }, 400),
    });
    const step = endsWith(await reportOn(server, vllm), 'token', 'failed');
    assert.match(step.fix ?? '', /instruct or chat variant.*--chat-template/);
  });

  it('vLLM without a parser for tools: works, with a warning', async () => {
    const words = '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set';
    const chat = answering(vllm, vllm.text('Hi'), vllm.finish('length'));
    const server = await serverOf(vllm, {
      [vllm.chatPath]: (exchange) =>
        exchange.request.body.includes('"tools"')
          ? exchange.json({ error: { message: words, type: 'BadRequestError', code: 400 } }, 400)
          : chat(exchange),
    });
    const report = await reportOn(server, vllm);
    assert.equal(report.works, true);
    const { state, fix } = stepOf(report, 'tools');
    assert.equal(state, 'warning');
    assert.match(fix ?? '', /--enable-auto-tool-choice.*--tool-call-parser/);
  });

  it('leaves the answer after its first token', async () => {
    const server = await serverOf(vllm);
    let closed: Promise<void> | undefined;
    server.on(vllm.chatPath, async (exchange) => {
      closed ??= exchange.closed;
      await exchange.start(vllm.contentType).write(vllm.text('Once'));
    });
    const report = await examine({ 'a2ia.backend': 'vllm', 'a2ia.vllmUrl': server.url });
    assert.equal(report.works, true);
    await closed;
    await server.close();
  });
});

describe('Doctor: which backends', () => {
  const nowhere = async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    return {
      'a2ia.ollamaUrl': url,
      'a2ia.vllmUrl': url,
      'a2ia.openaiCompatibleUrl': url,
      'a2ia.openaiUrl': `${url}/v1`,
      'a2ia.anthropicUrl': url,
    };
  };

  it('auto: those that auto can choose, no cloud', async () => {
    const reports = await examineAll(await nowhere(), { host: createTestHost({ keys: {} }) });
    assert.deepEqual(
      reports.map(({ backend }) => backend),
      ['ollama', 'vllm', 'openai-compatible', 'embedded'],
    );
    assert.ok(reports.every(({ works }) => !works));
  });

  it('auto: a cloud that has a key too, up to its models and no further', async () => {
    const server = await serverOf(openai);
    const host = createTestHost({ keys: { [server.url]: 'sk-key-of-this-origin' } });
    const reports = await examineAll({ ...(await nowhere()), 'a2ia.openaiUrl': `${server.url}/v1` }, { host });
    await server.close();
    const report = reports.find(({ backend }) => backend === 'openai');
    assert.ok(report);
    assert.match(endsWith(report, 'token', 'skipped').detail, /not asked, since it costs/);
    assert.deepEqual(server.requestsTo(openai.chatPath), []);
  });

  it('the one that is asked for, whatever the settings choose', async () => {
    const reports = await examineAll({ ...(await nowhere()), 'a2ia.backend': 'ollama' }, { backend: 'vllm' });
    assert.deepEqual(
      reports.map(({ backend }) => backend),
      ['vllm'],
    );
  });

  it('the embedded engine without its files: what to do, and nothing is downloaded', async () => {
    const report = await examine({ 'a2ia.backend': 'embedded' });
    endsWith(report, 'server', 'failed');
  });
});

describe('Doctor: secrets', () => {
  const secret = 'planted-sk-4f9a-secret';

  it('a key that the server repeats is in no report', async () => {
    const server = await ScriptedServer.start({
      '*': (exchange) => {
        const sent = String(exchange.request.headers.authorization);
        exchange.json({ error: { message: `Incorrect API key provided: ${sent}`, code: 'invalid_api_key' } }, 401);
      },
    });
    const host = createTestHost({ keys: { [server.url]: secret } });
    const report = await reportOn(server, vllm, { host });
    assert.ok(
      server.requests.some(({ headers }) => headers.authorization?.includes(secret)),
      'the key was sent',
    );
    assert.match(endsWith(report, 'key', 'failed').serverMessage ?? '', /Incorrect API key provided: Bearer …/);
    for (const text of [JSON.stringify(report), reportLines(report), reportsMarkdown([report]).text, ...host.logged]) {
      assert.ok(!text.includes(secret), text);
    }
  });

  it('neither are user and password of an address, or of a proxy', async () => {
    const url = `http://someone:${encodeURIComponent(`${secret}/&`)}@127.0.0.1:${await freePort()}/${'v1/v1'}?token=${secret}`;
    const proxy = {
      url: new URL(`http://someone:${secret}@proxy.invalid:3128`),
      source: 'HTTP_PROXY',
      exclusions: 'NO_PROXY',
    };
    const settings = { 'a2ia.backend': 'vllm', 'a2ia.vllmUrl': url };
    const wrong = { ...settings, 'a2ia.vllmUrl': url.replace('http:', 'ftp:') };
    const inQuery = { ...settings, 'a2ia.vllmUrl': `ftp://gpu-box?key=${secret}` };
    const settingsOfAll = [settings, wrong, inQuery];
    const reports = await Promise.all(settingsOfAll.map((values) => examine(values)));
    for (const report of [...reports, await examine(settings, { proxy })]) {
      endsWith(report, report.steps.at(-1)?.name ?? 'address', 'failed');
      const text = JSON.stringify(report) + reportLines(report) + reportsMarkdown([report]).text;
      assert.ok(!text.includes(secret), text);
      assert.ok(!text.includes('someone'), text);
    }
  });
});

describe('Doctor: the report as text', () => {
  it('has a mark for each step, the server’s words, and what to do under the step that failed', async () => {
    const server = await ScriptedServer.start({ '*': (exchange) => exchange.json({ error: 'Unauthorized' }, 401) });
    const report = await reportOn(server, vllm, { host: createTestHost({ keys: {} }) });
    const lines = reportLines(report).split('\n');
    assert.match(lines[0] ?? '', /^✘ vllm at http:\/\/127\.0\.0\.1:\d+, asked from this machine$/);
    assert.match(lines[1] ?? '', /^ {2}✔ Address/);
    const at = lines.findIndex((line) => line.startsWith('  ✘ API key'));
    assert.equal(lines[at + 1], '    It says: “Unauthorized”');
    assert.match(lines[at + 2] ?? '', /^ {4}→ Enter the key of this server/);
  });

  it('as a document: knows where something can be done', async () => {
    const server = await ScriptedServer.start({ '*': (exchange) => exchange.json({ error: 'Unauthorized' }, 401) });
    const { text, actions } = reportsMarkdown([await reportOn(server, vllm, { host: createTestHost({ keys: {} }) })]);
    const [action] = actions;
    assert.equal(actions.length, 1);
    assert.deepEqual(action?.nextStep, { do: 'enterKey', origin: server.url });
    assert.match(text.split('\n')[action?.line ?? -1] ?? '', /^- ✘ \*\*API key\*\*/);
  });
});
