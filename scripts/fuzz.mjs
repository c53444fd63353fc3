// `npm run test:fuzz`: 10,000 random streams through each client, and 20,000 of everything random in completion. A2IA_FUZZ_SEED repeats a run.
import { spawn } from 'node:child_process';
import path from 'node:path';

const test = path.join(import.meta.dirname, 'test.mjs');
const env = { A2IA_FUZZ_STREAMS: '10000', ...process.env };
spawn(process.execPath, [test, 'unit', 'contract', '--grep', ' random '], { env, stdio: 'inherit' }).on(
  'close',
  (code) => {
    process.exitCode = code ?? 1;
  },
);
