import { createHash, randomUUID } from 'node:crypto';
import { lstat, mkdir, open, readdir, readFile, rename, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ifThere } from '../util/ifThere.ts';
import { isWithin, withSeparator } from '../util/isWithin.ts';

/**
 * What is written down before several files are changed together, so that a crash in between can be undone: a file holds what it held before, or what it shall
 * hold, or the beginning of one of them, where the crash cut a write in two. Anything else was written by somebody else and is not touched.
 */

export interface FileChange {
  /** Absolute, without links in it. */
  readonly path: string;
  /** Undefined: the file was not there. `mode`: its permission bits. */
  readonly before: { readonly bytes: Buffer; readonly mode: number } | undefined;
  readonly after: Buffer;
  /** Folders that are made for it, the outermost first. */
  readonly newFolders: readonly string[];
}

export interface ChangeJournal {
  /** Where it is. */
  readonly file: string;
  readonly changes: readonly FileChange[];
}

export type JournalReading =
  | { readonly type: 'read'; readonly journal: ChangeJournal }
  /** In a sentence. */
  | { readonly type: 'refused'; readonly why: string };

/** Which of both contents a file has. */
export type FileState = 'before' | 'after' | 'torn' | 'other';

/** While files are written; the number is that of the process that writes them. */
const openName = /^(\d+)-[\w-]+\.open$/;
const doneName = /^\d+-[\w-]+\.done$/;
const head = 'a2ia-changes 1';
/** So long a process may take to write its files. Later its number may be another's. */
const mostWritingMs = 10 * 60_000;
const keptDoneMs = 7 * 24 * 60 * 60_000;

/** @throws Error of the file system, when it is there and cannot be read */
export async function fileChange(file: string, after: Buffer): Promise<FileChange> {
  const handle = await ifThere(open(file, 'r'));
  if (!handle) return { path: file, before: undefined, after, newFolders: await missingFolders(path.dirname(file)) };
  try {
    const { mode } = await handle.stat();
    return { path: file, before: { bytes: await handle.readFile(), mode: mode & 0o7777 }, after, newFolders: [] };
  } finally {
    await handle.close();
  }
}

async function missingFolders(folder: string): Promise<readonly string[]> {
  if (await ifThere(stat(folder))) return [];
  return [...(await missingFolders(path.dirname(folder))), folder];
}

/** On the disk when it returns. Only then may the files be changed. @throws Error of the file system; then nothing of it is left */
export async function writeJournal(folder: string, changes: readonly FileChange[]): Promise<ChangeJournal> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const file = path.join(folder, `${process.pid}-${randomUUID()}.open`);
  await writeWhole(file, journalText(changes));
  return { file, changes };
}

/** All files are written: what is kept of it is for the undo. It takes the place of older ones. @param changes as they became, where a formatter had its say */
export async function finishJournal(journal: ChangeJournal, changes = journal.changes): Promise<ChangeJournal> {
  const file = journal.file.replace(/open$/, 'done');
  if (changes !== journal.changes) await writeWhole(journal.file, journalText(changes));
  await rename(journal.file, file);
  const folder = path.dirname(file);
  for (const name of await readdir(folder)) {
    if (doneName.test(name) && name !== path.basename(file)) await discardJournal(path.join(folder, name));
  }
  return { file, changes };
}

export async function discardJournal(file: string): Promise<void> {
  await rm(file, { force: true });
}

export interface JournalsFound {
  /** Left by a process that did not come to its end. */
  readonly unfinished: readonly string[];
  /** What can be undone. */
  readonly done: string | undefined;
}

