import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { BackendError } from '../clients/errors.ts';
import type { ChatEvent } from '../clients/llmClient.ts';
import type { CoreHost } from '../host.ts';
import {
  contextOverflow,
  crashed,
  generationFailed,
  loadFailed,
  noInfill,
  notStarted,
  shutDown,
} from './engineErrors.ts';
import { EventQueue } from './eventQueue.ts';
import { isFromWorker, type EngineConfig, type FromWorker, type ToWorker, type Work } from './workerMessages.ts';

export type EngineEvent = ChatEvent | { readonly type: 'counted'; readonly tokens: number };

interface Job {
  readonly id: number;
  readonly config: EngineConfig;
  readonly work: Work;
  readonly events: EventQueue<EngineEvent>;
}

interface Worker {
  readonly process: ChildProcess;
  readonly config: EngineConfig;
  /** What it occupied when the model was loaded; undefined before. */
  residentBytes: number | undefined;
  /** The end of what it wrote to stderr, which is nothing unless it dies. */
  stderrTail: string;
}

const stderrTailCharacters = 4096;

/**
 * Owns the engine's process. It is started by the first request, and again by the first one after a crash. Requests run in the order in which they came;
 * one that needs another configuration waits until those before it are done, and then the process is replaced.
 */
export class EngineProcess {
  readonly #host: CoreHost;
  #worker: Worker | undefined;
  #waiting: Job[] = [];
  /** Those that the process works on. */
  readonly #running = new Map<number, Job>();
  readonly #cpuQuestions = new Map<number, (cpuMs: number | undefined) => void>();
  #lastId = 0;
  #isDisposed = false;

  constructor(host: CoreHost) {
    this.#host = host;
  }

  /** The model that is in memory now. */
  get loaded(): { readonly config: EngineConfig; readonly residentBytes: number } | undefined {
    const { config, residentBytes } = this.#worker ?? {};
    return config && residentBytes !== undefined ? { config, residentBytes } : undefined;
  }

  get processId(): number | undefined {
    return this.#worker?.process.pid;
  }

  /**
   * The events of one piece of work. Aborting, or leaving the iteration, stops the engine's work on it.
   * @throws BackendError
   */
  async *run(config: EngineConfig, work: Work, signal: AbortSignal): AsyncGenerator<EngineEvent> {
    if (signal.aborted) return;
    if (this.#isDisposed) throw shutDown();
    const job: Job = { id: ++this.#lastId, config, work, events: new EventQueue() };
    const cancel = () => this.#cancel(job);
    signal.addEventListener('abort', cancel, { once: true });
    try {
      this.#waiting.push(job);
      this.#startNext();
      yield* job.events;
    } finally {
      signal.removeEventListener('abort', cancel);
      cancel();
    }
  }

  /** What the process has computed since it started, in milliseconds of processor time; undefined when there is none. */
  cpuTimeMs(): Promise<number | undefined> {
    const worker = this.#worker;
    if (!worker) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const id = ++this.#lastId;
      this.#cpuQuestions.set(id, resolve);
      post(worker, { type: 'cpuTime', id });
    });
  }

  /** Ends the process, and with it all work under way. Settles when the memory is free. */
  async unload(): Promise<void> {
    const child = this.#worker?.process;
    if (!child) return;
    const closed = once(child, 'close');
    this.#stop(shutDown());
    await closed;
    this.#startNext();
  }

  dispose(): void {
    this.#isDisposed = true;
    for (const job of this.#waiting) job.events.fail(shutDown());
    this.#waiting = [];
    this.#stop(shutDown());
  }

  #startNext(): void {
    for (let next = this.#waiting[0]; next; next = this.#waiting[0]) {
      if (this.#worker && !isSame(this.#worker.config, next.config)) {
        if (this.#running.size > 0) return;
        this.#stop(shutDown());
      }
      this.#waiting.shift();
      const worker = this.#worker ?? this.#tryStart(next);
      if (!worker) continue;
      this.#running.set(next.id, next);
      post(worker, { type: 'work', id: next.id, work: next.work });
    }
  }

  #cancel(job: Job): void {
    job.events.drop();
    this.#waiting = this.#waiting.filter((other) => other !== job);
    if (this.#running.delete(job.id) && this.#worker) post(this.#worker, { type: 'abort', id: job.id });
    this.#startNext();
  }

  #tryStart(job: Job): Worker | undefined {
    try {
      this.#worker = this.#start(job.config);
    } catch (error) {
      job.events.fail(notStarted(error as Error));
    }
    return this.#worker;
  }

