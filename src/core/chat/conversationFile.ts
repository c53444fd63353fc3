import { constants } from 'node:fs';
import { mkdir, open, rm, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ifThere } from '../util/ifThere.ts';
import type { ConversationRecord } from './conversation.ts';
import { addRecord, LogReader, toLine } from './conversationLog.ts';

const readAndAppend = constants.O_RDWR | constants.O_APPEND;
const nothing = Buffer.alloc(0);
/** No two files have the same bytes in the same place by chance: a message's id is among them. */
const readEndBytes = 100;
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
  /** The last of them, by which the file is known again. */
  #readEnd = nothing;
  #wasThere = false;
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
      const { size } = await handle.stat();
      if (await this.#isAnother(handle, size)) return [];
      this.#wasThere = true;
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
    const handle = this.#wasThere ? await ifThere(open(this.path, readAndAppend)) : undefined;
    if (!handle) {
      await this.#create(this.#wasThere ? sum() : records);
      return records.length;
    }
    try {
      const { size } = await handle.stat();
      if (!(await this.#isAnother(handle, size))) return await this.#addTo(handle, records.map(toLine));
    } finally {
      await handle.close();
    }
    await this.#completeOther(records, sum());
    return records.length;
  }

  /** Adds a line that is about the file and no part of the conversation. @throws Error of the file system */
  async note(line: string): Promise<void> {
    const handle = await open(this.path, readAndAppend);
    try {
      await this.#addTo(handle, [line]);
    } finally {
      await handle.close();
    }
  }

  /** Not the one that was read before: something put another in its place, a backup maybe. */
  async #isAnother(handle: FileHandle, sizeBytes: number): Promise<boolean> {
    if (sizeBytes < this.#readBytes) return true;
    const bytes = Buffer.alloc(this.#readEnd.length);
    await handle.read(bytes, 0, bytes.length, this.#readBytes - bytes.length);
    return !bytes.equals(this.#readEnd);
  }

  #advance(bytes: Buffer): void {
    this.#readBytes += bytes.length;
    this.#readEnd = Buffer.concat([this.#readEnd, bytes.subarray(-readEndBytes)]).subarray(-readEndBytes);
  }

  async #read(handle: FileHandle, sizeBytes: number): Promise<ConversationRecord[]> {
    const records: ConversationRecord[] = [];
    const piece = Buffer.alloc(Math.min(Math.max(sizeBytes - this.#readBytes, 0), pieceBytes));
    while (this.#readBytes < sizeBytes) {
      const length = Math.min(piece.length, sizeBytes - this.#readBytes);
      const { bytesRead } = await handle.read(piece, 0, length, this.#readBytes);
      if (bytesRead === 0) break;
      const bytes = piece.subarray(0, bytesRead);
      this.#advance(bytes);
      this.#reader.read(bytes, (line, record) => {
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
      this.#advance(written);
    } else {
      this.#own.push(...lines.slice(0, count));
    }
    return count;
  }

  async #create(records: readonly ConversationRecord[]): Promise<void> {
    // On a machine of many users nobody else reads it.
    await mkdir(dirname(this.path), { recursive: true, mode: 0o700 });
    const bytes = Buffer.from(records.map((record) => `${toLine(record)}\n`).join(''));
    const handle = await open(this.path, 'ax', 0o600);
    try {
      await handle.writeFile(bytes);
    } catch (error) {
      await rm(this.path, { force: true });
      throw error;
    } finally {
      await handle.close();
    }
    this.#become(new ConversationFile(this.path));
    this.#wasThere = true;
    this.#reader.read(bytes, ignore);
    this.#advance(bytes);
  }

  /** Adds to another file in the place of ours what it does not have. */
  async #completeOther(records: readonly ConversationRecord[], sum: readonly ConversationRecord[]): Promise<void> {
    const other = new ConversationFile(this.path);
    const has = new Set((await other.readOn()).flatMap((record) => messageId(record) ?? []));
    this.#become(other);
    if (other.reader.isNewer) return;
    const missing = (record: ConversationRecord) => !has.has(messageId(record) ?? '');
    let left = [...sum.filter(missing), ...records.filter((record) => !missing(record))];
    while (left.length > 0) left = left.slice(await this.append(left, () => sum));
  }

  #become(other: ConversationFile): void {
    this.#reader = other.#reader;
    this.#readBytes = other.#readBytes;
    this.#readEnd = other.#readEnd;
    this.#wasThere = other.#wasThere;
    this.#own = [];
  }
}

function messageId(record: ConversationRecord): string | undefined {
  return record.type !== 'begin' && 'id' in record ? record.id : undefined;
}

function countLineEnds(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(lineEnd); at >= 0; at = bytes.indexOf(lineEnd, at + 1)) count++;
  return count;
}
