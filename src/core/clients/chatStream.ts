import type { CoreHost } from '../host.ts';
import { BackendError } from './errors.ts';
import { isLoading } from './failureRules.ts';
import { toBackendError } from './failures.ts';
import type { ChatEvent, LLMClient } from './llmClient.ts';

export interface LawfulStream {
  readonly client: LLMClient;
  readonly host: CoreHost;
  readonly signal: AbortSignal;
  /** Sends the request; called again when the server was too busy to take it. */
  readonly open: () => AsyncIterable<ChatEvent>;
  /** How long to wait for a server that says that it is still loading its model; 0, as where it is left out: as long as the caller does. */
  readonly loadingLimitMs?: number;
}

/**
 * Holds a client to the laws of llmClient.ts: nothing after `finish`, nothing and no error after an abort, `truncated` when no `finish` came, only
 * `BackendError`s, and another try only before the answer has begun. An unknown model is answered with those that exist.
 */
export async function* lawful(stream: LawfulStream): AsyncGenerator<ChatEvent> {
  const { client, host, signal, open, loadingLimitMs } = stream;
  const startedMs = performance.now();
  const mayWait = () => !signal.aborted && (!loadingLimitMs || performance.now() - startedMs < loadingLimitMs);
  let begun = false;
  let retries = 0;
  while (!signal.aborted) {
    try {
      const seen = new Set<ChatEvent['type']>();
      for await (const event of open()) {
        if (signal.aborted) return;
        seen.add(event.type);
        begun ||= event.type !== 'progress' && event.type !== 'warning';
        if (event.type === 'finish' && event.reason === 'length' && isOnlyReasoning(seen)) yield usedUpByReasoning;
        yield event;
        if (event.type === 'finish') return;
      }
    } catch (thrown) {
      if (signal.aborted) return;
      const error = toBackendError(thrown, client.backend);
      if (!begun && isStillLoading(error) && mayWait()) {
        yield { type: 'progress', stage: 'loading' };
        await untilLoaded(client, host, signal, mayWait);
        continue;
      }
      const waitMs = begun ? undefined : retryAfterMs(error, retries);
      if (waitMs === undefined) throw await withModelChoices(error, client, signal);
      host.log.info(`${client.endpoint}: ${error.kind}, asked again in ${Math.round(waitMs)} ms`);
      retries++;
      yield { type: 'progress', stage: 'busy' };
      await host.wait(waitMs, signal);
      continue;
    }
    if (!signal.aborted) throw truncated(client);
  }
}

function isOnlyReasoning(seen: ReadonlySet<ChatEvent['type']>): boolean {
  return seen.has('reasoning') && !seen.has('text') && !seen.has('toolCall');
}

const usedUpByReasoning: ChatEvent = {
  type: 'warning',
  message: 'The output limit was used up by reasoning, so there is no answer. A higher a2ia.maxOutputTokens helps.',
};

const loadingPollMs = 1_000;

function isStillLoading(error: BackendError): boolean {
  return error.status === 503 && isLoading(error.serverMessage);
}

/** Asks the server how it is, so that the prompt is not sent again and again. The next request says whether it was enough. */
async function untilLoaded(
  client: LLMClient,
  host: CoreHost,
  signal: AbortSignal,
  mayWait: () => boolean,
): Promise<void> {
  do {
    await host.wait(loadingPollMs, signal);
  } while (mayWait() && (await isLoadingNow(client, signal)));
}

async function isLoadingNow(client: LLMClient, signal: AbortSignal): Promise<boolean> {
  const status = await client.probe(signal).catch(() => undefined);
  return status?.state === 'loading';
}

const mostRetries = 2;
/** A server that wants a longer wait than this is told to the user instead. */
const longestWaitMs = 30_000;
const busyStatuses: readonly (number | undefined)[] = [429, 502, 503, 504, 529];

/** Undefined: not again. Only what says of itself that it is passing; a failed load would be minutes of the same failure. */
function retryAfterMs(error: BackendError, retries: number): number | undefined {
  const isPassing = (error.kind === 'overloaded' || error.kind === 'gateway') && busyStatuses.includes(error.status);
  if (!isPassing || !error.retryable || retries >= mostRetries) return undefined;
  if (error.retryAfterMs !== undefined) return error.retryAfterMs <= longestWaitMs ? error.retryAfterMs : undefined;
  // Spread, so that many who were refused at once do not come back at once.
  return 500 * 2 ** retries * (1 + Math.random());
}

function truncated(client: LLMClient): BackendError {
  return new BackendError({
    kind: 'truncated',
    backend: client.backend,
    message: 'The answer ended without the server saying that it is complete.',
    hint: 'What arrived is kept. Ask again; if it happens again, look at the server’s log.',
    retryable: true,
    nextStep: { do: 'retry' },
  });
}

/** An unknown model is answered with those that exist. */
export async function withModelChoices(
  error: BackendError,
  client: LLMClient,
  signal: AbortSignal,
): Promise<BackendError> {
  if (error.kind !== 'modelNotFound' || error.nextStep.do === 'chooseModel') return error;
  const models = await client.listModels(signal).catch(() => []);
  const ids = models.map((model) => model.id);
  return new BackendError({
    kind: error.kind,
    backend: client.backend,
    message: error.message,
    hint:
      ids.length > 0
        ? `${error.hint.replace(/\.$/, '')}: ${ids.slice(0, 8).join(', ')}${ids.length > 8 ? ', …' : ''}.`
        : error.hint,
    ...(error.serverMessage ? { serverMessage: error.serverMessage } : {}),
    ...(error.status ? { status: error.status } : {}),
    ...(ids.length > 0 ? { nextStep: { do: 'chooseModel', models: ids } } : {}),
    cause: error,
  });
}

/** For servers whose list says it. */
export async function listedContextWindow(
  client: LLMClient,
  model: string,
  signal: AbortSignal,
): Promise<number | undefined> {
  const models = await client.listModels(signal);
  return models.find((candidate) => candidate.id === model)?.contextWindowTokens;
}

/** Collects the deltas of one read, so that adjacent ones of a kind leave as one event. */
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

/** Where the deltas of an answer go on their way into a `DeltaJoiner`. */
export interface DeltaFilter {
  text(delta: string): void;
  reasoning(delta: string): void;
  /** The answer is over, however it ended: nothing may be held back any more. */
  end(): void;
}

export function unfiltered(joiner: DeltaJoiner): DeltaFilter {
  return {
    text: (delta) => joiner.add('text', delta),
    reasoning: (delta) => joiner.add('reasoning', delta),
    end: () => undefined,
  };
}
