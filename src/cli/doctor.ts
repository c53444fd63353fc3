import type { BackendRegistry } from '../core/clients/registry.ts';
import { checkConnections } from '../core/doctor/doctor.ts';
import { reportLines, stepTitle } from '../core/doctor/reportText.ts';
import { detectSituation } from '../core/doctor/situation.ts';
import type { CoreHost } from '../core/host.ts';
import type { CommonOptions } from './arguments.ts';
import { proxyInUse } from './cliHost.ts';
import { exitCodes, type ExitCode } from './exitCodes.ts';
import type { Output } from './output.ts';

/** Checks each backend and prints its report as soon as it is there. */
export async function doctor(
  { settings, given, json }: CommonOptions,
  host: CoreHost,
  registry: BackendRegistry,
  output: Output,
  signal: AbortSignal,
): Promise<ExitCode> {
  const reports = checkConnections(
    {
      settings,
      // A value that cannot be used is wrong usage here, and was told already.
      problems: [],
      given,
      host,
      registry,
      situation: detectSituation({ environment: process.env }),
      proxyFor: (url) => proxyInUse(url, process.env),
      onStep: (backend, { name, state }) => output.progress(`${backend}: ${stepTitle(name)}: ${state}`),
    },
    signal,
  );
  let anyWorks = false;
  for await (const report of reports) {
    anyWorks ||= report.works;
    if (json) await output.line(report);
    else await output.text(`${reportLines(report)}\n`);
  }
  return anyWorks ? exitCodes.finished : exitCodes.failed;
}
