import type * as llamaPackage from 'node-llama-cpp';
import type { ChatHistoryItem, ChatWrapper, LlamaChat, LlamaContextSequence, LlamaModel, Token } from 'node-llama-cpp';
import {
  isToWorker,
  type EngineConfig,
  type FromWorker,
  type Generation,
  type LoadFailure,
  type ToWorker,
} from './workerMessages.ts';

/**
 * The program of the engine's process: loads one model and answers over the IPC channel. A process of its own, because a native crash or an exhausted
 * memory must not take the editor's extension host with it, and because killing it is the one sure way to get all of the memory back.
 */

type LlamaPackage = typeof llamaPackage;

interface Engine {
  readonly llamaPackage: LlamaPackage;
  readonly model: LlamaModel;
  readonly chatWrapper: ChatWrapper;
  readonly contextTokens: number;
  readonly sequences: SequencePool;
  readonly loadMs: number;
}

/** So many requests run at once; further ones wait in order. Each sequence costs its own context memory. */
const sequenceCount = 2;
/**
 * The prompt is read in pieces of so many tokens, and between two pieces an abort is noticed. Measured on one core of a small machine: 64 tokens a piece cost
 * no more per token than 512 (9.3 and 8.3 to 11.2 ms), 32 cost half as much again.
 */
const promptPieceTokens = 64;
const rememberedLogLines = 5;

let engine: Promise<Engine> | undefined;
let loadWasReported = false;
const aborts = new Map<number, AbortController>();

function send(message: FromWorker): void {
  // The callback takes the error of a channel that closes meanwhile; 'disconnect' ends this process then.
  process.send?.(message, undefined, undefined, () => undefined);
}

function receive(message: ToWorker): void {
  switch (message.type) {
    case 'load':
      engine ??= load(message.config);
      engine.then(() => send({ type: 'loaded' }), reportLoadFailure);
      return;
    case 'generate':
      void answer(message.id, message.generation);
      return;
    case 'abort':
      aborts.get(message.id)?.abort();
      return;
    case 'cpuTime': {
      const { user, system } = process.cpuUsage();
      send({ type: 'cpuTime', id: message.id, cpuMs: (user + system) / 1000 });
    }
  }
}

// ---- Loading ----------------------------------------------------------------------------------------------------------------------------------------

/** What llama.cpp said last at the level of errors: often the only reason for a failed load. */
const errorLines: string[] = [];

async function load(config: EngineConfig): Promise<Engine> {
  const started = performance.now();
  const llamaPackage = await import('node-llama-cpp');
  const llama = await llamaPackage.getLlama({
    build: 'never',
    skipDownload: true,
    // The only binary for Macs with Apple's processors is the one for Metal.
    gpu: process.platform === 'darwin' && process.arch === 'arm64' ? 'metal' : false,
    maxThreads: config.threads,
    progressLogs: false,
    logLevel: llamaPackage.LlamaLogLevel.error,
    logger: (_level, text) => {
      // Each is reported twice.
      if (!errorLines.includes(text.trim())) errorLines.push(text.trim());
      errorLines.splice(0, Math.max(0, errorLines.length - rememberedLogLines));
    },
  });
  const model = await llama.loadModel({ modelPath: config.modelPath });
  const contextTokens = Math.min(config.contextTokens, model.trainContextSize);
  const context = await model.createContext({
    contextSize: contextTokens,
    sequences: sequenceCount,
    threads: config.threads,
  });
  const sequences = Array.from({ length: sequenceCount }, () => context.getSequence());
  return {
    llamaPackage,
    model,
    chatWrapper: llamaPackage.resolveChatWrapper(model),
    contextTokens,
    sequences: new SequencePool(sequences),
    loadMs: performance.now() - started,
  };
}

function reportLoadFailure(error: unknown): void {
  send({
    type: 'loadFailed',
    failure: loadFailureOf(error as NodeJS.ErrnoException),
    detail: [...errorLines, String(error)].join('\n'),
  });
}

