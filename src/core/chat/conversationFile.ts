import { constants } from 'node:fs';
import { mkdir, open, rm, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { ConversationRecord } from './conversation.ts';
import { addRecord, LogReader, toLine } from './conversationLog.ts';

const appendOnly = constants.O_WRONLY | constants.O_APPEND;
const pieceBytes = 4 * 1024 * 1024;
const lineEnd = 0x0a;
const ignore = () => undefined;

/**
 * One file, to which several processes may add. Each adds whole lines with one `write` to the end, which local file systems do not mix with another's.
 * Nobody locks, rewrites or shortens it. It is opened anew for each write, so that a file that was deleted or replaced is noticed.
 */
export class ConversationFile {
  readonly path: string;
  #reader = new LogReader();
  #readBytes = 0;
  /** Undefined while it was never there. */
  #inode: number | undefined;
  /** Lines that this process has written and that were not read over yet. Equal lines of another process mean the same, so it need not be known whose is whose. */
  #own: string[] = [];

  constructor(path: string) {
    this.path = path;
  }

  get reader(): LogReader {
    return this.#reader;
  }

  /** Somebody else has written beside us; `readOn` gives it. */
  get isBehind(): boolean {
    return this.#own.length > 0;
  }

  /**
   * What others have added since the last time: everything, at first. Nothing when the file is not there.
   * @throws Error of the file system
   */
  async readOn(): Promise<ConversationRecord[]> {
    const handle = await ifThere(open(this.path, 'r'));
    if (!handle) return [];
    try {
      const { ino, size } = await handle.stat();
      if (this.#isAnother(ino, size)) return [];
      this.#inode = ino;
      return await this.#read(handle, size);
    } finally {
      await handle.close();
    }
  }

  /**
   * Adds records with one write. Returns how many of them are on disk; fewer than all when the disk became full meanwhile.
   * @param sum All there is: for when the file was deleted.
   * @throws Error of the file system, when none is on disk
   */
  async append(records: readonly ConversationRecord[], sum: () => readonly ConversationRecord[]): Promise<number> {
    const handle = this.#inode === undefined ? undefined : await ifThere(open(this.path, appendOnly));
    if (!handle) {
      await this.#create(this.#inode === undefined ? records : sum());
      return records.length;
    }
    try {
      const { ino, size } = await handle.stat();
      if (!this.#isAnother(ino, size)) return await this.#addTo(handle, records.map(toLine));
    } finally {
      await handle.close();
    }
    await this.#completeOther(records, sum());
    return records.length;
  }

  /** Adds a line that is about the file and no part of the conversation. @throws Error of the file system */
  async note(line: string): Promise<void> {
    const handle = await open(this.path, appendOnly);
    try {
      await this.#addTo(handle, [line]);
    } finally {
      await handle.close();
    }
  }

  /** Not the one that was read before: something put another in its place, a backup maybe. */
  #isAnother(inode: number, sizeBytes: number): boolean {
    return this.#inode !== undefined && (inode !== this.#inode || sizeBytes < this.#readBytes);
  }

  async #read(handle: FileHandle, sizeBytes: number): Promise<ConversationRecord[]> {
    const records: ConversationRecord[] = [];
    const piece = Buffer.alloc(Math.min(Math.max(sizeBytes - this.#readBytes, 0), pieceBytes));
    while (this.#readBytes < sizeBytes) {
      const length = Math.min(piece.length, sizeBytes - this.#readBytes);
      const { bytesRead } = await handle.read(piece, 0, length, this.#readBytes);
      if (bytesRead === 0) break;
      this.#readBytes += bytesRead;
      this.#reader.read(piece.subarray(0, bytesRead), (line, record) => {
        if (line === this.#own[0]) this.#own.shift();
        else if (record) addRecord(records, record);
      });
    }
    return records;
  }

  async #addTo(handle: FileHandle, lines: readonly string[]): Promise<number> {
    // The first line end is for a line that somebody, killed or out of disk, left unfinished: it must not swallow ours.
    const bytes = Buffer.from(`\n${lines.join('\n')}\n`);
    const { bytesWritten } = await handle.write(bytes);
    const written = bytes.subarray(0, bytesWritten);
    const { size } = await handle.stat();
    const count = Math.max(countLineEnds(written) - 1, 0);
    if (size === this.#readBytes + bytesWritten && !this.#reader.isInLine) {
      // Nobody else wrote: no need to read our own lines.
      this.#reader.read(written, ignore);
      this.#readBytes = size;
    } else {
      this.#own.push(...lines.slice(0, count));
    }
    return count;
  }

  async #create(records: readonly ConversationRecord[]): Promise<void> {
    await mkdir(dirname(this.path), { recursive: true });
    const bytes = Buffer.from(records.map((record) => `${toLine(record)}\n`).join(''));
    const handle = await open(this.path, 'ax');
    try {
      await handle.writeFile(bytes);
      this.#inode = (await handle.stat()).ino;
    } catch (error) {
      await rm(this.path, { force: true });
      throw error;
    } finally {
      await handle.close();
    }
    this.#reader = new LogReader();
    this.#reader.read(bytes, ignore);
    this.#readBytes = bytes.length;
    this.#own = [];
  }

  /** Adds to another file in the place of ours what it does not have. */
  async #completeOther(records: readonly ConversationRecord[], sum: readonly ConversationRecord[]): Promise<void> {
    const other = new ConversationFile(this.path);
    const has = new Set((await other.readOn()).flatMap((record) => messageId(record) ?? []));
    this.#reader = other.#reader;
    this.#readBytes = other.#readBytes;
    this.#inode = other.#inode;
    this.#own = [];
    if (other.reader.isNewer) return;
    const missing = (record: ConversationRecord) => !has.has(messageId(record) ?? '');
    await this.append([...sum.filter(missing), ...records.filter((record) => !missing(record))], () => sum);
  }
}

function messageId(record: ConversationRecord): string | undefined {
  return record.type !== 'begin' && 'id' in record ? record.id : undefined;
}

async function ifThere<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function countLineEnds(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(lineEnd); at >= 0; at = bytes.indexOf(lineEnd, at + 1)) count++;
  return count;
}
