import { mkdirSync } from 'node:fs';
import { open, rm, stat, utimes } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const HEARTBEAT_MS = 5_000;
const STALE_MS = 30_000;

/**
 * Runs `work` while no other process runs it under the same lock file: two terminals, or two clones that share a cache,
 * must not install into the same folder. The holder touches the file every 5 s, so that a lock whose holder was killed is
 * recognised by its age; that also works between containers, where process ids mean nothing.
 *
 * @template T
 * @param {string} file
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withLock(file, work) {
  mkdirSync(path.dirname(file), { recursive: true });
  while (!(await tryCreate(file))) {
    const ageMs = Date.now() - ((await stat(file).catch(() => undefined))?.mtimeMs ?? Date.now());
    if (ageMs > STALE_MS) await rm(file, { force: true });
    else await sleep(250);
  }
  const heartbeat = setInterval(() => void utimes(file, new Date(), new Date()).catch(() => {}), HEARTBEAT_MS);
  heartbeat.unref();
  try {
    return await work();
  } finally {
    clearInterval(heartbeat);
    await rm(file, { force: true });
  }
}

/** @param {string} file */
async function tryCreate(file) {
  try {
    await (await open(file, 'wx')).close();
    return true;
  } catch (error) {
    // EPERM: Windows, while a file of this name is being deleted.
    if (error.code === 'EEXIST' || error.code === 'EPERM') return false;
    throw error;
  }
}
