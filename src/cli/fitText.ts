import { memoryRangeText, memoryText } from '../core/fit/bytesText.ts';
import { calibrationText } from '../core/fit/corrections.ts';
import type { Figure } from '../core/fit/figure.ts';
import { spillText } from '../core/fit/spill.ts';
import { unloadingText } from '../core/fit/unloading.ts';
import type { TogetherPlan } from '../core/fit/planTogether.ts';
import type { Alternative, FitPlan, FitRequest, FitRow, FitServer, Unloading } from '../core/fit/fitRequest.ts';

const columns = 80;
const labelColumns = 24;
const sizeColumns = 9;
const barColumns = 24;
const mostAlternatives = 6;

/** A plan as plain text of 80 columns: a ledger, the verdict, what fails, and what to run instead. `note`: why no GPU is known. */
export function fitText(
  request: FitRequest,
  plan: FitPlan,
  alternatives: readonly Alternative[],
  note: string | undefined,
): string {
  const sections = [
    heading(request),
    ledger(plan),
    verdict(plan),
    plan.measuredBy ? wrapped(`${calibrationText(plan.measuredBy)} “a2ia measured” shows and forgets it.`) : '',
    plan.failure ? `${serverName(request.server)} would print:\n${indented(plan.failure.serverError, '  | ')}` : '',
    `Run\n${verbatim(plan.command)}`,
    instead(alternatives),
    assumed(note === undefined ? plan.doubts : [note, ...plan.doubts.filter((doubt) => !doubt.startsWith('No GPU'))]),
  ];
  return `${sections.filter(Boolean).join('\n\n')}\n`;
}

/** The last word on several models at the same time. */
export function togetherText(
  { verdict: result, needed, explanation }: TogetherPlan,
  unloading: Unloading | undefined,
): string {
  const words = {
    fits: 'FIT together',
    tight: 'TIGHT together: it depends on what was assumed',
    partial: 'PARTLY ON THE CPU together',
    fails: 'DO NOT FIT together',
    unknown: 'NOT KNOWN whether they fit together',
  }[result];
  return `\n${wrapped(`${words}: ${memoryText(needed.bytes)} on the GPU. ${explanation ?? ''} ${unloadingText({ unloading }) ?? ''}`)}\n`;
}

function heading({ model, server, gpus }: FitRequest): string {
  const names = [...new Set(gpus.map(({ name }) => name))].map((name) => {
    const count = gpus.filter((gpu) => gpu.name === name).length;
    return count > 1 ? `${count} × ${name}` : name;
  });
  const on = names.length > 0 ? `, ${names.join(', ')}` : '';
  const type = model.fileType ?? model.scheme?.kind;
  return wrapped(
    `${model.name}${type === undefined || type === 'plain' ? '' : ` (${type})`} on ${serverName(server)}${on}`,
  );
}

function serverName(server: FitServer): string {
  switch (server.kind) {
    case 'ollama':
      return `Ollama${server.version === undefined ? '' : ` ${server.version}`}`;
    case 'llama-server':
      return `llama-server${server.build === undefined ? '' : ` b${server.build}`}`;
    case 'vllm':
      return `vLLM${server.version === undefined ? '' : ` ${server.version.join('.')}`}`;
  }
}

function ledger({ rows, free, total }: FitPlan): string {
  const onGpu = rows.filter(({ part }) => part !== 'ram');
  const inRam = rows.filter(({ part }) => part === 'ram');
  const needed = onGpu.reduce((bytes, { figure }) => bytes + figure.bytes, 0);
  const scale = Math.max(needed, total?.bytes ?? 0);
  const rule = `  ${'─'.repeat(labelColumns + sizeColumns)}`;
  return [
    ...onGpu.map((row) => ledgerLine(row, scale)),
    rule,
    line('Needed on the GPU', memoryText(needed), range(onGpu)),
    ...(free && total ? [line('Free', memoryText(free.bytes), `${freeRange(free)}of ${memoryText(total.bytes)}`)] : []),
    ...inRam.map(({ label, figure }) => line(label, memoryText(figure.bytes), '')),
  ].join('\n');
}

function ledgerLine({ label, figure }: FitRow, scale: number): string {
  return line(label, memoryText(figure.bytes), `${bar(figure.bytes / scale)}  ${originWord(figure)}`);
}

function line(label: string, size: string, rest: string): string {
  return `  ${label.padEnd(labelColumns)}${size.padStart(sizeColumns)}  ${rest}`.trimEnd();
}

