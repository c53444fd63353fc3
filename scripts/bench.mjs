// `npm run bench`: what A2IA promises in figures, measured on this machine and printed as one Markdown document. `npm run bench -- stop memory` measures
// some. Progress goes to standard error. Ends with code 1 when a requirement is missed. `npm run --silent bench > docs/performance.md` keeps a run.
import { spawn } from 'node:child_process';
import { globSync } from 'node:fs';
import { availableParallelism, cpus, totalmem } from 'node:os';
import path from 'node:path';
import { ensureDependencies, reexecUnderProjectNode } from './bootstrap.mjs';
import { repositoryRoot } from './caches.mjs';
import { createReport, exitWithError } from './lib/report.mjs';

const report = createReport(process.stderr);

main().catch(exitWithError);

async function main() {
  const chosen = parseArguments(process.argv.slice(2));
  await ensureDependencies(report);
  await reexecUnderProjectNode(import.meta.url);
  const { ensureBuild } = await import('./build.mjs');
  await ensureBuild(report);

  console.log(introduction());
  const missed = [];
  for (const name of chosen) {
    const document = await report.during(`bench ${name}`, () => measure(name));
    console.log(`\n## ${name[0].toUpperCase()}${name.slice(1)}\n\n${document.trim()}`);
    missed.push(...document.split('\n').filter((line) => line.startsWith('- ✘')));
  }
  console.log(missed.length === 0 ? '\nEvery requirement holds.' : `\nMissed: ${missed.length}.`);
  process.exitCode = missed.length === 0 ? 0 : 1;
}

/** Every bench is a process of its own, so that none finds another's code compiled or its garbage in the heap. */
async function measure(name) {
  const file = path.join('bench', `${name}.ts`);
  const child = spawn(process.execPath, [file], { cwd: repositoryRoot, stdio: ['ignore', 'pipe', 'inherit'] });
  let document = '';
  child.stdout.setEncoding('utf8').on('data', (text) => (document += text));
  const code = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
  if (code !== 0) throw new Error(`${file} ended with code ${code}. The reason stands above.`);
  return document;
}

function introduction() {
  const model = cpus()[0]?.model.trim() || process.arch;
  const memory = `${Math.round(totalmem() / 1024 ** 3)} GiB of memory`;
  return `# Performance

What A2IA promises in figures, and what one run of \`npm run bench\` measured. Make this page anew with \`npm run --silent bench > docs/performance.md\`; each bench is one file in \`bench/\`.

Machine: ${availableParallelism()} cores (${model}), ${memory}, ${process.platform}, Node ${process.versions.node}.`;
}

function parseArguments(names) {
  const all = globSync('bench/*.ts', { cwd: repositoryRoot })
    .map((file) => path.basename(file, '.ts'))
    .sort();
  for (const name of names) {
    if (!all.includes(name)) throw new Error(`There is no bench "${name}". Benches: ${all.join(', ')}.`);
  }
  return names.length > 0 ? names : all;
}
