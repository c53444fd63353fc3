import { commonFailures } from './commonFailures.ts';
import type { KnownFailure } from './knownFailure.ts';
import { llamaCppFailures } from './llamaCppFailures.ts';
import { llamaCppFigures } from './llamaCppFigures.ts';
import { newLoadFacts, set, type LoadFacts, type Phase, type ServerKind } from './loadFacts.ts';
import { piecesOf, withoutPrefix } from './logLine.ts';
import { ollamaFigures } from './ollamaFigures.ts';
import { vllmFailures } from './vllmFailures.ts';
import { vllmFigures } from './vllmFigures.ts';

/** Whatever the length of a log: one line at a time, and of every load only what it came to. */

/** vLLM's before llama.cpp's: both say "CUDA error: out of memory", and vLLM's apply only where the log is of vLLM. */
export const knownFailures: readonly KnownFailure[] = [...vllmFailures, ...llamaCppFailures, ...commonFailures];

const figures = [...llamaCppFigures, ...ollamaFigures, ...vllmFigures];

export interface FoundFailure {
  readonly known: KnownFailure;
  readonly line: LogLine;
}

export interface LogLine {
  /** From 1. */
  readonly number: number;
  readonly text: string;
}

/** One start of a server or one load of a model. */
export interface Load {
  readonly facts: LoadFacts;
  readonly failures: FoundFailure[];
  readonly hints: FoundFailure[];
  /** It began to answer. */
  isLoaded: boolean;
  /** A failure that the server got over by itself. */
  recovered?: FoundFailure;
}

export interface ReadLog {
  /** The last one that failed. */
  readonly failed?: Load;
  /** The last one, if anything of it was understood. */
  readonly last?: Load;
  readonly relevantLines: readonly LogLine[];
  readonly lines: number;
}

export class LogReader {
  #load: Load = newLoad();
  #failed: Load | undefined;
  #rest = '';
  #lineNumber = 0;
  /** Since the last traceback began: the functions that it names. */
  readonly #phases = new Set<Phase>();
  readonly #marks = new Set<string>();
  readonly #firstRelevant: LogLine[] = [];
  #lastRelevant: LogLine[] = [];

  /** `server`: whose log it is, where that is known beforehand. */
  constructor(server?: ServerKind) {
    set(this.#load.facts, 'server', server);
  }

  /** Text in any pieces. */
  push(text: string): void {
    let start = 0;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
      const line = this.#rest + text.slice(start, end);
      this.#rest = '';
      start = end + 1;
      this.#readLine(line);
    }
    this.#rest += text.slice(start);
    // A file without line ends is no log; it is read in pieces all the same.
    if (this.#rest.length > longestLineChars) {
      this.#readLine(this.#rest);
      this.#rest = '';
    }
  }

