import type * as llamaPackage from 'node-llama-cpp';
import type { ChatHistoryItem, ChatWrapper, LlamaContextSequence, LlamaModel, Token } from 'node-llama-cpp';
import type { SequencePool } from './workerSequences.ts';
import type { EngineMessage, FromWorker, Sampling, Work } from './workerMessages.ts';

/** What the engine's process does for a request, once the model is loaded. */

export interface Engine {
  readonly llamaPackage: typeof llamaPackage;
  readonly model: LlamaModel;
  readonly chatWrapper: ChatWrapper;
  readonly contextTokens: number;
  readonly sequences: SequencePool;
  /** It belongs to the first answer after it. */
  unreportedLoadMs: number | undefined;
}

export interface Run {
  readonly loaded: Engine;
  readonly id: number;
  readonly signal: AbortSignal;
  readonly send: (message: FromWorker) => void;
}

/**
 * The prompt is read in pieces of so many tokens, and between two pieces an abort is noticed. Measured on one core of a small machine: 64 tokens a piece cost
 * no more per token than 512 (9.3 and 8.3 to 11.2 ms), 32 cost half as much again.
 */
const promptPieceTokens = 64;

// ---- Chat -------------------------------------------------------------------------------------------------------------------------------------------

export async function chat(run: Run, task: Work & { readonly do: 'chat' }): Promise<void> {
  const { loaded, signal } = run;
  const { history, tokens } = chatPrompt(loaded, task.messages);
  await generate(run, tokens, async ({ sequence, maxTokens, onText }) => {
    // LlamaChat is LlamaChatSession without a conversation of its own: here each request brings the whole conversation.
    const { LlamaChat } = loaded.llamaPackage;
    const llamaChat = new LlamaChat({ contextSequence: sequence, chatWrapper: loaded.chatWrapper });
    try {
      const { metadata } = await llamaChat.generateResponse(history, {
        ...samplingOptions(task.sampling),
        ...(task.thoughtTokens === undefined ? {} : { budgets: { thoughtTokens: task.thoughtTokens } }),
        maxTokens: limited(task.sampling, maxTokens),
        signal,
        // Called with whole characters: the engine holds tokens back until they form one.
        onResponseChunk: ({ type, text }) => onText(type === 'segment' ? 'reasoning' : 'text', text),
      });
      return metadata.stopReason;
    } finally {
      llamaChat.dispose();
    }
  });
}

interface ChatPrompt {
  readonly history: ChatHistoryItem[];
  readonly tokens: Token[];
}

export function chatPrompt({ chatWrapper, model }: Engine, messages: readonly EngineMessage[]): ChatPrompt {
  const history = messages.map(({ role, text }): ChatHistoryItem =>
    role === 'assistant' ? { type: 'model', response: [text] } : { type: role, text },
  );
  // The answer begins here. An assistant's message at the end is gone on with.
  if (history.at(-1)?.type !== 'model') history.push({ type: 'model', response: [] });
  const { contextText } = chatWrapper.generateContextState({ chatHistory: history });
  return { history, tokens: contextText.tokenize(model.tokenizer) };
}

// ---- Completion -------------------------------------------------------------------------------------------------------------------------------------

export async function complete(run: Run, task: Work & { readonly do: 'complete' }): Promise<void> {
  const { loaded, id, signal, send } = run;
  const text = completionPrompt(loaded.model, task);
  if (!text) {
    send({ type: 'noInfill', id });
    return;
  }
  const { bos, shouldPrependBosToken } = loaded.model.tokens;
  const tokens = shouldPrependBosToken && bos !== null ? [bos, ...text] : text;
  await generate(run, tokens, async ({ sequence, maxTokens, onText }) => {
    const { LlamaCompletion } = loaded.llamaPackage;
    const completion = new LlamaCompletion({ contextSequence: sequence });
    try {
      const { metadata } = await completion.generateCompletionWithMeta(text, {
        ...samplingOptions(task.sampling),
        maxTokens: limited(task.sampling, maxTokens),
        signal,
        // Else it drops the beginning of a prompt that fills more than nine tenths of the context.
        contextShiftSize: 1,
        onTextChunk: (delta) => onText('text', delta),
      });
      return metadata.stopReason;
    } finally {
      completion.dispose();
    }
  });
}

