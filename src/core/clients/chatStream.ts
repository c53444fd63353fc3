import { BackendError } from './errors.ts';
import { toBackendError } from './failures.ts';
import type { ChatEvent, LLMClient } from './llmClient.ts';

/**
 * Holds a client to the laws of llmClient.ts: nothing after `finish`, nothing and no error after an abort, `truncated` when no `finish` came, and only
 * `BackendError`s. An unknown model is answered with those that exist.
 */
export async function* lawful(
  client: LLMClient,
  signal: AbortSignal,
  source: AsyncIterable<ChatEvent>,
): AsyncGenerator<ChatEvent> {
  if (signal.aborted) return;
  try {
    for await (const event of source) {
      if (signal.aborted) return;
      yield event;
      if (event.type === 'finish') return;
    }
  } catch (error) {
    if (signal.aborted) return;
    throw await withModelChoices(toBackendError(error, client.backend), client, signal);
  }
  if (signal.aborted) return;
  throw new BackendError({
    kind: 'truncated',
    backend: client.backend,
    message: 'The answer ended without the server saying that it is complete.',
    hint: 'What arrived is kept. Ask again; if it happens again, look at the server’s log.',
    retryable: true,
    nextStep: { do: 'retry' },
  });
}

async function withModelChoices(error: BackendError, client: LLMClient, signal: AbortSignal): Promise<BackendError> {
  if (error.kind !== 'modelNotFound' || error.nextStep.do === 'chooseModel') return error;
  const models = await client.listModels(signal).catch(() => []);
  const ids = models.map((model) => model.id);
  return new BackendError({
    kind: error.kind,
    backend: client.backend,
    message: error.message,
    hint:
      ids.length > 0
        ? `Choose one that it has: ${ids.slice(0, 8).join(', ')}${ids.length > 8 ? ', …' : ''}.`
        : error.hint,
    ...(error.serverMessage ? { serverMessage: error.serverMessage } : {}),
    ...(error.status ? { status: error.status } : {}),
    ...(ids.length > 0 ? { nextStep: { do: 'chooseModel', models: ids } } : {}),
    cause: error,
  });
}

/**
 * Collects the deltas of one batch, so that adjacent ones of a kind leave as one event. Make a new one for every batch: while the collector marks, whatever
 * is written into an object that lives long is kept until the next cycle, and 200 MB of stream then took 60 MB of memory instead of 30.
 */
export class DeltaJoiner {
  #type: 'text' | 'reasoning' = 'text';
  #delta = '';
  #events: ChatEvent[] = [];

  add(type: 'text' | 'reasoning', delta: string): void {
    if (type !== this.#type) this.#flush();
    this.#type = type;
    this.#delta += delta;
  }

  push(event: ChatEvent): void {
    this.#flush();
    this.#events.push(event);
  }

  take(): readonly ChatEvent[] {
    this.#flush();
    const events = this.#events;
    this.#events = [];
    return events;
  }

  #flush(): void {
    if (this.#delta !== '') this.#events.push({ type: this.#type, delta: this.#delta });
    this.#delta = '';
  }
}
