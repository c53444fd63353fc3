import { dialects, type Dialect } from '../test/support/dialects.ts';
import { inClient } from './support/clientProcess.ts';
import { figure, median, printRequirement, printTable, progress, whole } from './support/figures.ts';
import { chars, deltas, type PackageName } from './support/readers.ts';
import { startServer } from './support/serverProcess.ts';
import type { Rates } from './support/throughputClient.ts';

const rounds = 10;
const leastShareOfBare = 0.8;
const leastTimesPackage: Readonly<Record<PackageName, number>> = { openai: 3, ollama: 1.2 };

const server = await startServer();

async function measure(...readers: readonly string[]): Promise<Rates> {
  progress(readers.join(', '));
  return inClient('throughputClient.ts', [server.url, String(rounds), ...readers], (rates: Rates) => rates);
}

function packageOf({ backend }: Dialect): PackageName | undefined {
  if (backend === 'anthropic') return undefined;
  return backend === 'ollama' ? 'ollama' : 'openai';
}

const packageRates: Readonly<Record<PackageName, number>> = {
  openai: median((await measure('package openai'))[0] ?? []),
  ollama: median((await measure('package ollama'))[0] ?? []),
};

async function compare(dialect: Dialect) {
  const { backend } = dialect;
  const [bare = [], ours = []] = await measure(`bare ${backend}`, `ours ${backend}`);
  const packageName = packageOf(dialect);
  return {
    backend,
    bareRate: median(bare),
    rate: median(ours),
    // Within a round, so that what disturbs the machine for a while disturbs both.
    shareOfBare: median(ours.map((rate, round) => rate / (bare[round] ?? NaN))),
    packageName,
    timesPackage: packageName ? median(ours) / packageRates[packageName] : NaN,
  };
}

const results: Awaited<ReturnType<typeof compare>>[] = [];
for (const dialect of dialects) results.push(await compare(dialect));
server.stop();

console.log(
  `A server process streams ${whole(deltas)} deltas of ${chars} characters as fast as they are read; events per millisecond of processor time of the reading process, which other programs disturb least; medians of ${rounds} answers. ` +
    '“Bare” is `node:http`, a split at line ends and `JSON.parse`, by turns with A2IA in one process; each client and each package, read by its own iterator, has a process of its own.',
);
printTable(
  ['client', 'bare', 'A2IA', '× bare', 'package', 'its rate', '× package'],
  results.map(({ backend, bareRate, rate, shareOfBare, packageName, timesPackage }) => [
    backend,
    bareRate,
    rate,
    shareOfBare,
    packageName ?? 'none',
    packageName ? packageRates[packageName] : NaN,
    timesPackage,
  ]),
);
for (const { backend, shareOfBare, packageName, timesPackage } of results) {
  const share = `${backend}: at least ${leastShareOfBare} × bare`;
  printRequirement(share, shareOfBare >= leastShareOfBare, figure(shareOfBare));
  if (!packageName) continue;
  const least = leastTimesPackage[packageName];
  const times = `${backend}: at least ${least} × the iterator of the package ${packageName}`;
  printRequirement(times, timesPackage >= least, figure(timesPackage));
}
