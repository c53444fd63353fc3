import assert from 'node:assert/strict';
import { backendIds, type BackendId } from '../../src/core/clients/llmClient.ts';
import { BackendRegistry } from '../../src/core/clients/registry.ts';
import { checkConnections } from '../../src/core/doctor/doctor.ts';
import type { Report, Step, StepName, StepState } from '../../src/core/doctor/report.ts';
import { detectSituation, type Situation } from '../../src/core/doctor/situation.ts';
import type { ProxyInUse } from '../../src/core/doctor/target.ts';
import type { CoreHost } from '../../src/core/host.ts';
import { parseSettings } from '../../src/core/settings/settings.ts';
import { never } from './dialects.ts';
import { ScriptedServer } from './scriptedServer.ts';
import { createTestHost } from './testHost.ts';

export interface Examination {
  readonly host?: CoreHost;
  readonly situation?: Situation;
  readonly proxy?: ProxyInUse;
  readonly backend?: BackendId;
  readonly signal?: AbortSignal;
  readonly onStep?: (backend: BackendId, step: Step) => void;
}

/** A situation of this name on a machine called gpu-box. */
export const situationOf = (remoteName: string | undefined, environment: Record<string, string> = {}): Situation =>
  detectSituation({ remoteName, environment, machine: 'gpu-box', read: () => undefined });

/** The doctor's reports with these settings, on a local machine without a proxy unless told otherwise. */
export async function examineAll(
  values: Readonly<Record<string, unknown>>,
  {
    host = createTestHost({ keys: {} }),
    situation = situationOf(undefined),
    proxy,
    signal = never,
    ...more
  }: Examination = {},
): Promise<Report[]> {
  const given = (key: string) => values[key];
  const registry = new BackendRegistry(host);
  const reports: Report[] = [];
  const proxyFor = () => Promise.resolve(proxy);
  const options = { ...parseSettings(given), ...more, given, host, registry, situation, proxyFor };
  try {
    for await (const report of checkConnections(options, signal)) reports.push(report);
  } finally {
    registry.dispose();
  }
  return reports;
}

/** The report of the backend that the settings choose. */
export async function examine(values: Readonly<Record<string, unknown>>, more?: Examination): Promise<Report> {
  const chosen = backendIds.find((id) => id === values['a2ia.backend']);
  assert.ok(chosen, 'a test names the backend');
  const reports = await examineAll(values, more);
  const [report] = reports;
  assert.equal(reports.length, 1);
  assert.equal(report?.backend, chosen);
  return report;
}

export function stepOf(report: Report, name: StepName): Step {
  const step = report.steps.find((candidate) => candidate.name === name);
  assert.ok(step, `no step ${name} in ${JSON.stringify(report)}`);
  return step;
}

/** The check went up to this step and ended there with that state. */
export function endsWith(report: Report, name: StepName, state: StepState): Step {
  const last = report.steps.at(-1);
  assert.deepEqual([last?.name, last?.state], [name, state], JSON.stringify(report, undefined, 2));
  const step = stepOf(report, name);
  if (state === 'failed') {
    assert.equal(report.works, false);
    assert.equal(report.verdict, step.detail);
    assert.ok(step.fix, 'says what to do');
  }
  return step;
}

/** A port of this machine on which nothing listens. */
export async function freePort(): Promise<number> {
  const server = await ScriptedServer.start();
  await server.close();
  return server.port;
}
