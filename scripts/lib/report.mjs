/**
 * One line of progress for everything that takes time: `A2IA  installing dependencies …`, then `done in 14 s`.
 *
 * @typedef {object} Report
 * @property {(text: string) => void} line writes one line
 * @property {<T>(text: string, work: (update: (detail: string) => void) => Promise<T>) => Promise<T>} during
 *   writes `text …`, runs `work`, then writes how long it took (or that it failed, and passes the error on)
 */

/** How often `update` writes to something that is no terminal: a log should not be flooded with percentages. */
const UPDATE_INTERVAL_MS = 5_000;

/**
 * @param {NodeJS.WriteStream} [stream] standard output for people, standard error where standard output is data
 * @returns {Report}
 */
export function createReport(stream = process.stdout) {
  const name = stream.isTTY ? '\x1b[1mA2IA\x1b[0m' : 'A2IA';
  // On a terminal one line is rewritten; anywhere else every state is a line of its own.
  const clear = stream.isTTY ? '\r\x1b[K' : '';
  const unfinishedEnd = stream.isTTY ? '' : '\n';

  return {
    line: (text) => void stream.write(`${name}  ${text}\n`),

    async during(text, work) {
      const startMs = Date.now();
      let lastUpdateMs = startMs;
      const update = (/** @type {string} */ detail) => {
        if (!stream.isTTY && Date.now() - lastUpdateMs < UPDATE_INTERVAL_MS) return;
        lastUpdateMs = Date.now();
        stream.write(`${clear}${name}  ${text} … ${detail}${unfinishedEnd}`);
      };
      stream.write(`${name}  ${text} …${unfinishedEnd}`);
      try {
        const result = await work(update);
        stream.write(`${clear}${name}  ${text}: done in ${seconds(Date.now() - startMs)}\n`);
        return result;
      } catch (error) {
        stream.write(`${clear}${name}  ${text}: failed after ${seconds(Date.now() - startMs)}\n`);
        throw error;
      }
    },
  };
}

/**
 * Ends a script with an error the way every script here does: what happened, on standard error, and exit code 1.
 * @param {unknown} error
 * @returns {never}
 */
export function exitWithError(error) {
  const text = error instanceof Error ? error.message : String(error);
  const stack = process.env['A2IA_DEBUG'] && error instanceof Error ? `\n${error.stack}` : '';
  process.stderr.write(`\nA2IA  ${text}${stack}\n`);
  process.exit(1);
}

function seconds(/** @type {number} */ ms) {
  return ms < 9_950 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms / 1000)} s`;
}