const eighths = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

function bar(share: number): string {
  const cells = Math.round(Math.min(1, share) * barColumns * 8);
  return `${'█'.repeat(Math.floor(cells / 8))}${eighths[cells % 8] ?? ''}`.padEnd(barColumns);
}

/** How sure one can be; a figure that is not certain says how far it may be off. */
function originWord({ origin, bytes, lowBytes, highBytes }: Figure): string {
  const isWide = highBytes - lowBytes > 0.2 * bytes;
  const words = { exact: 'exact', formula: 'by formula', assumed: 'assumed', bound: 'at most' }[origin];
  return origin !== 'exact' && isWide && origin !== 'bound' ? `${memoryRangeText(lowBytes, highBytes)}` : words;
}

function range(rows: readonly FitRow[]): string {
  const low = rows.reduce((bytes, { figure }) => bytes + figure.lowBytes, 0);
  const high = rows.reduce((bytes, { figure }) => bytes + figure.highBytes, 0);
  const text = memoryRangeText(low, high);
  return text.includes('–') ? `(${text})` : '';
}

function freeRange({ lowBytes, highBytes }: Figure): string {
  return lowBytes === highBytes ? '' : `(${memoryRangeText(lowBytes, highBytes)}) `;
}

function verdict(plan: FitPlan): string {
  const more = [spillText(plan), unloadingText(plan)].map((text) => (text === undefined ? '' : ` ${text}`)).join('');
  return wrapped(`${verdictWords(plan)}${largestWords(plan)}${more}`);
}

function verdictWords({ verdict: result, contextTokens, failure, placement, spilledBytes }: FitPlan): string {
  const context = `a context of ${contextTokens.toLocaleString('en')} tokens`;
  switch (result) {
    case 'fits':
      return `FITS with ${context}.`;
    case 'tight':
      return `TIGHT with ${context}: it depends on what was assumed.`;
    case 'partial':
      if (spilledBytes !== undefined) return `PAGES INTO RAM with ${context}.`;
      return `PARTLY ON THE CPU with ${context}: ${placement ? placed(placement) : 'some layers'}. ${failure?.explanation ?? ''}`;
    case 'fails':
      return `FAILS with ${context}. ${failure?.explanation ?? ''}`;
    case 'unknown':
      return `NOT KNOWN whether it fits with ${context}.`;
  }
}

function placed({ gpuLayers, layers, layersWithoutExperts }: NonNullable<FitPlan['placement']>): string {
  if (layersWithoutExperts === 0) return `${gpuLayers} of ${layers} layers are on the GPU`;
  return `the experts of ${layersWithoutExperts} of ${layers - 1} layers are in RAM`;
}

function largestWords({ largestContextTokens, contextTokens, verdict: result }: FitPlan): string {
  if (largestContextTokens === undefined || largestContextTokens === contextTokens) return '';
  const tokens = largestContextTokens.toLocaleString('en');
  return result === 'fits' ? ` Up to ${tokens} stay on the GPU.` : ` With ${tokens} all of it stays on the GPU.`;
}

function instead(alternatives: readonly Alternative[]): string {
  if (alternatives.length === 0) return '';
  const shown = alternatives.slice(0, mostAlternatives).map(({ label, plan }, index) => {
    return `${indented(label, `  ${index + 1}. `, '     ')}\n${verbatim(plan.command, '       ')}`;
  });
  return `Instead\n${shown.join('\n')}`;
}

function assumed(doubts: readonly string[]): string {
  return doubts.length === 0 ? '' : `Assumed\n${doubts.map((doubt) => indented(doubt, '  - ', '    ')).join('\n')}`;
}

/** To be copied, so it stays on one line however long that is. */
function verbatim(text: string, margin = '  '): string {
  return text
    .split('\n')
    .map((each) => margin + each)
    .join('\n');
}

function indented(text: string, first: string, other = first): string {
  return text
    .split('\n')
    .flatMap((paragraph) => wrapped(paragraph, columns - other.length).split('\n'))
    .map((each, index) => (index === 0 ? first : other) + each)
    .join('\n');
}

function wrapped(text: string, width = columns): string {
  const lines: string[] = [];
  let now = '';
  for (const word of text.trim().split(/\s+/)) {
    if (now !== '' && now.length + 1 + word.length > width) {
      lines.push(now);
      now = word;
    } else now = now === '' ? word : `${now} ${word}`;
  }
  return [...lines, now].join('\n');
}