  end(): ReadLog {
    if (this.#rest !== '') this.#readLine(this.#rest);
    this.#rest = '';
    const failed = this.#load.failures.length > 0 ? this.#load : this.#failed;
    return {
      ...(failed ? { failed } : {}),
      ...(isUnderstood(this.#load) ? { last: this.#load } : {}),
      relevantLines: [...this.#firstRelevant, ...this.#lastRelevant],
      lines: this.#lineNumber,
    };
  }

  #readLine(raw: string): void {
    this.#lineNumber++;
    for (const piece of piecesOf(raw)) if (piece.length > 3) this.#readPiece(piece);
  }

  #readPiece(text: string): void {
    this.#noteStart(text);
    const { facts } = this.#load;
    if (facts.server === undefined) set(facts, 'server', serverOf(text));
    for (const { mark, pattern, read } of figures) {
      if (!text.includes(mark)) continue;
      const found = pattern.exec(text);
      if (found) read(found, facts);
    }
    this.#notePhase(text);
    for (const known of knownFailures) {
      if (!known.marks.some((mark) => text.includes(mark)) || !this.#applies(known)) continue;
      const found = known.pattern.exec(text);
      if (!found) continue;
      known.read?.(found, facts);
      this.#noteFailure(known, text);
    }
    if (loadedPattern.test(text)) this.#noteLoaded();
    else if (retryPattern.test(text)) this.#recover();
    if (relevantPattern.test(text)) this.#noteRelevant(text);
  }

  /** Another load begins: what came of the one before is settled. */
  #noteStart(text: string): void {
    const mark = startMarks.find(([piece, also]) => text.includes(piece) && text.includes(also));
    if (!mark) return;
    const { failures, isLoaded } = this.#load;
    if (failures.length > 0 || isLoaded || this.#marks.has(mark[0])) {
      if (failures.length > 0) this.#failed = this.#load;
      this.#load = newLoad(this.#load.facts);
      this.#phases.clear();
      this.#marks.clear();
    }
    this.#marks.add(mark[0]);
  }

  #notePhase(text: string): void {
    if (text.includes('Traceback (most recent call last)')) this.#phases.clear();
    // A line of a traceback: `File …, line 7, in load_model`.
    if (text.includes('in '))
      for (const [phase, pattern] of phasePatterns) if (pattern.test(text)) this.#phases.add(phase);
    // What is inside is called last: a trial run is no answer, though both execute the model.
    const { facts, isLoaded } = this.#load;
    const within = phaseOrder.find((phase) => this.#phases.has(phase));
    const phase = within ?? phaseByProgress(facts, isLoaded);
    if (phase) facts.phase = phase;
  }

  #applies({ servers, phase }: KnownFailure): boolean {
    const { facts } = this.#load;
    if (facts.server !== undefined && !servers.includes(facts.server)) {
      // llama-server inside Ollama, and the other way round.
      if (facts.server === 'vllm' || !servers.some((server) => server !== 'vllm')) return false;
    }
    return phase === undefined || facts.phase === phase;
  }

  #noteFailure(known: KnownFailure, text: string): void {
    const { facts, failures, hints } = this.#load;
    const [server, other] = known.servers;
    if (facts.server === undefined && other === undefined && !known.isOfOthersToo) set(facts, 'server', server);
    const list = known.weight === 'hint' ? hints : failures;
    if (list.length >= mostFailures || list.some((one) => one.known === known)) return;
    list.push({ known, line: { number: this.#lineNumber, text: withoutPrefix(text) } });
  }

  #noteLoaded(): void {
    this.#recover();
    this.#load.isLoaded = true;
  }

  /** It goes on, so what failed was an attempt. */
  #recover(): void {
    const { failures, facts } = this.#load;
    const [failure] = failures;
    if (!failure) return;
    this.#load.recovered ??= failure;
    failures.length = 0;
    delete facts.requested;
  }

  #noteRelevant(text: string): void {
    const line = { number: this.#lineNumber, text: withoutPrefix(text) };
    if (this.#firstRelevant.length < shownLines) this.#firstRelevant.push(line);
    else this.#lastRelevant = [...this.#lastRelevant.slice(-shownLines + 1), line];
  }
}

const longestLineChars = 1_000_000;
const mostFailures = 20;
const shownLines = 6;

function newLoad(before?: LoadFacts): Load {
  return { facts: newLoadFacts(before), failures: [], hints: [], isLoaded: false };
}

function isUnderstood({ facts, failures, hints, isLoaded }: Load): boolean {
  const hasSizes = [...facts.devices.values()].some(({ parts }) => parts.size > 0);
  const { weightsBytes, availableCacheBytes, cacheTokens } = facts.vllm;
  const hasVllm = weightsBytes !== undefined || availableCacheBytes !== undefined || cacheTokens !== undefined;
  return failures.length > 0 || hints.length > 0 || hasSizes || hasVllm || (isLoaded && facts.server !== undefined);
}

/** Of Ollama's programs only those that load a model; the others look for GPUs. */
const startMarks: readonly (readonly [piece: string, also: string])[] = [
  ['msg="starting llama-server"', ' --model '],
  ['msg="starting llama server"', ' --model '],
  ['msg="starting runner"', ' --model '],
  ['vLLM API server version', ''],
  ['LLM engine (v', ''],
  ['build_info:', ''],
];

/** Positive signs only; a log of anything else stays without a server. */
function serverOf(text: string): ServerKind | undefined {
  if (/\bvllm\b|EngineCore|VllmWorker|gpu_memory_utilization/.test(text)) return 'vllm';
  if (/\bollama\b|llama runner|\bOLLAMA_/i.test(text) || /level=\w{4,5} source=\w{2,20}\.go:\d/.test(text))
    return 'ollama';
  if (
    /^(?:\S{1,30} )?(?:llama_|ggml_|llm_load|load_tensors|print_info|common_)|llama-server|llama_server:|llama_model_load|\bsrv +load_model/.test(
      text,
    )
  )
    return 'llama.cpp';
  return undefined;
}

const phasePatterns: readonly (readonly [Phase, RegExp])[] = [
  ['capture', /\bcapture_model\b|\bcapture_begin\b|\bcapture_end\b|in _?capture_graphs?\b/],
  [
    'profile',
    /\bprofile_run\b|\bdetermine_available_memory\b|\bdetermine_num_available_blocks\b|\bprofile_num_available_blocks\b/,
  ],
  ['warmUp', /\bcompile_or_warm_up_model\b|\bkernel_warmup\b/],
  ['load', /\bcreate_weights\b|\bload_model\b|\bload_weights\b|\bprocess_weights_after_loading\b|\bmake_layers\b/],
  ['run', /\bexecute_model\b|\b_process_engine_step\b|\bstep_with_batch_queue\b/],
];
const phaseOrder: readonly Phase[] = ['capture', 'profile', 'warmUp', 'load', 'run'];

/** A traceback may be cut off. How far the start had come says as much: each step prints a line when it is done. */
function phaseByProgress({ vllm, server, contextTokens }: LoadFacts, isLoaded: boolean): Phase | undefined {
  if (server !== 'vllm') return undefined;
  if (isLoaded) return 'run';
  if (vllm.cacheTokens !== undefined) return vllm.graphBytes === undefined ? 'capture' : 'warmUp';
  if (vllm.availableCacheBytes !== undefined) return undefined;
  if (vllm.weightsBytes !== undefined) return 'profile';
  return contextTokens === undefined ? undefined : 'load';
}

const loadedPattern =
  /llama runner started in|llama-server started in|server is listening on|main: model loaded|llama_server: (?:model loaded|listening)|Application startup complete|init engine \(profile, create kv cache, warmup model\) took/;
const retryPattern = /retrying without pipeline parallelism/;
const relevantPattern =
  /\b(?:errors?|fail(?:ed|ure)?|out of memory|oom|killed|abort(?:ed)?|exception|insufficient)\b|\b(?:cuda|hip)Malloc\b|\bErro(?:r|re)\b|Fehler|erreur|\berror:|ошибка|错误|エラー/i;
