import type { Answer, Attachment, Conversation, Question, Run } from './conversation.ts';
import { fenceFor } from './prompts.ts';

/** The path that is shown, as a Markdown document: for people, and for other programs that read Markdown. It cannot be read back. */
export function exportMarkdown(conversation: Conversation): string {
  const title = conversation.title || 'Conversation';
  const parts = conversation.path().map((message) => {
    const leftOut = conversation.isLeftOut(message.id) ? ['*Not sent any more, to make room.*'] : [];
    return message.role === 'question' ? questionParts(message, leftOut) : answerParts(message, leftOut);
  });
  return `${[`# ${oneLine(title)}`, ...parts.flat()].join('\n\n')}\n`;
}

function questionParts({ text, attachments }: Question, leftOut: readonly string[]): string[] {
  return ['## Question', ...leftOut, closed(text), ...attachments.map(attachmentPart)].filter((part) => part !== '');
}

function attachmentPart(attachment: Attachment): string {
  if (attachment.kind === 'image') return `Image: ${oneLine(attachment.label)}`;
  const { label, languageId, text } = attachment;
  const fence = fenceFor(text);
  return `Attached: ${oneLine(label)}\n\n${fence}${oneLine(languageId)}\n${text.replace(/\n$/, '')}\n${fence}`;
}

function answerParts(answer: Answer, leftOut: readonly string[]): string[] {
  const { text, reasoning, toolCalls, warnings, runs } = answer;
  return [
    '## Answer',
    ...leftOut,
    reasoning.trim() === '' ? '' : quoted(`**Reasoning**\n\n${closed(reasoning)}`),
    closed(text),
    ...toolCalls.map(({ name, argumentsJson }) => {
      const fence = fenceFor(argumentsJson);
      return `Tool call: ${oneLine(name)}\n\n${fence}json\n${argumentsJson}\n${fence}`;
    }),
    ...warnings.map((warning) => `*${oneLine(warning)}*`),
    ...runs.map((run) => `*${oneLine(factsOf(run).join(' · '))}*`),
  ].filter((part) => part !== '');
}

function factsOf({ backend, model, ending }: Run): string[] {
  const facts: (string | undefined)[] = [model, backend];
  if (ending) {
    const { usage, speed, reasoningMs } = ending;
    facts.push(
      usage?.promptTokens === undefined ? undefined : `${usage.promptTokens} prompt tokens`,
      usage?.outputTokens === undefined ? undefined : `${usage.outputTokens} tokens`,
      speed.tokensPerSecond === undefined ? undefined : `${speed.tokensPerSecond.toFixed(1)} tokens/s`,
      speed.firstTokenMs === undefined ? undefined : `first token after ${seconds(speed.firstTokenMs)}`,
      reasoningMs === undefined ? undefined : `thought for ${seconds(reasoningMs)}`,
    );
  }
  return [...facts, whyItEnded(ending?.outcome)].flatMap((fact) => fact || []);
}

function whyItEnded(outcome: NonNullable<Run['ending']>['outcome'] | undefined): string | undefined {
  if (!outcome) return 'interrupted';
  switch (outcome.type) {
    case 'stopped':
      return 'stopped';
    case 'failed':
      return `failed: ${outcome.problem.message}`;
    case 'finished':
      return outcome.reason === 'length' ? 'ended at the length limit' : undefined;
  }
}

function seconds(durationMs: number): string {
  return `${(durationMs / 1000).toFixed(1)} s`;
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/gu, ' ').trim();
}

function quoted(text: string): string {
  return text.replaceAll(/^/gm, '> ').replaceAll(/^> $/gm, '>');
}

/** A code block that was cut off would take in everything after it: it is ended. */
function closed(text: string): string {
  let fence = '';
  for (const line of text.split('\n')) {
    const [, ticks = '', rest = ''] = /^ {0,3}(`{3,}|~{3,})(.*)$/.exec(line) ?? [];
    if (ticks === '') continue;
    if (fence === '') fence = rest.includes('`') && ticks.startsWith('`') ? '' : ticks;
    else if (ticks.startsWith(fence) && rest.trim() === '') fence = '';
  }
  return fence === '' ? text.trim() : `${text.trimEnd()}\n${fence}`;
}
