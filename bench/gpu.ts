import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { GpuMonitor, idleIntervalMs } from '../src/core/gpu/gpuMonitor.ts';
import { createNodeGpuHost } from '../src/core/gpu/nodeGpuHost.ts';
import { figure, median, printRequirement, printTable, progress, whole } from './support/figures.ts';

const looks = 200;
const hiddenMs = 10_000;
/** What `nvidia-smi` itself takes with a loaded driver, twice for a look. */
const programMs = 25;
const mostIdlePercent = 0.1;

const folder = mkdtempSync(path.join(tmpdir(), 'a2ia-bench-'));
const calls = path.join(folder, 'calls');
const uuid = 'GPU-19d6d965-2acc-f646-00f8-4c76979aabb4';
// The least that can answer, so that what is measured is A2IA's.
writeFileSync(
  path.join(folder, 'nvidia-smi'),
  `#!/bin/sh
echo >> ${calls}
case "$1" in
  --query-gpu*) echo "${uuid}, 595.58.03, 10240, 397, 9184, 660, 65, 27, 142.33, [N/A], Disabled, NVIDIA GeForce RTX 3080" ;;
  *) echo "${uuid}, 4242, /usr/lib/ollama/llama-server, 9100" ;;
esac
`,
  { mode: 0o755 },
);
const startedProcesses = () => (existsSync(calls) ? readFileSync(calls, 'utf8').length : 0);

let timers = 0;
const monitor = new GpuMonitor({
  host: createNodeGpuHost({ platform: 'linux', environment: { PATH: folder }, root: folder }),
  readServer: () => Promise.resolve(undefined),
  startTimer: (delayMs, run) => {
    timers++;
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
  onChange: () => undefined,
});

progress('looks');
const lastedMs: number[] = [];
await monitor.refresh();
const before = process.cpuUsage();
for (let count = 0; count < looks; count++) {
  const startedAtMs = performance.now();
  await monitor.refresh();
  lastedMs.push(performance.now() - startedAtMs);
}
const { user, system } = process.cpuUsage(before);
const ownMs = (user + system) / 1000 / looks;
const ownPercent = (ownMs / idleIntervalMs) * 100;
const allPercent = ((ownMs + 2 * programMs) / idleIntervalMs) * 100;

progress('hidden');
monitor.setWatched(true);
monitor.setWatched(false);
const startedBefore = startedProcesses();
const timersBefore = timers;
const until = Date.now() + hiddenMs;
for (let isBusy = true; Date.now() < until; isBusy = !isBusy) {
  monitor.setBusy(isBusy);
  await sleep(100);
}
const startedHidden = startedProcesses() - startedBefore;
const timersHidden = timers - timersBefore;
monitor.dispose();
rmSync(folder, { recursive: true, force: true });

console.log(
  `The memory indicator: one look at the GPU, which starts \`nvidia-smi\` twice, here a script that answers at once; ${whole(looks)} looks. ` +
    `Idle and in sight it looks once in ${idleIntervalMs / 1000} s; \`nvidia-smi\` itself takes 10 to ${programMs} ms of a processor each time, counted as ${programMs}. ` +
    `Hidden, for ${hiddenMs / 1000} s in which requests begin and end.`,
);
printTable(
  ['what', 'figure'],
  [
    ['a look, median ms', median(lastedMs)],
    ['a look, ms of A2IA’s processor time', ownMs],
    ['idle, % of a core, A2IA', ownPercent],
    ['idle, % of a core, with nvidia-smi', allPercent],
    ['hidden, processes started', startedHidden],
    ['hidden, timers started', timersHidden],
  ],
);
printRequirement(
  `idle: at most ${mostIdlePercent} % of a core, nvidia-smi included`,
  allPercent <= mostIdlePercent,
  `${figure(allPercent)} %`,
);
printRequirement(
  'hidden: no process, no timer',
  startedHidden === 0 && timersHidden === 0,
  `${startedHidden}, ${timersHidden}`,
);
