import { readFileSync } from 'node:fs';
import fsPromises, { type FileHandle } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import path from 'node:path';

/**
 * A process that changes several files as A2IA does, and is killed before its step number `killAt`: each call of the file system is a step, and writing is two,
 * with half of the bytes after the first.
 * `node changeWriter.ts SPEC KILL_AT`, SPEC a JSON file: { folder, files: [{ path, after }] }. Prints how many steps there were when it comes to its end.
 */
const [specFile = '', killAt = '0'] = process.argv.slice(2);

interface Spec {
  readonly folder: string;
  readonly files: readonly { readonly path: string; readonly after: string }[];
}

let steps = 0;
function step(): void {
  if (++steps === Number(killAt)) process.kill(process.pid, 'SIGKILL');
}

const stepped = ['mkdir', 'rename', 'rm', 'readdir', 'stat', 'readFile'] as const;
const real = { ...fsPromises };
for (const name of stepped) {
  const call = real[name] as (...given: readonly unknown[]) => unknown;
  Object.assign(fsPromises, { [name]: (...given: readonly unknown[]) => (step(), call(...given)) });
}
/** In two halves. */
async function writeTo(handle: FileHandle, content: string | Buffer): Promise<void> {
  const bytes = Buffer.from(content as string);
  step();
  await handle.write(bytes.subarray(0, bytes.length >> 1));
  step();
  await handle.write(bytes.subarray(bytes.length >> 1));
}
async function opened(...given: Parameters<typeof fsPromises.open>): Promise<FileHandle> {
  step();
  const handle = await real.open(...given);
  const [sync, close] = [handle.sync.bind(handle), handle.close.bind(handle)];
  return Object.assign(handle, {
    writeFile: (content: string | Buffer) => writeTo(handle, content),
    sync: () => (step(), sync()),
    close: () => (step(), close()),
  });
}
Object.assign(fsPromises, { open: opened });
syncBuiltinESMExports();

const { fileChange, finishJournal, writeJournal } = await import('../../src/core/edit/changeJournal.ts');

const { folder, files } = JSON.parse(readFileSync(specFile, 'utf8')) as Spec;
const changes = await Promise.all(files.map(({ path: file, after }) => fileChange(file, Buffer.from(after))));
const journal = await writeJournal(folder, changes);
for (const { path: file, after } of changes) {
  await fsPromises.mkdir(path.dirname(file), { recursive: true });
  // As an editor saves: in place.
  const handle = await fsPromises.open(file, 'w');
  await handle.writeFile(after);
  await handle.close();
}
await finishJournal(journal);
process.stdout.write(String(steps));
