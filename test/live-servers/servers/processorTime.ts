import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** From /proc, so on Linux only. */

const ticksPerSecond = 100;
const windowMs = 400;

/** Did these processes together use more than a tenth of a core just now? */
export async function isBusy(pids: readonly number[]): Promise<boolean> {
  const startedMs = performance.now();
  const before = await processorMs(pids);
  await sleep(windowMs);
  return ((await processorMs(pids)) - before) / (performance.now() - startedMs) > 0.1;
}

/** Each thread has the list of those that it started. */
export async function childProcesses(pid: number): Promise<readonly number[]> {
  const threads = await readdir(`/proc/${pid}/task`);
  const lists = await Promise.all(
    threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/children`, 'utf8').catch(() => '')),
  );
  return lists.flatMap((list) => list.trim().split(/\s+/).filter(Boolean).map(Number));
}

async function processorMs(pids: readonly number[]): Promise<number> {
  const times = await Promise.all(
    pids.map(async (pid) => {
      // The name of the program, in brackets, may hold spaces; user and system time are fields 14 and 15 of all.
      const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return ((Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / ticksPerSecond) * 1000;
    }),
  );
  return times.reduce((sum, time) => sum + time, 0);
}
