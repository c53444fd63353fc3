import assert from 'node:assert/strict';
import type { Report } from '../../src/core/doctor/report.ts';
import { Run } from '../support/cliRun.ts';
import { freePort } from '../support/doctor.ts';
import { StepServer } from '../support/stepServer.ts';

describe('a2ia doctor', () => {
  let server: StepServer;
  let nowhere: string;

  before(async () => {
    server = await StepServer.start();
    nowhere = `http://127.0.0.1:${await freePort()}`;
  });
  after(() => server.stop());

  /** One token, and then one more for the question whether tools are taken. */
  const answerBoth = async () => {
    for (const text of ['Hi', 'Hi']) (await server.nextChat()).text(text);
  };

  it('works: a line for each step, 0', async () => {
    const run = new Run(['doctor', '--backend', 'vllm', '--vllm-url', server.url]);
    await answerBoth();
    assert.equal(await run.code(), 0);
    assert.equal(run.stderr, '');
    const [heading = '', ...lines] = run.stdout.split('\n');
    assert.ok(heading.startsWith(`✔ vllm at ${server.url}, asked from `), heading);
    assert.deepEqual(
      lines.filter(Boolean).map((line) => line.slice(2, 13)),
      [
        '✔ Address  ',
        '– Name (DNS',
        '✔ Connectio',
        '– Encryptio',
        '✔ Server   ',
        '– API key  ',
        '✔ Models   ',
        '✔ Context w',
        '✔ One token',
        '✔ Tools    ',
      ],
    );
  });

  it('nothing listens: what to do under the step that failed, 1', async () => {
    const run = new Run(['doctor', '--backend', 'ollama', '--ollama-url', nowhere]);
    assert.equal(await run.code(), 1);
    assert.match(run.stdout, /^✘ ollama at /);
    assert.match(run.stdout, /\n {2}✘ Connection \(TCP\) {2}Nothing listens at .*\n {4}→ Start it \(ollama serve\)/);
  });

  it('--json: a report for each backend, 0 when one of them works', async () => {
    const key = 'planted-key-of-the-environment';
    const run = new Run(['doctor', '--json', '--vllm-url', server.url, '--ollama-url', nowhere], {
      A2IA_OPENAI_COMPATIBLE_URL: nowhere,
      A2IA_MODELS_DIR: '/nonexistent/a2ia-models',
      A2IA_VLLM_API_KEY: key,
    });
    await answerBoth();
    assert.equal(await run.code(), 0);
    const reports = run.lines() as unknown as Report[];
    assert.deepEqual(
      reports.map(({ backend, works }) => [backend, works]),
      [
        ['ollama', false],
        ['vllm', true],
        ['openai-compatible', false],
        ['embedded', false],
      ],
    );
    for (const { steps } of reports) {
      for (const { name, state, durationMs, detail } of steps) {
        assert.deepEqual(
          [name, state, durationMs, detail].map((value) => typeof value),
          ['string', 'string', 'number', 'string'],
        );
      }
    }
    assert.match(run.stdout, /the key that was entered is accepted/);
    assert.ok(!run.stdout.includes(key) && !run.stderr.includes(key));
  });

  it('a proxy of the environment that does not answer: names the variable', async () => {
    const run = new Run(['doctor', '--backend', 'vllm', '--vllm-url', 'http://gpu-box.invalid:8000'], {
      HTTP_PROXY: nowhere,
    });
    assert.equal(await run.code(), 1);
    assert.match(run.stdout, /which HTTP_PROXY names, accepts no connection/);
    assert.match(run.stdout, /add it to NO_PROXY/);
  });

  it('stopped: 130', async function () {
    if (process.platform === 'win32') {
      console.log('      skipped: Windows has no SIGINT for another process');
      this.skip();
    }
    const run = new Run(['doctor', '--backend', 'vllm', '--vllm-url', server.url]);
    const exchange = await server.nextChat();
    run.process.kill('SIGINT');
    await exchange.closedByClient;
    assert.equal(await run.code(), 130);
    assert.equal(run.stdout, '');
  });

  it('takes no other word', async () => {
    const run = new Run(['doctor', 'vllm']);
    assert.equal(await run.code(), 2);
    assert.match(run.stderr, /doctor takes no "vllm"/);
  });
});
