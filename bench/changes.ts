import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { answerFiles } from '../src/core/edit/answerFiles.ts';
import { fileChange, writeJournal } from '../src/core/edit/changeJournal.ts';
import { fileOffer } from '../src/core/edit/fileOffer.ts';
import { linesOf } from '../src/core/edit/lines.ts';
import { figure, percentile, printTable } from './support/figures.ts';

/** What a change set costs: an answer to many files read and given its places, and all of it written down before the first file is changed. */

const fileCount = 20;
const lineCount = 200;
const runs = 15;

const files = Array.from({ length: fileCount }, (_, number) => {
  const lines = Array.from({ length: lineCount }, (_, index) => {
    if (index % 10 === 0) return `export function step${number}x${index}(input: Input): Output {`;
    return index % 10 === 9 ? '}' : `  const value${index} = compute(input.part${index}, ${number}); // of ${index}`;
  });
  const becomes = lines.map((line, index) => (index % 20 === 5 ? `${line} changed` : line));
  return { name: `src/file${number}.ts`, text: `${lines.join('\n')}\n`, becomes };
});
const answer = files.map(({ name, becomes }) => `### ${name}\n\n\`\`\`ts\n${becomes.join('\n')}\n\`\`\`\n`).join('\n');

function made(): readonly string[] {
  return answerFiles(answer).map(({ pieces }, index) => {
    const lines = linesOf(files[index]?.text ?? '');
    const offer = fileOffer(pieces, { languageId: 'typescript', wish: '', lines });
    if (offer.type !== 'edit') throw new Error(`Nothing was offered: ${JSON.stringify(offer)}`);
    return offer.lines.join('\n');
  });
}

const folder = await mkdtemp(path.join(tmpdir(), 'a2ia-bench-'));
try {
  const paths = files.map((_, index) => path.join(folder, `file${index}.ts`));
  await Promise.all(files.map(({ text }, index) => writeFile(paths[index] ?? '', text)));
  const after = made();
  const readMs: number[] = [];
  const journalMs: number[] = [];
  for (let run = 0; run < runs; run++) {
    let startMs = performance.now();
    made();
    readMs.push(performance.now() - startMs);
    startMs = performance.now();
    const changes = await Promise.all(paths.map((file, index) => fileChange(file, Buffer.from(after[index] ?? ''))));
    await writeJournal(path.join(folder, 'changes'), changes);
    journalMs.push(performance.now() - startMs);
  }
  console.log(`A change set of ${fileCount} files of ${lineCount} lines, each with 10 changes.\n`);
  const row = (title: string, values: readonly number[]) => [
    title,
    ...[50, 95, 100].map((percent) => `${figure(percentile(values, percent))} ms`),
  ];
  printTable(
    ['', 'median', '95 of 100', 'worst'],
    [
      row('the answer read, every piece at its place', readMs),
      row('the journal, with what the files hold, flushed', journalMs),
    ],
  );
} finally {
  await rm(folder, { recursive: true });
}
