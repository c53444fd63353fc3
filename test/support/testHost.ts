import type { Agent } from 'node:http';
import type { CoreHost } from '../../src/core/host.ts';

export interface TestHost extends CoreHost {
  /** Every line of every level. */
  readonly logged: string[];
}

export interface TestHostOptions {
  /** API keys by origin. */
  readonly keys?: Readonly<Record<string, string>>;
  /** For all requests: a proxy, or an authority to trust. */
  readonly agent?: Agent;
}

/** The outside for tests: no proxy, no engine, no key unless given, and a log that can be read. */
export function createTestHost({ keys = {}, agent }: TestHostOptions = {}): TestHost {
  const logged: string[] = [];
  const write = (message: string) => void logged.push(message);
  return {
    logged,
    log: { debug: write, info: write, warn: write },
    credentialFor: (origin) => Promise.resolve(keys[origin]),
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
