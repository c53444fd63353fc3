// Runs inside the extension host, between VS Code and the tests module. What the extension host prints reaches the launcher
// only through the workbench, mixed with the workbench's own log lines; so what the tests print is marked here, and the
// launcher prints what is marked. It also makes `process.stdout.write` arrive as it is, not only in whole lines.
const { Writable } = require('node:stream');
const { pathToFileURL } = require('node:url');
const { format } = require('node:util');

/** The launcher looks for this at the beginning of a line. */
const MARK = '\u0001a2ia';
/** VS Code drops console arguments of more than 100,000 characters. */
const LONGEST_TEXT = 30_000;

const vscodeConsole = globalThis.console;

exports.run = async () => {
  // VS Code has made the methods of its console and streams read-only, so the objects themselves are replaced.
  globalThis.console = Object.create(vscodeConsole, {
    ...Object.fromEntries(['log', 'info', 'debug'].map((name) => [name, { value: line(1) }])),
    ...Object.fromEntries(['warn', 'error'].map((name) => [name, { value: line(2) }])),
  });
  Object.defineProperty(process, 'stdout', { value: stream(1), configurable: true });
  Object.defineProperty(process, 'stderr', { value: stream(2), configurable: true });
  const tests = await import(pathToFileURL(process.env.A2IA_TESTS_PATH));
  // What this throws, VS Code prints.
  await (tests.run ?? tests.default.run)();
  // Without this word, an extension host that ends in the middle would look like one whose tests have passed.
  vscodeConsole.log(`${MARK}{"finished":true}`);
};

function send(to, text) {
  for (let at = 0; at < text.length; at += LONGEST_TEXT) {
    vscodeConsole.log(MARK + JSON.stringify({ stream: to, text: text.slice(at, at + LONGEST_TEXT) }));
  }
}

function line(to) {
  return (...args) => send(to, `${format(...args)}\n`);
}

function stream(to) {
  const write = (chunk, _encoding, done) => {
    send(to, chunk);
    done();
  };
  return new Writable({ decodeStrings: false, write: (chunk, ...rest) => write(String(chunk), ...rest) });
}
