import type { ModelInfo } from '../core/clients/llmClient.ts';
import type { BackendRegistry, Finding } from '../core/clients/registry.ts';
import type { Settings } from '../core/settings/settings.ts';
import { plural } from '../core/util/plural.ts';
import type { CommonOptions } from './arguments.ts';
import { exitCodes, type ExitCode } from './exitCodes.ts';
import type { Output } from './output.ts';

/** @throws BackendError */
export async function models(
  options: CommonOptions,
  registry: BackendRegistry,
  output: Output,
  signal: AbortSignal,
): Promise<ExitCode> {
  const { client, reason } = await registry.chooseClient(options.settings, signal);
  const list = await client.listModels(signal);
  if (options.json) {
    await output.line({ backend: client.backend, endpoint: client.endpoint, models: list });
    return exitCodes.finished;
  }
  output.note(`${client.backend}: ${reason}`);
  await output.text(table(list.map(modelRow)));
  return exitCodes.finished;
}

/** Every backend with what was found there. Finding nothing is an answer, not a failure. */
export async function backends(
  options: CommonOptions,
  registry: BackendRegistry,
  output: Output,
  signal: AbortSignal,
): Promise<ExitCode> {
  const findings = await registry.survey(options.settings, signal);
  if (options.json) {
    for (const { client, status } of findings)
      await output.line({ backend: client.backend, endpoint: client.endpoint, ...status });
    return exitCodes.finished;
  }
  const shown = findings.filter((finding) => isWorthALine(finding, options.settings));
  await output.text(table(shown.map(findingRow)));
  return exitCodes.finished;
}

/** Of the usual places of OpenAI-compatible servers only those where something is. */
function isWorthALine({ client, status }: Finding, settings: Settings): boolean {
  return (
    client.backend !== 'openai-compatible' || status.state !== 'unavailable' || settings.openaiCompatibleUrl !== ''
  );
}

function findingRow({ client, status }: Finding): string[] {
  const name = [client.backend, client.endpoint];
  switch (status.state) {
    case 'ready': {
      const count = status.modelIds.length;
      const who = [status.server, status.version].filter(Boolean).join(' ');
      return [...name, 'ready', `${who}, ${plural(count, 'model')}${status.detail ? `. ${status.detail}` : ''}`];
    }
    case 'loading':
      return [...name, 'loading', status.detail];
    case 'unavailable':
      return [...name, 'no', `${status.reason} ${status.hint}`];
  }
}

function modelRow(model: ModelInfo): string[] {
  return [
    model.id,
    model.contextWindowTokens ? `${model.contextWindowTokens} tokens` : '',
    model.sizeBytes ? `${(model.sizeBytes / 1e9).toFixed(1)} GB` : '',
    model.quantization ?? '',
    model.loaded ? 'loaded' : '',
  ];
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}
