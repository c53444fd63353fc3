// `npm run test:fuzz`: 10,000 random streams through each client, 20,000 random files, descriptions, logs and answers of nvidia-smi through each reader of
// them. A2IA_FUZZ_SEED repeats a run of the streams.
import { spawn } from 'node:child_process';
import path from 'node:path';

const test = path.join(import.meta.dirname, 'test.mjs');
const env = { A2IA_FUZZ_STREAMS: '10000', A2IA_FUZZ_RUNS: '20000', A2IA_FUZZ_INPUTS: '20000', ...process.env };
const runs = [
  ['contract', '--grep', 'random streams'],
  ['unit', '--grep', 'never throw'],
  ['unit', '--grep', 'random inputs'],
];

for (const run of runs) {
  const code = await new Promise((resolve) => {
    spawn(process.execPath, [test, ...run], { env, stdio: 'inherit' }).on('close', resolve);
  });
  if (code !== 0) process.exitCode = code ?? 1;
}
