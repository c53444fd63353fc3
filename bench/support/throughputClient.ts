import type { Dialect } from '../../test/support/dialects.ts';
import { dialectOf } from './clients.ts';
import { bare, chars, deltas, ours, packages, type PackageName, type Reader } from './readers.ts';

/**
 * What `throughput.ts` measures, as a process of its own: a window speaks to one backend, and its code is compiled for that one. Arguments: the server's
 * address, how many rounds, and the readers (`bare vllm`, `ours vllm`, `package openai`). Its figures go to its parent as one message.
 */

/** Events per millisecond of processor time: of each reader, in each round. */
export type Rates = readonly (readonly number[])[];

const [url = '', rounds, ...names] = process.argv.slice(2);
const readers = names.map((name) => ({ read: readerOf(name), rates: [] as number[] }));

function readerOf(name: string): Reader {
  const [kind, of = ''] = name.split(' ');
  if (kind === 'package') return packages[of as PackageName];
  const dialect = dialectOf(of as Dialect['backend']);
  return kind === 'bare' ? bare(dialect) : ours(dialect);
}

// Round 0 compiles, and is not counted.
for (let round = 0; round <= Number(rounds); round++) {
  for (const { read, rates } of round % 2 === 0 ? readers : readers.toReversed()) {
    const before = process.cpuUsage();
    const received = await read(url);
    const { user, system } = process.cpuUsage(before);
    if (received !== deltas * chars) throw new Error(`${received} characters arrived.`);
    if (round > 0) rates.push((deltas / (user + system)) * 1000);
  }
}
process.on('disconnect', () => process.exit());
process.send?.(readers.map(({ rates }) => rates) satisfies Rates);
