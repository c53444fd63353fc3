import { chat, chatPrompt, complete, type Engine } from './workerGeneration.ts';
import { SequencePool } from './workerSequences.ts';
import {
  isToWorker,
  type EngineConfig,
  type FromWorker,
  type LoadFailure,
  type ToWorker,
  type Work,
} from './workerMessages.ts';

/**
 * The program of the engine's process: loads one model and answers over the IPC channel. A process of its own, because a native crash or an exhausted
 * memory must not take the editor's extension host with it, and because killing it is the one sure way to get all of the memory back.
 */

/** So many requests run at once; further ones wait in order. Each sequence costs its own context memory. */
const sequenceCount = 2;
const rememberedLogLines = 5;

let engine: Promise<Engine> | undefined;
const aborts = new Map<number, AbortController>();

function send(message: FromWorker): void {
  // The callback takes the error of a channel that closes meanwhile; 'disconnect' ends this process then.
  process.send?.(message, undefined, undefined, () => undefined);
}

function receive(message: ToWorker): void {
  switch (message.type) {
    case 'load':
      engine ??= load(message.config);
      engine.then(() => send({ type: 'loaded', residentBytes: process.memoryUsage.rss() }), reportLoadFailure);
      return;
    case 'work':
      void work(message.id, message.work);
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
  const model = await llama.loadModel({
    modelPath: config.modelPath,
    onLoadProgress: reportLoadProgress,
  });
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
    unreportedLoadMs: performance.now() - started,
  };
}

let reportedFraction = 0;

/** Called for every tensor, of which there are hundreds. */
function reportLoadProgress(fraction: number): void {
  if (fraction < 1 && fraction - reportedFraction < 0.01) return;
  reportedFraction = fraction;
  send({ type: 'loading', fraction });
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

// ---- Working ----------------------------------------------------------------------------------------------------------------------------------------

async function work(id: number, task: Work): Promise<void> {
  const abort = new AbortController();
  aborts.set(id, abort);
  try {
    const loaded = await engine;
    if (!loaded || abort.signal.aborted) return;
    const run = { loaded, id, signal: abort.signal, send };
    if (task.do === 'chat') await chat(run, task);
    else if (task.do === 'complete') await complete(run, task);
    else if (task.do === 'count')
      send({ type: 'counted', id, tokens: chatPrompt(loaded, task.messages).tokens.length });
    else send({ type: 'done', id });
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

process.on('message', (message: unknown) => {
  if (isToWorker(message)) receive(message);
});
// The one who started this process is gone, however it went. Not process.exit(): that waits for native code that is computing.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
// Ctrl+C in a terminal reaches this process too; what it means is decided by the one who started it.
process.on('SIGINT', () => undefined);
