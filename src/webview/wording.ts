import type { AnswerState, AnswerView } from '../protocol/panelState.ts';
import { isRunning } from './answering.ts';

const grouped = new Intl.NumberFormat('en');

/** `1,240` */
export function formatCount(count: number): string {
  return grouped.format(count);
}

/** `840`, `1.2k`, `32k`, `4.1M` */
export function formatShort(count: number): string {
  if (count < 1000) return String(count);
  return count < 999_500 ? `${twoDigits(count / 1000)}k` : `${twoDigits(count / 1_000_000)}M`;
}

function twoDigits(value: number): string {
  return value < 9.95 ? value.toFixed(1).replace('.0', '') : String(Math.round(value));
}

/** `40 ms`, `0.4 s`, `12 s`, `3 min 20 s` */
export function formatDuration(ms: number): string {
  if (ms < 100) return `${Math.round(ms)} ms`;
  if (ms < 9950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

export function plural(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** `now`, `5 min`, `3 h`, `2 d`, `12 May`, `12 May 2025` */
export function formatAge(atMs: number, nowMs: number): string {
  const minutes = Math.floor((nowMs - atMs) / 60_000);
  if (minutes < 1) return 'now';
  if (minutes < 60) return `${minutes} min`;
  if (minutes < 24 * 60) return `${Math.floor(minutes / 60)} h`;
  if (minutes < 7 * 24 * 60) return `${Math.floor(minutes / (24 * 60))} d`;
  const isThisYear = new Date(atMs).getFullYear() === new Date(nowMs).getFullYear();
  const year = isThisYear ? {} : { year: 'numeric' as const };
  return new Date(atMs).toLocaleDateString('en-GB', { day: 'numeric', month: 'short', ...year });
}

export function countWords(text: string): number {
  return text.match(/\S+/g)?.length ?? 0;
}

/** While it goes on the length is said in steps, since a number that changes at every frame is only restless. */
export function reasoningSummary({ reasoning, reasoningMs, state }: AnswerView): string {
  if (isRunning(state) && reasoningMs === undefined) {
    const length = Math.floor(reasoning.length / 500) * 500;
    return length === 0 ? 'Thinking…' : `Thinking… ${formatCount(length)} characters`;
  }
  // Some servers send all of it at once.
  const isMeasured = reasoningMs !== undefined && reasoningMs >= 100;
  const time = isMeasured ? `Thought for ${formatDuration(reasoningMs)}` : 'Thought';
  return `${time}, ${plural(countWords(reasoning), 'word')}`;
}

/** Why it ended, or what it does. */
export function stateText(state: AnswerState): string {
  switch (state.type) {
    case 'waiting':
      return state.what;
    case 'streaming':
      return 'Answering…';
    case 'stopped':
      return 'Stopped';
    case 'interrupted':
      return 'Cut off when the editor closed';
    case 'failed':
      return 'Failed';
    case 'finished':
      switch (state.reason) {
        case 'stop':
          return 'Complete';
        case 'length':
          return 'Cut off at the output limit';
        case 'toolCalls':
          return 'Ended with a tool call';
        case 'contentFilter':
          return 'Ended by the server’s content filter';
      }
  }
}

/** Under an answer: how it went, in figures. */
export function factsText({ state, facts }: AnswerView): string {
  if (isRunning(state)) return stateText(state);
  const { promptTokens, cachedPromptTokens, outputTokens, tokensPerSecond, firstTokenMs } = facts;
  const parts = [stateText(state)];
  if (outputTokens !== undefined) parts.push(plural(outputTokens, 'token'));
  if (tokensPerSecond !== undefined) {
    parts.push(`${tokensPerSecond < 9.95 ? tokensPerSecond.toFixed(1) : Math.round(tokensPerSecond)} tokens/s`);
  }
  if (firstTokenMs !== undefined) parts.push(`first token ${formatDuration(firstTokenMs)}`);
  if (promptTokens !== undefined) {
    const cached = cachedPromptTokens === undefined ? '' : ` (${formatCount(cachedPromptTokens)} cached)`;
    parts.push(`prompt ${formatCount(promptTokens)}${cached}`);
  }
  // A line breaks between the figures, not within one.
  return parts.map((part) => part.replaceAll(' ', '\u00a0')).join('\u00a0· ');
}

/** What is said to those who do not see it, when the state of an answer changes. */
export function announcement({ state, text }: AnswerView): string {
  switch (state.type) {
    case 'waiting':
    case 'streaming':
      return 'Answering';
    case 'failed':
      return `Failed: ${state.problem.message}`;
    case 'finished': {
      const length = plural(countWords(text), 'word');
      return state.reason === 'stop' ? `Answer complete, ${length}` : `${stateText(state)}, ${length}`;
    }
    case 'stopped':
    case 'interrupted':
      return stateText(state);
  }
}
