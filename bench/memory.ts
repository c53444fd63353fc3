import { dialects, type Dialect } from '../test/support/dialects.ts';
import { inClient } from './support/clientProcess.ts';
import { figure, printRequirement, printTable, progress, whole } from './support/figures.ts';
import type { RequestMemory, StreamMemory } from './support/memoryClient.ts';
import { startServer, type ServerProcess } from './support/serverProcess.ts';

const streamMB = 200;
const mostOverBaseMB = 40;
const requests = 1000;
/** The heap after a collection is not the same to the byte; anything that a request left behind would be larger. */
const mostGrowthBytesPerRequest = 100;

async function measureStream(dialect: Dialect, server: ServerProcess) {
  progress(`${dialect.backend}: one long answer`);
  const args = ['stream', dialect.backend, server.url, String(streamMB * 1e6)];
  return inClient(
    'memoryClient.ts',
    args,
    ({ baseBytes, peakBytes }: StreamMemory) => ({
      dialect,
      baseMB: baseBytes / 1e6,
      overBaseMB: (peakBytes - baseBytes) / 1e6,
    }),
    ['--expose-gc'],
  );
}

async function measureRequests(dialect: Dialect, server: ServerProcess) {
  progress(`${dialect.backend}: many requests`);
  const args = ['requests', dialect.backend, server.url, String(requests)];
  const look = async ({ listeners, heapGrowthBytes }: RequestMemory) => {
    const { connections } = await server.state();
    return { dialect, listeners, connections, bytesPerRequest: heapGrowthBytes / requests };
  };
  return inClient('memoryClient.ts', args, look, ['--expose-gc']);
}

const streams: Awaited<ReturnType<typeof measureStream>>[] = [];
const series: Awaited<ReturnType<typeof measureRequests>>[] = [];
for (const dialect of dialects) {
  const server = await startServer();
  streams.push(await measureStream(dialect, server));
  series.push(await measureRequests(dialect, server));
  server.stop();
}

console.log(
  `One answer of ${streamMB} MB on the wire, in deltas of 10 characters as fast as they are read, by a process that does nothing else: ` +
    'its resident memory after garbage collection, with everything loaded, and the most above that while it reads (looked at with every event).',
);
printTable(
  ['client', 'base MB', 'most over base MB'],
  streams.map(({ dialect, baseMB, overBaseMB }) => [dialect.backend, baseMB, overBaseMB]),
);
for (const { dialect, overBaseMB } of streams) {
  const text = `${dialect.backend}: ${streamMB} MB in less than ${mostOverBaseMB} MB`;
  printRequirement(text, overBaseMB < mostOverBaseMB, `${figure(overBaseMB)} MB`);
}

console.log(
  `\n${whole(requests)} requests one after the other with one signal that outlives them, after as many that are not counted: listeners on the signal, sockets at the server, growth of the heap between two garbage collections.`,
);
printTable(
  ['client', 'listeners', 'sockets', 'bytes/request'],
  series.map(({ dialect, listeners, connections, bytesPerRequest }) => [
    dialect.backend,
    listeners,
    connections,
    bytesPerRequest,
  ]),
);
for (const { dialect, listeners, connections, bytesPerRequest } of series) {
  printRequirement(
    `${dialect.backend}: no listener, at most two kept-alive sockets, less than ${mostGrowthBytesPerRequest} bytes a request`,
    listeners === 0 && connections <= 2 && bytesPerRequest < mostGrowthBytesPerRequest,
    `${listeners}, ${connections}, ${figure(bytesPerRequest)}`,
  );
}
