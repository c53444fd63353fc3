// Stands in for @vscode/spdlog, the native module that VS Code writes its logs with and that would need a compiler to be installed.
// Without one every log in that VS Code stays empty, A2IA's too.
const { appendFileSync, mkdirSync } = require('node:fs');
const path = require('node:path');

/** In spdlog's order, which `setLevel` counts in; the last one is for silence. */
const levels = ['trace', 'debug', 'info', 'warn', 'error', 'critical', 'off'];

class Logger {
  #file;
  #level = levels.indexOf('info');
  #isPlain = false;

  constructor(file) {
    mkdirSync(path.dirname(file), { recursive: true });
    this.#file = file;
    for (const [level, name] of levels.entries()) this[name] = (message) => this.#write(level, message);
  }

  setLevel(level) {
    this.#level = level;
  }

  /** VS Code has one pattern. */
  setPattern() {
    this.#isPlain = false;
  }

  clearFormatters() {
    this.#isPlain = true;
  }

  flush() {}

  drop() {}

  #write(level, message) {
    if (level < this.#level) return;
    const time = new Date().toISOString().replace('T', ' ').replace('Z', '');
    appendFileSync(this.#file, this.#isPlain ? message : `${time} [${levels[level]}] ${message}\n`);
  }
}

const create = async (_name, file) => new Logger(file);

// One by one: VS Code imports this as a module, and that is how Node finds the names in it.
exports.createRotatingLogger = create;
exports.createAsyncRotatingLogger = create;
exports.setLevel = () => undefined;
exports.setFlushOn = () => undefined;
exports.version = 0;
