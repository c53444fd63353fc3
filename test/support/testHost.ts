import type { Agent } from 'node:http';
import type { CoreHost } from '../../src/core/host.ts';
import { markerKey, watch } from './markerKeys.ts';

export interface TestHost extends CoreHost {
  /** Every line of every level. */
  readonly logged: string[];
  /** The waits that were asked for. None of them takes time. */
  readonly waitedMs: number[];
}

export interface TestHostOptions {
  /** API keys by origin. Left out: a key for every origin, which the whole suite watches. */
  readonly keys?: Readonly<Record<string, string>>;
  /** For all requests: a proxy, or an authority to trust. */
  readonly agent?: Agent;
  /** Origins that the user does not agree to. */
  readonly refused?: readonly string[];
  readonly caFile?: string;
}

/** The outside for tests: no proxy, no engine, and a log that can be read. */
export function createTestHost({ keys, agent, refused = [], caFile = '' }: TestHostOptions = {}): TestHost {
  const logged: string[] = [];
  const waitedMs: number[] = [];
  const write = (message: string) => {
    watch('log', message);
    logged.push(message);
  };
  return {
    logged,
    waitedMs,
    log: { debug: write, info: write, warn: write },
    credentialFor: (origin) => Promise.resolve(keys ? keys[origin] : markerKey(origin)),
    mayContact: (origin) => Promise.resolve(!refused.includes(origin)),
    mustAsk: (origin) => refused.includes(origin),
    wait: (durationMs) => {
      waitedMs.push(durationMs);
      return new Promise(setImmediate);
    },
    caFile: () => caFile,
    proxyAgentFor: () => Promise.resolve(agent),
    engine: {
      workerPath: '/nonexistent/a2ia-test/worker.mjs',
      nodePath: '/nonexistent/a2ia-test/node',
      nodeEnv: {},
      modelsDir: '/nonexistent/a2ia-test/models',
      confirmDownload: () => Promise.resolve(false),
      duringDownload: (_model, download) => download(() => undefined),
    },
  };
}
