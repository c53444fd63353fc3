import type { NextStep } from '../clients/errors.ts';
import type { BackendId } from '../clients/llmClient.ts';
import type { Report, Step, StepName, StepState } from './report.ts';

/** A report as text: lines for a terminal, Markdown for a document. */

const marks: Readonly<Record<StepState, string>> = { ok: '✔', warning: '⚠', failed: '✘', skipped: '–' };

const titles: Readonly<Record<StepName, string>> = {
  address: 'Address',
  dns: 'Name (DNS)',
  tcp: 'Connection (TCP)',
  tls: 'Encryption (TLS)',
  server: 'Server',
  key: 'API key',
  models: 'Models',
  context: 'Context window',
  token: 'One token',
  tools: 'Tools',
};

export function stepTitle(name: StepName): string {
  return titles[name];
}

export function reportLines(report: Report): string {
  const width = Math.max(...report.steps.map(({ name }) => titles[name].length));
  const lines = [`${mark(report)} ${report.backend} at ${report.endpoint}, asked from ${report.where}`];
  for (const step of report.steps) {
    lines.push(`  ${marks[step.state]} ${titles[step.name].padEnd(width)}  ${step.detail}${time(step)}`);
    for (const line of remarks(step)) lines.push(`    ${line}`);
  }
  return `${lines.join('\n')}\n`;
}

export interface ReportDocument {
  /** Complete: what a person copies into a bug report. */
  readonly text: string;
  /** Where in it something can be done by one click. */
  readonly actions: readonly ReportAction[];
}

export interface ReportAction {
  /** Of the text, from 0. */
  readonly line: number;
  readonly backend: BackendId;
  readonly nextStep: NextStep;
}

export function reportsMarkdown(reports: readonly Report[]): ReportDocument {
  const lines = ['# A2IA: Connection', ''];
  const actions: ReportAction[] = [];
  for (const report of reports) {
    const { backend, verdict, endpoint, where, steps } = report;
    lines.push(`## ${mark(report)} ${backend}: ${verdict}`, '', `${endpoint}, asked from ${where}`, '');
    for (const step of steps) {
      if (step.nextStep) actions.push({ line: lines.length, backend, nextStep: step.nextStep });
      lines.push(`- ${marks[step.state]} **${titles[step.name]}**: ${step.detail}${time(step)}`);
      lines.push(...remarks(step).map((line) => `  - ${line}`));
    }
    lines.push('');
  }
  // What stands between angle brackets would be taken for HTML, and not be shown, where the report is pasted.
  return { text: lines.join('\n').replaceAll('<', '\\<'), actions };
}

function mark({ works, steps }: Report): string {
  if (works) return marks.ok;
  return steps.some(({ state }) => state === 'failed') ? marks.failed : marks.skipped;
}

/** What the server said, and what to do. */
function remarks({ serverMessage, fix }: Step): string[] {
  const words = serverMessage?.replace(/\s+/g, ' ').trim() ?? '';
  const shown = words.length > 500 ? `${words.slice(0, 500)}…` : words;
  return [...(shown ? [`It says: “${shown}”`] : []), ...(fix ? [`→ ${fix}`] : [])];
}

function time({ durationMs, state }: Step): string {
  return state === 'skipped' || durationMs === 0 ? '' : ` (${durationMs} ms)`;
}
