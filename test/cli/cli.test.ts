import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Run } from '../support/cliRun.ts';
import { ScriptedServer } from '../support/scriptedServer.ts';
import { StepServer } from '../support/stepServer.ts';

describe('a2ia', () => {
  let server: StepServer;
  let folder: string;

  before(async () => {
    server = await StepServer.start();
    folder = await mkdtemp(path.join(tmpdir(), 'a2ia-cli-'));
  });
  after(async () => {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const askServer = (...args: readonly string[]) =>
    new Run(['ask', '--backend', 'vllm', '--vllm-url', server.url, ...args]);

  const stopping = (title: string, test: () => Promise<void>) =>
    it(title, function () {
      if (process.platform === 'win32') {
        console.log('      skipped: Windows has no SIGINT for another process');
        this.skip();
      }
      return test();
    });

  it('prints text as it arrives, and nothing else on stdout', async () => {
    const run = askServer('Why?');
    const exchange = await server.nextChat();
    exchange.text('Be');
    await run.printed('Be');
    exchange.text('cause.');
    exchange.finish();
    assert.equal(await run.code(), 0);
    assert.equal(run.stdout, 'Because.\n');
    assert.equal(run.stderr, '');
  });

  it('--json: one object a line, in order, one finish last', async () => {
    const run = askServer('--json', 'Why?');
    const exchange = await server.nextChat();
    exchange.text('a');
    await run.printed('"a"');
    exchange.text('b');
    exchange.finish();
    assert.equal(await run.code(), 0);
    const lines = run.lines();
    assert.deepEqual(
      lines.map(({ type }) => type),
      ['text', 'text', 'finish'],
    );
    const last = lines.at(-1);
    assert.ok(last);
    const { reason, backend, model, usage } = last;
    assert.deepEqual(
      { reason, backend, model, usage },
      { reason: 'stop', backend: 'vllm', model: 'step-model', usage: { promptTokens: 5, outputTokens: 3 } },
    );
  });

  it('takes the question from stdin', async () => {
    const run = askServer().input('From stdin?\n');
    const exchange = await server.nextChat();
    assert.match(exchange.body.messages.at(-1)?.content ?? '', /From stdin\?$/);
    exchange.finish();
    assert.equal(await run.code(), 0);
  });

  it('takes files along, and the system message and settings that are given', async () => {
    const file = path.join(folder, 'sum.py');
    await writeFile(file, 'print(1 + 1)\n');
    const run = new Run(['ask', '--backend', 'vllm', '--file', file, '--system', 'Be brief.', 'What?'], {
      A2IA_VLLM_URL: server.url,
      A2IA_TEMPERATURE: '0.25',
    });
    const exchange = await server.nextChat();
    assert.equal(exchange.body.messages[0]?.content, 'Be brief.');
    assert.match(exchange.body.messages[1]?.content ?? '', /sum\.py:\n\n```py\nprint\(1 \+ 1\)\n```\n\nWhat\?$/);
    assert.equal(exchange.body.temperature, 0.25);
    exchange.finish();
    assert.equal(await run.code(), 0);
  });

  it('sends a question of 10 MB', async () => {
    const run = askServer().input('why? '.repeat(2_000_000));
    const exchange = await server.nextChat();
    assert.ok((exchange.body.messages.at(-1)?.content.length ?? 0) > 9_999_000);
    exchange.text('because');
    exchange.finish();
    assert.equal(await run.code(), 0);
    assert.equal(run.stdout, 'because\n');
  });

  stopping('SIGINT: what arrived is printed, the server is left, 130', async () => {
    const run = askServer('--json', 'Long?');
    const exchange = await server.nextChat();
    exchange.text('partial');
    await run.printed('partial');
    run.process.kill('SIGINT');
    await exchange.closedByClient;
    assert.equal(await run.code(), 130);
    assert.deepEqual(
      run.lines().map(({ type, reason }) => [type, reason]),
      [
        ['text', undefined],
        ['finish', 'stopped'],
      ],
    );
  });

  stopping('SIGINT while somebody still writes the question: 130, and the last line says so', async () => {
    const run = askServer('--json');
    // More than a pipe holds: when it is written, it is being read.
    await new Promise((resolve) => run.process.stdin.write('why? '.repeat(100_000), resolve));
    run.process.kill('SIGINT');
    assert.equal(await run.code({ inputStaysOpen: true }), 130);
    assert.deepEqual(run.lines(), [{ type: 'finish', reason: 'stopped' }]);
    assert.equal(run.stderr, '');
  });

  stopping('SIGINT before the first token: 130, and the last line says so', async () => {
    const run = askServer('--json', 'Slow?');
    const exchange = await server.nextChat();
    run.process.kill('SIGINT');
    await exchange.closedByClient;
    assert.equal(await run.code(), 130);
    assert.deepEqual(
      run.lines().map(({ type, reason }) => [type, reason]),
      [['finish', 'stopped']],
    );
  });

  stopping('SIGINT while the server is looked for: 130, and the last line says so', async () => {
    const silent = await ScriptedServer.start({ '*': () => undefined });
    const run = new Run(['ask', '--json', '--backend', 'ollama', '--ollama-url', silent.url, 'Who?']);
    await silent.exchange('/api/tags');
    run.process.kill('SIGINT');
    assert.equal(await run.code(), 130);
    assert.deepEqual(run.lines(), [{ type: 'finish', reason: 'stopped' }]);
    await silent.close();
  });

  it('a closed pipe ends it quietly', async () => {
    const run = askServer('Many?');
    const exchange = await server.nextChat();
    exchange.text('first');
    await run.printed('first');
    run.process.stdout.destroy();
    const left = exchange.closedByClient.then(() => true);
    const ended = run.code();
    // A pipe tells that it is closed at the first write after it.
    const writing = setInterval(() => exchange.text('more '), 10);
    assert.equal(await ended, 0);
    clearInterval(writing);
    assert.equal(await left, true);
    assert.equal(run.stderr, '');
  });

  it('keeps what came when the server dies in mid-answer: 1, the reason on stderr', async () => {
    const run = askServer('Die?');
    const exchange = await server.nextChat();
    exchange.text('half');
    await run.printed('half');
    exchange.cut();
    assert.equal(await run.code(), 1);
    assert.equal(run.stdout, 'half\n');
    assert.match(run.stderr, /broke in the middle of the answer/);
  });

  it('--json: an error is the last line, with the models that exist', async () => {
    const run = askServer('--json', '--model', 'nope', 'Why?');
    assert.equal(await run.code(), 1);
    const lines = run.lines();
    assert.equal(lines.length, 1);
    assert.equal(lines[0]?.type, 'error');
    assert.equal(lines[0]?.['kind'], 'modelNotFound');
    assert.match(String(lines[0]?.['hint']), /step-model/);
    assert.match(String(lines[0]?.['serverMessage']), /does not exist/);
  });

  it('nothing listens: 1, what to do', async () => {
    const run = new Run(['ask', '--backend', 'ollama', '--ollama-url', 'http://127.0.0.1:9', '--model', 'x', 'Why?']);
    assert.equal(await run.code(), 1);
    assert.match(run.stderr, /Nothing listens at http:\/\/127\.0\.0\.1:9\.\n {2}Start it \(ollama serve\)/);
    assert.equal(run.stdout, '');
  });

  it('no network and no server at all: says what would help', async () => {
    const closed = 'http://127.0.0.1:9';
    const run = new Run(
      ['ask', '--ollama-url', closed, '--vllm-url', closed, '--openai-compatible-url', closed, 'Why?'],
      {
        A2IA_MODELS_DIR: path.join(folder, 'none'),
      },
    );
    assert.equal(await run.code(), 1);
    assert.match(run.stderr, /is not here yet\. Run again with --download/);
  });

  it('no network at all: says so after the yes to a download, and what else is possible', async () => {
    const closed = 'http://127.0.0.1:9';
    const run = new Run(['ask', '--json', '--backend', 'embedded', '--download', 'Why?'], {
      A2IA_MODELS_DIR: path.join(folder, 'offline'),
      // Whatever network this machine has: it is behind a proxy that is not there.
      HTTPS_PROXY: closed,
      HTTP_PROXY: closed,
    });
    assert.equal(await run.code(), 1);
    const [last] = run.lines();
    assert.equal(run.lines().length, 1);
    assert.equal(last?.['kind'], 'download');
    assert.match(String(last?.['message']), /could not be downloaded: .* cannot be reached/);
    assert.match(String(last?.['hint']), /Check the network and the proxy; .*a2ia\.embedded\.modelPath.*Ollama/);
  });

  const wrong: readonly (readonly [title: string, args: readonly string[], says: RegExp])[] = [
    ['no command', [], /Say what to do/],
    ['an unknown command', ['chat'], /no command "chat"/],
    ['an unknown flag', ['ask', '--colour', 'Why?'], /--colour/],
    ['an unknown backend', ['ask', '--backend', 'gpt', 'Why?'], /--backend is "gpt"; allowed is one of auto, ollama/],
    [
      'a URL that is none',
      ['ask', '--vllm-url', 'ftp://x', 'Why?'],
      /--vllm-url is "ftp:\/\/x"; allowed is an address/,
    ],
    ['an empty question', ['ask', '  '], /question is empty/],
    ['a file that is not there', ['ask', '--file', 'nowhere.txt', 'Why?'], /nowhere\.txt: there is no such file/],
    ['a folder as file', ['ask', '--file', '.', 'Why?'], /it is a folder/],
    ['a file that is no text', ['ask', '--file', process.execPath, 'Why?'], /not a text file/],
  ];
  for (const [title, args, says] of wrong) {
    it(`${title}: 2, named on stderr`, async () => {
      const run = new Run(args);
      assert.equal(await run.code(), 2);
      assert.match(run.stderr, says);
      assert.equal(run.stdout, '');
      const json = new Run([...args, '--json']);
      assert.equal(await json.code(), 2);
      assert.deepEqual(
        json.lines().map(({ type, kind }) => [type, kind]),
        [['error', 'usage']],
      );
      assert.match(String(json.lines()[0]?.['message']), says);
    });
  }

  it('--help and --version', async () => {
    const help = new Run(['--help']);
    assert.equal(await help.code(), 0);
    assert.match(help.stdout, /a2ia ask \[options\] "question"/);
    const version = new Run(['--version']);
    assert.equal(await version.code(), 0);
    assert.match(version.stdout, /^\d+\.\d+\.\d+\n$/);
  });

  it('lists models and backends', async () => {
    const models = new Run(['models', '--backend', 'vllm', '--vllm-url', server.url]);
    assert.equal(await models.code(), 0);
    assert.match(models.stdout, /^step-model +4000000 tokens/);
    const backends = new Run(['backends', '--json', '--vllm-url', server.url, '--ollama-url', 'http://127.0.0.1:9']);
    assert.equal(await backends.code(), 0);
    const found = Object.fromEntries(backends.lines().map((line) => [line['backend'], line]));
    assert.equal(found['vllm']?.['server'], 'vLLM');
    assert.equal(found['vllm']?.['version'], '0.32.0');
    assert.equal(found['ollama']?.['state'], 'unavailable');
    assert.ok(found['embedded']);
  });

  describe('explain', () => {
    const text =
      'ValueError: Free memory on device cuda:0 (7.34/11.60 GiB) on startup is less than desired GPU memory utilization (0.9, 10.44 GiB).\n';

    it('reads a log on standard input, asks nobody, and takes no setting amiss', async () => {
      const run = new Run(['explain'], { A2IA_BACKEND: 'nonsense' }).input(text);
      assert.equal(await run.code(), 0);
      assert.match(run.stdout, /0\.9 of the GPU 10\.4 GiB > free at the start 7\.3 GiB/);
      assert.match(run.stdout, /--gpu-memory-utilization 0\.62/);
    });

    it('reads a file, in UTF-16 too, and says it in JSON', async () => {
      const file = path.join(folder, 'server.log');
      await writeFile(file, `\ufeff${text}`, 'utf16le');
      const run = new Run(['explain', file, '--json']);
      assert.equal(await run.code(), 0);
      const { diagnosis } = run.lines()[0] as unknown as { diagnosis: { cause: { id: string } } };
      assert.equal(diagnosis.cause.id, 'vllm-free-below-budget');
    });

    it('says that it knows nothing of a text, with the lines that look as if they mattered', async () => {
      const run = new Run(['explain']).input('all well\nan error of another program\n');
      assert.equal(await run.code(), 1);
      assert.match(run.stdout, /Nothing in this text is known/);
      assert.match(run.stdout, /Line 2: an error of another program/);
    });

    it('names a file that it cannot read', async () => {
      const run = new Run(['explain', path.join(folder, 'missing.log')]);
      assert.equal(await run.code(), 2);
      assert.match(run.stderr, /missing\.log cannot be read \(ENOENT\)/);
    });
  });
});
