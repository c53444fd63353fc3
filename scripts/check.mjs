// `npm run check`: types of every program, lint, format. Also the first tier of `npm test`.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const bin = (name) => join(root, 'node_modules', name);

const programs = ['src/core', 'src/protocol', 'src/webview', 'src/vscode', 'src/cli', 'test'];

const checks = [
  ...programs
    .filter((program) => existsSync(join(root, program, 'tsconfig.json')))
    .map((program) => ({ title: `types of ${program}`, args: [bin('typescript/bin/tsc'), '-p', program] })),
  { title: 'lint', args: [bin('eslint/bin/eslint.js'), '.'] },
  { title: 'format', args: [bin('prettier/bin/prettier.cjs'), '--check', '--log-level', 'warn', '.'] },
];

/**
 * @returns {{ passed: number, failed: string[] }}
 */
export function runChecks() {
  const failed = [];
  for (const { title, args } of checks) {
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
    console.log(`  ${status === 0 ? '✔' : '✘'} ${title}`);
    if (status !== 0) {
      failed.push(title);
      console.log(stdout + stderr);
    }
  }
  return { passed: checks.length - failed.length, failed };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { failed } = runChecks();
  process.exitCode = failed.length > 0 ? 1 : 0;
}