/** Looks only at names, and at the age of what is there. Removes what nobody needs any more. */
export async function findJournals(folder: string, nowMs = Date.now()): Promise<JournalsFound> {
  const names = (await ifThere(readdir(folder))) ?? [];
  const unfinished: string[] = [];
  let done: { readonly file: string; readonly mtimeMs: number } | undefined;
  for (const name of names) {
    const file = path.join(folder, name);
    const mtimeMs = (await ifThere(stat(file)))?.mtimeMs;
    if (mtimeMs === undefined) continue;
    const ageMs = nowMs - mtimeMs;
    const pid = openName.exec(name)?.[1];
    if (pid !== undefined && !(isRunning(Number(pid)) && ageMs < mostWritingMs)) unfinished.push(file);
    const isOld = doneName.test(name) ? ageMs > keptDoneMs : name.endsWith('.part') && ageMs > mostWritingMs;
    if (isOld) await discardJournal(file);
    else if (doneName.test(name) && !(done && done.mtimeMs > mtimeMs)) done = { file, mtimeMs };
  }
  return { unfinished, done: done?.file };
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * A journal as it was written, for files of these folders. What is damaged, or names a file anywhere else, is refused: a journal is a file, and anybody may
 * have written it.
 */
export async function readJournal(file: string, roots: readonly string[]): Promise<JournalReading> {
  const text = await ifThere(readFile(file, 'utf8'));
  const changes = text === undefined ? undefined : changesIn(text);
  if (!changes) return refuse('The record of changes that were not finished is damaged, so nothing was restored.');
  for (const { path: changed, newFolders } of changes) {
    for (const place of [changed, ...newFolders]) {
      if (await isWithin(place, roots)) continue;
      return refuse(
        `The record of changes names ${place}, which is outside of the workspace, so nothing was restored.`,
      );
    }
  }
  return { type: 'read', journal: { file, changes } };
}

function refuse(why: string): JournalReading {
  return { type: 'refused', why };
}

/** @throws Error of the file system, when it cannot be read */
export async function stateOf({ path: file, before, after }: FileChange): Promise<FileState> {
  const now = await ifThere(readFile(file));
  if (now === undefined) return before === undefined ? 'before' : 'other';
  if (before && now.equals(before.bytes)) return 'before';
  if (now.equals(after)) return 'after';
  const isBeginningOf = (whole: Buffer | undefined) => whole?.subarray(0, now.length).equals(now) === true;
  return isBeginningOf(after) || isBeginningOf(before?.bytes) ? 'torn' : 'other';
}

/**
 * Puts a file back to what it was before, as it was: in place, with its permissions. A file that was not there goes, and the folders that were made for it, if
 * nothing else is in them.
 * @param remove of a file; by default for good
 * @throws Error of the file system
 */
export async function restoreFile(change: FileChange, remove: (file: string) => Promise<void> = rm): Promise<void> {
  const { path: file, before, newFolders } = change;
  if (before) {
    const isThere = await ifThere(stat(file));
    if (!isThere) await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, before.bytes, { mode: before.mode });
    return;
  }
  if (await ifThere(lstat(file))) await remove(file);
  for (const folder of [...newFolders].reverse()) await rmdir(folder).catch(() => undefined);
}

/** What is left to do for a journal that was not finished. */
export type Recovery =
  /** Every file is as it was before, so nothing was changed; or every file is as it shall be. */
  | { readonly type: 'before' | 'after' }
  | {
      readonly type: 'between';
      /** Written, or half written, and by nobody else since. */
      readonly written: readonly FileChange[];
      /** Somebody else has changed them since: only the user can tell. */
      readonly others: readonly FileChange[];
    };

/** @throws Error of the file system, when a file cannot be read */
export async function recoveryOf({ changes }: ChangeJournal): Promise<Recovery> {
  const states = await Promise.all(changes.map(stateOf));
  for (const type of ['before', 'after'] as const) if (states.every((state) => state === type)) return { type };
  const those = (...wanted: readonly FileState[]) =>
    changes.filter((_, index) => wanted.includes(states[index] ?? 'other'));
  return { type: 'between', written: those('after', 'torn'), others: those('other') };
}

// ---- The file -----------------------------------------------------------------------------------------------------------------------------------------------

interface StoredChange {
  readonly path: string;
  readonly before?: string;
  readonly mode?: number;
  readonly after: string;
  readonly newFolders: readonly string[];
}

/** A line with the hash of all that follows it. */
function journalText(changes: readonly FileChange[]): string {
  const stored = changes.map(({ path: file, before, after, newFolders }): StoredChange => {
    const was = before ? { before: before.bytes.toString('base64'), mode: before.mode } : {};
    return { path: file, ...was, after: after.toString('base64'), newFolders };
  });
  const body = JSON.stringify(stored);
  return `${head} ${hashOf(body)}\n${body}`;
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function changesIn(text: string): readonly FileChange[] | undefined {
  const lineEnd = text.indexOf('\n');
  const body = text.slice(lineEnd + 1);
  if (lineEnd < 0 || text.slice(0, lineEnd) !== `${head} ${hashOf(body)}`) return undefined;
  let stored: unknown;
  try {
    stored = JSON.parse(body);
  } catch {
    return undefined;
  }
  if (!Array.isArray(stored) || !stored.every(isStored)) return undefined;
  return stored.map(({ path: file, before, mode = 0o644, after, newFolders }) => ({
    path: file,
    before: before === undefined ? undefined : { bytes: Buffer.from(before, 'base64'), mode: mode & 0o7777 },
    after: Buffer.from(after, 'base64'),
    newFolders,
  }));
}

function isStored(value: unknown): value is StoredChange {
  if (typeof value !== 'object' || value === null) return false;
  const { path: file, before, mode, after, newFolders } = value as Record<string, unknown>;
  const isText = (field: unknown) => field === undefined || typeof field === 'string';
  const isNumber = mode === undefined || (typeof mode === 'number' && Number.isInteger(mode));
  return (
    typeof file === 'string' &&
    typeof after === 'string' &&
    isText(before) &&
    isNumber &&
    Array.isArray(newFolders) &&
    newFolders.every(
      (folder) => typeof folder === 'string' && file.startsWith(withSeparator(folder)) && before === undefined,
    )
  );
}

/** Under its name only when all of it is on the disk. */
async function writeWhole(file: string, text: string): Promise<void> {
  const part = `${file}.part`;
  try {
    const handle = await open(part, 'wx', 0o600);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(part, file);
    await syncFolder(path.dirname(file));
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}

/** So that the name is there after a power cut, too. Not every system can. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => undefined);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
}
