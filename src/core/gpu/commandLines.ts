import type { GpuHost } from './gpuHost.ts';

export interface CommandLine {
  readonly pid: number;
  readonly words: readonly string[];
}

/** Programs that run on this machine and that `isWanted` knows by their command line. Linux only; none elsewhere. What is not wanted is not kept. */
export async function commandLines(
  host: GpuHost,
  isWanted: (words: readonly string[]) => boolean,
): Promise<readonly CommandLine[]> {
  if (host.platform !== 'linux') return [];
  const pids = (await host.listFolder('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(
    pids.map(async (pid): Promise<CommandLine> => {
      const text = await host.readFile(`/proc/${pid}/cmdline`);
      return { pid: Number(pid), words: (text ?? '').split('\0').filter(Boolean) };
    }),
  );
  return lines.filter(({ words }) => isWanted(words));
}

/** What a program was told by a flag, under any of its names: `--port 80`, `--port=80`. Undefined: nothing; empty: the flag alone. */
export function flagValue(words: readonly string[], ...names: readonly string[]): string | undefined {
  for (const [index, word] of words.entries()) {
    const name = names.find((one) => word === one || word.startsWith(`${one}=`));
    if (name === undefined) continue;
    if (word !== name) return word.slice(name.length + 1);
    const next = words[index + 1];
    return next === undefined || /^--?[a-z]/i.test(next) ? '' : next;
  }
  return undefined;
}

/** The last part of a path. */
export function programName(word: string | undefined): string {
  return word?.split(/[\\/]/).at(-1) ?? '';
}