function loadFailureOf(error: NodeJS.ErrnoException): LoadFailure {
  // Compared by name: when the import failed there is no class to compare with.
  const name = error.constructor.name;
  if (error.code === 'ERR_MODULE_NOT_FOUND' || name === 'NoBinaryFoundError') return 'engineMissing';
  if (name === 'InsufficientMemoryError') return 'outOfMemory';
  return 'loadFailed';
}

// ---- Answering --------------------------------------------------------------------------------------------------------------------------------------

async function answer(id: number, generation: Generation): Promise<void> {
  const abort = new AbortController();
  aborts.set(id, abort);
  try {
    const loaded = await engine;
    if (!loaded || abort.signal.aborted) return;
    await generate(loaded, id, generation, abort.signal);
  } catch (error) {
    // A failed load was reported as such, and for all requests.
    const isLoadFailure = await (engine ?? Promise.reject(new Error())).then(
      () => false,
      () => true,
    );
    if (!abort.signal.aborted && !isLoadFailure) send({ type: 'failed', id, detail: String(error) });
  } finally {
    aborts.delete(id);
  }
}

async function generate(loaded: Engine, id: number, generation: Generation, signal: AbortSignal): Promise<void> {
  const history = historyOf(generation);
  const prompt = loaded.chatWrapper
    .generateContextState({ chatHistory: history })
    .contextText.tokenize(loaded.model.tokenizer);
  // One place stays free: the engine would shift the context, and forget the prompt's beginning, where it is full to the last.
  const roomTokens = loaded.contextTokens - 1 - prompt.length;
  if (roomTokens < 1) {
    send({ type: 'overflow', id, promptTokens: prompt.length, contextTokens: loaded.contextTokens });
    return;
  }
  const sequence = await loaded.sequences.take(prompt, signal);
  if (!sequence) return;
  try {
    await generateOn(sequence, { loaded, id, generation, signal, history, prompt, roomTokens });
  } finally {
    loaded.sequences.giveBack(sequence);
  }
}

interface Run {
  readonly loaded: Engine;
  readonly id: number;
  readonly generation: Generation;
  readonly signal: AbortSignal;
  readonly history: ChatHistoryItem[];
  readonly prompt: Token[];
  readonly roomTokens: number;
}

async function generateOn(sequence: LlamaContextSequence, run: Run): Promise<void> {
  const { loaded, id, generation, signal } = run;
  const started = performance.now();
  let firstTokenAt: number | undefined;
  const cachedPromptTokens = await readPrompt(sequence, run.prompt, signal);
  if (signal.aborted) return;
  const before = sequence.tokenMeter.getState();
  // LlamaChat is LlamaChatSession without a conversation of its own: here each request brings the whole conversation.
  const chat: LlamaChat = new loaded.llamaPackage.LlamaChat({
    contextSequence: sequence,
    chatWrapper: loaded.chatWrapper,
  });
  try {
    const { metadata } = await chat.generateResponse(run.history, {
      ...samplingOf(generation),
      maxTokens: Math.min(generation.maxOutputTokens ?? run.roomTokens, run.roomTokens),
      signal,
      // Called with whole characters: the engine holds tokens back until they form one.
      onResponseChunk: ({ type, text }) => {
        firstTokenAt ??= performance.now();
        if (text !== '' && !signal.aborted)
          send({ type: 'delta', id, kind: type === 'segment' ? 'reasoning' : 'text', delta: text });
      },
    });
    if (signal.aborted) return;
    const now = performance.now();
    const promptEnd = firstTokenAt ?? now;
    send({
      type: 'finish',
      id,
      reason: metadata.stopReason === 'maxTokens' ? 'length' : 'stop',
      usage: {
        promptTokens: run.prompt.length,
        outputTokens: sequence.tokenMeter.diff(before).usedOutputTokens,
        ...(cachedPromptTokens > 0 ? { cachedPromptTokens } : {}),
      },
      timings: { promptMs: promptEnd - started, outputMs: now - promptEnd, ...loadTiming(loaded) },
    });
  } finally {
    chat.dispose();
  }
}