  #start(config: EngineConfig): Worker {
    const { workerPath, nodePath, nodeEnv } = this.#host.engine;
    const child = fork(workerPath, [], {
      execPath: nodePath,
      // Not the parent's: a debugger's port among them can be had once.
      execArgv: [],
      env: { ...process.env, ...nodeEnv },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    const worker: Worker = { process: child, config, residentBytes: undefined, stderrTail: '' };
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      worker.stderrTail = (worker.stderrTail + text).slice(-stderrTailCharacters);
    });
    child.on('message', (message) => {
      if (worker === this.#worker && isFromWorker(message)) this.#receive(worker, message);
    });
    child.on('error', (error) => this.#lose(worker, notStarted(error)));
    // 'close' and not 'exit': it comes after the last message and the last of stderr.
    child.on('close', (code, signalName) => {
      const reason = signalName ? `signal ${signalName}` : `exit code ${code}`;
      this.#lose(worker, crashed({ reason, stderrTail: worker.stderrTail }));
    });
    post(worker, { type: 'load', config });
    return worker;
  }

  #receive(worker: Worker, message: FromWorker): void {
    switch (message.type) {
      case 'loading':
        for (const { events } of this.#running.values()) {
          events.push({ type: 'progress', stage: 'loading', fraction: message.fraction });
        }
        return;
      case 'loaded':
        worker.residentBytes = message.residentBytes;
        return;
      case 'loadFailed':
        this.#lose(worker, loadFailed(message.failure, message.detail, worker.config));
        return;
      case 'cpuTime':
        this.#cpuQuestions.get(message.id)?.(message.cpuMs);
        this.#cpuQuestions.delete(message.id);
        return;
      default:
        this.#advance(message);
    }
  }

  #advance(message: FromWorker & { readonly id: number }): void {
    const job = this.#running.get(message.id);
    // One that was cancelled meanwhile.
    if (!job) return;
    switch (message.type) {
      case 'readingPrompt':
        job.events.push({ type: 'progress', stage: 'readingPrompt', fraction: message.fraction });
        return;
      case 'delta':
        job.events.push({ type: message.kind, delta: message.delta });
        return;
      case 'finish':
        job.events.push({ type: 'finish', reason: message.reason, usage: message.usage, timings: message.timings });
        job.events.end();
        break;
      case 'counted':
        job.events.push({ type: 'counted', tokens: message.tokens });
        job.events.end();
        break;
      case 'done':
        job.events.end();
        break;
      case 'noInfill':
        job.events.fail(noInfill());
        break;
      case 'overflow':
        job.events.fail(contextOverflow(message));
        break;
      default:
        job.events.fail(generationFailed(message.type === 'failed' ? message.detail : message.type));
    }
    this.#running.delete(job.id);
    this.#startNext();
  }

  /** The process is gone, or of no use. The requests it worked on fail; those that wait get a new one. */
  #lose(worker: Worker, error: BackendError): void {
    if (worker !== this.#worker) return;
    this.#host.log.warn(`${error.message} ${error.serverMessage ?? ''}`);
    this.#stop(error);
    this.#startNext();
  }

  #stop(error: BackendError): void {
    const worker = this.#worker;
    this.#worker = undefined;
    for (const job of this.#running.values()) job.events.fail(error);
    this.#running.clear();
    for (const answer of this.#cpuQuestions.values()) answer(undefined);
    this.#cpuQuestions.clear();
    // It has nothing to save, and a process that computes in native code reacts to nothing gentler in time.
    worker?.process.kill('SIGKILL');
  }
}

function post(worker: Worker, message: ToWorker): void {
  // A channel that closed under it is reported by 'close'.
  if (worker.process.connected) worker.process.send(message, () => undefined);
}

function isSame(a: EngineConfig, b: EngineConfig): boolean {
  return a.modelPath === b.modelPath && a.threads === b.threads && a.contextTokens === b.contextTokens;
}
