import { lstat, realpath } from 'node:fs/promises';
import path from 'node:path';
import { ifThere } from './ifThere.ts';

/** Whether a file is below one of these folders, wherever links lead: the file itself or, when it is not there, the folder that it would be in. */
export async function isWithin(file: string, roots: readonly string[]): Promise<boolean> {
  if (!path.isAbsolute(file) || path.normalize(file) !== file) return false;
  const real = await realPlace(file);
  const realRoots = await Promise.all(roots.map((root) => ifThere(realpath(root))));
  return real !== undefined && realRoots.some((root) => root !== undefined && real.startsWith(withSeparator(root)));
}

export function withSeparator(folder: string): string {
  return folder.endsWith(path.sep) ? folder : folder + path.sep;
}

/** Of a file that is not there, as far as its folders are. Undefined for a link that leads nowhere. */
async function realPlace(file: string): Promise<string | undefined> {
  const real = await ifThere(realpath(file));
  if (real !== undefined) return real;
  if (await ifThere(lstat(file))) return undefined;
  const folder = path.dirname(file);
  const parent = folder === file ? undefined : await realPlace(folder);
  return parent === undefined ? undefined : path.join(parent, path.basename(file));
}
