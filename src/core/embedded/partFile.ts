import { open, mkdir, readdir, readFile, rename, rm, stat, writeFile, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/**
 * A file that is not complete yet, next to its target.
 *
 * While a download writes to it, it carries the name of that download (`model.gguf.<pid>-<n>.part`), so two processes never write to one file; at rest it
 * is `model.gguf.part`. It changes hands by rename, which exactly one of several takers wins; that of a process that died is taken over.
 */
export interface PartFile {
  readonly path: string;
  readonly handle: FileHandle;
  readonly sizeBytes: number;
  /** Which version of which source the bytes are from, so far as the source said. */
  readonly origin: PartOrigin | undefined;
}

export interface PartOrigin {
  readonly source: string;
  readonly etag: string;
}

export type OpenFile = (path: string, flags: string) => Promise<FileHandle>;

let claims = 0;
/** The downloads of this process that are under way, by owner name. */
const ownClaims = new Set<string>();

export async function claimPart(targetPath: string, openFile: OpenFile = open): Promise<PartFile> {
  await mkdir(dirname(targetPath), { recursive: true });
  const owner = `${process.pid}-${++claims}`;
  ownClaims.add(owner);
  const path = `${targetPath}.${owner}.part`;
  try {
    await adoptLargest(await abandonedParts(targetPath), path);
    const handle = await openFile(path, 'a+');
    const { size } = await handle.stat();
    return { path, handle, sizeBytes: size, origin: size > 0 ? await readOrigin(path) : undefined };
  } catch (error) {
    ownClaims.delete(owner);
    throw error;
  }
}

/** Closes the part and leaves it for the next attempt. */
export async function leavePart(part: PartFile, targetPath: string): Promise<void> {
  const rest = `${targetPath}.part`;
  try {
    await part.handle.close();
    const { size } = await stat(part.path);
    // Another process may have left one in the meantime: the longer is kept.
    if (size > 0 && size > (await sizeOf(rest))) await move(part.path, rest);
    else await removePart(part.path);
  } finally {
    ownClaims.delete(ownerOf(part.path, targetPath) ?? '');
  }
}

/** Closes the part and gives it the name of the target, in one step. */
export async function finishPart(part: PartFile, targetPath: string): Promise<void> {
  // Without this a power cut can leave a file of the right name and length and without its content.
  await part.handle.sync();
  await part.handle.close();
  try {
    await rename(part.path, targetPath);
  } catch (error) {
    // On Windows a file that an engine has open cannot be replaced. Then another process finished the same download first.
    const alreadyThere = (await sizeOf(targetPath)) === (await sizeOf(part.path));
    await removePart(part.path);
    if (!alreadyThere) throw error;
  }
  await rm(originPath(part.path), { force: true });
  ownClaims.delete(ownerOf(part.path, targetPath) ?? '');
}

export async function writeOrigin(part: PartFile, origin: PartOrigin | undefined): Promise<void> {
  if (origin) await writeFile(originPath(part.path), JSON.stringify(origin));
  else await rm(originPath(part.path), { force: true });
}

async function readOrigin(path: string): Promise<PartOrigin | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(originPath(path), 'utf8'));
    const { source, etag } = value as Partial<PartOrigin>;
    return typeof source === 'string' && typeof etag === 'string' ? { source, etag } : undefined;
  } catch {
    // Without it the download resumes all the same; the checksum at the end decides.
    return undefined;
  }
}

async function abandonedParts(targetPath: string): Promise<readonly string[]> {
  const folder = dirname(targetPath);
  const names = await readdir(folder);
  return names
    .filter((name) => name === `${basename(targetPath)}.part` || isAbandoned(ownerOf(join(folder, name), targetPath)))
    .map((name) => join(folder, name));
}

async function adoptLargest(candidates: readonly string[], path: string): Promise<void> {
  const sized = await Promise.all(
    candidates.map(async (candidate) => ({ candidate, sizeBytes: await sizeOf(candidate) })),
  );
  sized.sort((a, b) => b.sizeBytes - a.sizeBytes);
  let adopted = false;
  for (const { candidate } of sized) {
    if (adopted) await removePart(candidate);
    else adopted = await move(candidate, path);
  }
}

/** False: somebody else was faster. */
async function move(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
  await rename(originPath(from), originPath(to)).catch(() => rm(originPath(to), { force: true }));
  return true;
}

async function removePart(path: string): Promise<void> {
  await rm(path, { force: true });
  await rm(originPath(path), { force: true });
}

function originPath(path: string): string {
  return `${path}.etag`;
}

function ownerOf(path: string, targetPath: string): string | undefined {
  return path.startsWith(`${targetPath}.`)
    ? /^(\d+-\d+)\.part$/.exec(path.slice(targetPath.length + 1))?.[1]
    : undefined;
}

function isAbandoned(owner: string | undefined): boolean {
  if (owner === undefined) return false;
  const pid = Number.parseInt(owner, 10);
  return pid === process.pid ? !ownClaims.has(owner) : !isAlive(pid);
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // EPERM: it is there and belongs to another user.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    (stats) => stats.size,
    () => -1,
  );
}
