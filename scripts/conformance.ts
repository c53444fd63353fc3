// `npm run conformance`: writes docs/conformance.md from the titles of the tests: `case 35: …` under a title that begins with a backend's id.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { backendIds, type BackendId } from '../src/core/clients/llmClient.ts';
import { conformanceCases, type ConformanceCase } from './lib/conformanceCases.ts';

const root = path.join(import.meta.dirname, '..');
export const conformanceFile = path.join(root, 'docs', 'conformance.md');

/** Which cases have a test, by client; a test under no client's title is of code that they share. */
type Covered = ReadonlyMap<number, ReadonlySet<BackendId | 'shared'>>;

/** Loads the tests without running them. */
function testTitles(pattern: string): readonly string[] {
  const folder = mkdtempSync(path.join(tmpdir(), 'a2ia-titles-'));
  const output = path.join(folder, 'titles.json');
  try {
    const mocha = path.join(root, 'node_modules', 'mocha', 'bin', 'mocha.js');
    const options = ['--dry-run', '--reporter', 'json', '--reporter-option', `output=${output}`];
    execFileSync(process.execPath, [mocha, ...options, pattern], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
    const { tests } = JSON.parse(readFileSync(output, 'utf8')) as { tests: readonly { readonly fullTitle: string }[] };
    return tests.map(({ fullTitle }) => fullTitle);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function coveredBy(titles: readonly string[]): Covered {
  const covered = new Map<number, Set<BackendId | 'shared'>>();
  // The longest first: `openai` begins `openai-compatible`.
  const ids = [...backendIds].sort((a, b) => b.length - a.length);
  for (const title of titles) {
    const numbers = /\bcase (\d+(?:, ?\d+)*)/.exec(title)?.[1]?.split(',').map(Number) ?? [];
    const client = ids.find((id) => title.startsWith(`${id}:`) || title.startsWith(`${id} `)) ?? 'shared';
    for (const number of numbers) {
      const clients = covered.get(number) ?? new Set();
      covered.set(number, clients.add(client));
    }
  }
  return covered;
}

/** The page, and the numbers without any test. */
export function conformance(): { readonly page: string; readonly missing: readonly number[] } {
  const contract = coveredBy(testTitles('test/contract/**/*.test.ts'));
  const live = coveredBy(testTitles('test/live/**/*.test.ts'));
  const cell = ({ number, notFor }: ConformanceCase, client: BackendId) => {
    if (contract.get(number)?.has(client)) return '✔';
    if (live.get(number)?.has(client)) return 'live';
    if (notFor[client]) return '–';
    return contract.get(number)?.has('shared') ? '✔ shared' : '';
  };
  const reasons = ({ notFor }: ConformanceCase) => [...new Set(Object.values(notFor))].join('; ');
  const rows = conformanceCases.map((one) => {
    const cells = backendIds.map((client) => cell(one, client));
    return `| ${[one.number, one.text, ...cells, reasons(one)].join(' | ')} |`;
  });
  const missing = conformanceCases
    .map(({ number }) => number)
    .filter((number) => !contract.has(number) && !live.has(number));
  const page = [
    '# Conformance',
    '',
    'How model servers behave on the wire, and which client is held to it by a test in `test/contract`. Written by `npm run conformance` from the titles of the tests.',
    '',
    '✔: tested with this client. ✔ shared: tested once, in code that all clients use. live: tested with a real model in `test/live`. –: cannot happen to this client, for the reason in the last column. Empty: not tested with this client.',
    '',
    `${conformanceCases.length - missing.length} of ${conformanceCases.length} cases have a test.${missing.length > 0 ? ` Without one: ${missing.join(', ')}.` : ''}`,
    '',
    `| Case | What | ${backendIds.join(' | ')} | Why not |`,
    `| --- | --- | ${backendIds.map(() => '---').join(' | ')} | --- |`,
    ...rows,
    '',
  ].join('\n');
  return { page, missing };
}

if (import.meta.main) {
  const { page, missing } = conformance();
  writeFileSync(conformanceFile, page);
  console.log(missing.length > 0 ? `Without a test: ${missing.join(', ')}` : 'Every case has a test.');
}
