// `npm run test:fuzz`: 10,000 random streams through each client, 20,000 random inputs through each reader of text. A2IA_FUZZ_SEED repeats a run.
import { spawn } from 'node:child_process';
import path from 'node:path';

const test = path.join(import.meta.dirname, 'test.mjs');
const env = { A2IA_FUZZ_STREAMS: '10000', A2IA_FUZZ_INPUTS: '20000', ...process.env };
const args = [test, 'unit', 'contract', '--grep', 'random (streams|inputs)'];
spawn(process.execPath, args, { env, stdio: 'inherit' }).on('close', (code) => {
  process.exitCode = code ?? 1;
});