/**
 * Brings all of the prompt but its last token into the sequence; what the sequence has from an earlier request of the same conversation stays.
 * Returns how many tokens that were.
 */
async function readPrompt(sequence: LlamaContextSequence, prompt: Token[], signal: AbortSignal): Promise<number> {
  const head = prompt.slice(0, -1);
  await sequence.adaptStateToTokens(head, false);
  const kept = sequence.nextTokenIndex;
  for (let at = kept; at < head.length && !signal.aborted; at += promptPieceTokens) {
    await sequence.evaluateWithoutGeneratingNewTokens(head.slice(at, at + promptPieceTokens));
  }
  return kept;
}

/**
 * Only what the request says. node-llama-cpp's own defaults apply to the rest: temperature 0, which is the likeliest token always, and a penalty for
 * repeating the last 64 tokens, without which a model of this size soon goes in circles.
 */
function samplingOf({ temperature, topP, seed, stop }: Generation) {
  return {
    ...(temperature === undefined ? {} : { temperature }),
    ...(topP === undefined ? {} : { topP }),
    ...(seed === undefined ? {} : { seed }),
    ...(stop === undefined ? {} : { customStopTriggers: stop }),
  };
}

/** The load belongs to the first answer after it. */
function loadTiming(loaded: Engine): { loadMs?: number } {
  if (loadWasReported) return {};
  loadWasReported = true;
  return { loadMs: loaded.loadMs };
}

function historyOf({ messages }: Generation): ChatHistoryItem[] {
  const history = messages.map(({ role, text }): ChatHistoryItem =>
    role === 'assistant' ? { type: 'model', response: [text] } : { type: role, text },
  );
  // The answer begins here. An assistant's message at the end is gone on with.
  if (history.at(-1)?.type !== 'model') history.push({ type: 'model', response: [] });
  return history;
}

/** The sequences that nobody uses now, and who waits for one; never both. */
class SequencePool {
  readonly #free: LlamaContextSequence[];
  readonly #waiting: ((sequence: LlamaContextSequence | undefined) => void)[] = [];

  constructor(sequences: readonly LlamaContextSequence[]) {
    this.#free = [...sequences];
  }

  /** Of the free ones, the one that has most of the prompt already. Undefined: aborted while waiting. */
  async take(prompt: Token[], signal: AbortSignal): Promise<LlamaContextSequence | undefined> {
    if (this.#free.length === 0) {
      const sequence = await this.#turn(signal);
      if (!sequence || !signal.aborted) return sequence;
      this.giveBack(sequence);
      return undefined;
    }
    const known = (sequence: LlamaContextSequence) => sequence.compareContextTokens(prompt).firstDifferentIndex;
    const best = this.#free.reduce((a, b) => (known(b) > known(a) ? b : a));
    this.#free.splice(this.#free.indexOf(best), 1);
    return best;
  }

  giveBack(sequence: LlamaContextSequence): void {
    const next = this.#waiting.shift();
    if (next) next(sequence);
    else this.#free.push(sequence);
  }

  #turn(signal: AbortSignal): Promise<LlamaContextSequence | undefined> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      const leave = () => {
        const at = this.#waiting.indexOf(resolve);
        if (at >= 0) this.#waiting.splice(at, 1);
        resolve(undefined);
      };
      signal.addEventListener('abort', leave, { once: true });
    });
  }
}

process.on('message', (message: unknown) => {
  if (isToWorker(message)) receive(message);
});
// The one who started this process is gone, however it went. Not process.exit(): that waits for native code that is computing.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
// Ctrl+C in a terminal reaches this process too; what it means is decided by the one who started it.
process.on('SIGINT', () => undefined);
