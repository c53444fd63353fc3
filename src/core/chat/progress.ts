import type { ChatEvent } from '../clients/llmClient.ts';

/** "loading the model: 40 %", for people who wait for the first token. */
export function describeProgress({ stage, fraction }: ChatEvent & { type: 'progress' }): string {
  const what = { busy: 'the server is busy', loading: 'loading the model', readingPrompt: 'reading the prompt' }[stage];
  return fraction === undefined ? `${what} …` : `${what}: ${Math.round(fraction * 100)} %`;
}