/** Undefined: there is a gap, and no way to say so. */
function completionPrompt(model: LlamaModel, { prefix, suffix, rawPrompt }: Work & { readonly do: 'complete' }) {
  if (suffix === '') return model.tokenize(prefix);
  const { prefix: prefixToken, suffix: suffixToken, middle: middleToken } = model.tokens.infill;
  if (prefixToken !== null && suffixToken !== null && middleToken !== null) {
    return [prefixToken, ...model.tokenize(prefix), suffixToken, ...model.tokenize(suffix), middleToken];
  }
  return rawPrompt === undefined ? undefined : model.tokenize(rawPrompt, true);
}

// ---- Both -------------------------------------------------------------------------------------------------------------------------------------------

interface Generation {
  readonly sequence: LlamaContextSequence;
  /** What the context has room for. */
  readonly maxTokens: number;
  readonly onText: (kind: 'text' | 'reasoning', delta: string) => void;
}

/** Finds room for the prompt, reads it, and reports what `respond` makes of it; that returns the engine's reason to stop. */
async function generate(
  run: Run,
  prompt: Token[],
  respond: (generation: Generation) => Promise<string>,
): Promise<void> {
  const { loaded, id, signal, send } = run;
  // One place stays free: the engine would shift the context, and forget the prompt's beginning, where it is full to the last.
  const roomTokens = loaded.contextTokens - 1 - prompt.length;
  if (roomTokens < 1) {
    send({ type: 'overflow', id, promptTokens: prompt.length, contextTokens: loaded.contextTokens });
    return;
  }
  const sequence = await loaded.sequences.take(prompt, signal);
  if (!sequence) return;
  try {
    const started = performance.now();
    let firstTokenAt: number | undefined;
    const cachedPromptTokens = await readPrompt(run, sequence, prompt);
    if (signal.aborted) return;
    const before = sequence.tokenMeter.getState();
    const stopReason = await respond({
      sequence,
      maxTokens: roomTokens,
      onText: (kind, delta) => {
        firstTokenAt ??= performance.now();
        if (delta !== '' && !signal.aborted) send({ type: 'delta', id, kind, delta });
      },
    });
    if (signal.aborted) return;
    const now = performance.now();
    const promptEnd = firstTokenAt ?? now;
    send({
      type: 'finish',
      id,
      reason: stopReason === 'maxTokens' ? 'length' : 'stop',
      usage: {
        promptTokens: prompt.length,
        outputTokens: sequence.tokenMeter.diff(before).usedOutputTokens,
        ...(cachedPromptTokens > 0 ? { cachedPromptTokens } : {}),
      },
      timings: { promptMs: promptEnd - started, outputMs: now - promptEnd, ...takeLoadTiming(loaded) },
    });
  } finally {
    loaded.sequences.giveBack(sequence);
  }
}

/**
 * Brings all of the prompt but its last token into the sequence; what the sequence has from an earlier request of the same conversation stays.
 * Returns how many tokens that were.
 */
async function readPrompt({ id, signal, send }: Run, sequence: LlamaContextSequence, prompt: Token[]): Promise<number> {
  const head = prompt.slice(0, -1);
  await sequence.adaptStateToTokens(head, false);
  const kept = sequence.nextTokenIndex;
  for (let at = kept; at < head.length && !signal.aborted; at += promptPieceTokens) {
    if (at > kept) send({ type: 'readingPrompt', id, fraction: at / head.length });
    await sequence.evaluateWithoutGeneratingNewTokens(head.slice(at, at + promptPieceTokens));
  }
  return kept;
}

function limited({ maxOutputTokens }: Sampling, roomTokens: number): number {
  return Math.min(maxOutputTokens ?? roomTokens, roomTokens);
}

/**
 * Only what the request says. node-llama-cpp's own defaults apply to the rest: temperature 0, which is the likeliest token always, and a penalty for
 * repeating the last 64 tokens, without which a model of this size soon goes in circles.
 */
function samplingOptions({ temperature, topP, seed, stop }: Sampling) {
  return {
    ...(temperature === undefined ? {} : { temperature }),
    ...(topP === undefined ? {} : { topP }),
    ...(seed === undefined ? {} : { seed }),
    ...(stop === undefined ? {} : { customStopTriggers: stop }),
  };
}

function takeLoadTiming(loaded: Engine): { loadMs?: number } {
  const loadMs = loaded.unreportedLoadMs;
  loaded.unreportedLoadMs = undefined;
  return loadMs === undefined ? {} : { loadMs };
}
