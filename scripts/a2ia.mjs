// `npm run --silent a2ia -- ask "question"`: the command line from a clone, built when it is stale. Adds no line to stdout.
import path from 'node:path';
import { ensureDependencies, exitLike, reexecUnderProjectNode } from './bootstrap.mjs';
import { cacheFolder, repositoryRoot } from './caches.mjs';
import { createReport, exitWithError } from './lib/report.mjs';

const report = createReport(process.stderr);

try {
  await ensureDependencies(report);
  await reexecUnderProjectNode(import.meta.url);
  const { ensureBuild } = await import('./build.mjs');
  await ensureBuild(report);
} catch (error) {
  exitWithError(error);
}
// The model that `npm start` fetched serves here too.
const env = { A2IA_MODELS_DIR: cacheFolder('models'), ...process.env };
const program = path.join(repositoryRoot, 'dist', 'cli.cjs');
await exitLike(process.execPath, [program, ...process.argv.slice(2)], env).catch(exitWithError);
