import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { addAbortSignal } from 'node:stream';
import { explained, explainMemoryFailure } from '../core/chat/failureReason.ts';
import { describeProgress } from '../core/chat/progress.ts';
import { askMessages, type ContextPiece } from '../core/chat/prompts.ts';
import { generationSettings, runRequest, type Answer } from '../core/chat/session.ts';
import type { BackendError } from '../core/clients/errors.ts';
import type { ChatEvent } from '../core/clients/llmClient.ts';
import type { BackendRegistry, Choice } from '../core/clients/registry.ts';
import type { CommonOptions } from './arguments.ts';
import { exitCodes, type ExitCode } from './exitCodes.ts';
import type { Output } from './output.ts';
import { UsageError } from './usageError.ts';

export interface AskOptions extends CommonOptions {
  readonly question: string | undefined;
  readonly files: readonly string[];
}

/**
 * Asks once and streams the answer.
 * @throws UsageError, BackendError
 */
export async function ask(
  options: AskOptions,
  registry: BackendRegistry,
  output: Output,
  signal: AbortSignal,
): Promise<ExitCode> {
  const { settings, json } = options;
  const question = (options.question ?? (await readQuestion(signal))).trim();
  signal.throwIfAborted();
  if (question === '') throw new UsageError('The question is empty.');
  const context = await Promise.all(options.files.map(readContext));
  const choice = await registry.choose(settings, signal);
  const request = {
    model: choice.model,
    messages: askMessages(question, context, settings.systemPrompt),
    ...generationSettings(settings),
  };
  const show = async (event: ChatEvent) => {
    if (event.type === 'finish') return;
    if (event.type === 'progress') return output.progress(describeProgress(event));
    if (json) return output.line(event);
    if (event.type === 'text') return output.text(event.delta);
    if (event.type === 'warning') output.note(`a2ia: ${event.message}`);
  };
  if (choice.isStandIn) await show({ type: 'warning', message: choice.reason });
  const answered = await runRequest(choice.client, request, signal, show, context);
  const answer = await explained(answered, explainMemoryFailure, { choice, settings }, signal);
  if (!json && answer.text !== '' && !answer.text.endsWith('\n')) await output.text('\n');
  return report(answer, choice, json, output);
}

async function report(answer: Answer, choice: Choice, json: boolean, output: Output): Promise<ExitCode> {
  const { outcome, speed } = answer;
  const who = { backend: choice.client.backend, model: choice.model };
  switch (outcome.type) {
    case 'failed':
      throw outcome.error;
    case 'stopped':
      if (json) await output.line({ type: 'finish', reason: 'stopped', ...who });
      return exitCodes.stopped;
    case 'finished':
      if (json) await output.line({ type: 'finish', reason: outcome.reason, ...who, usage: outcome.usage, speed });
      else output.progress(summary(answer, choice));
      return exitCodes.finished;
  }
}

function summary({ outcome, speed }: Answer, choice: Choice): string {
  const parts = [choice.client.backend, choice.model];
  if (outcome.type === 'finished') {
    if (outcome.usage.outputTokens) parts.push(`${outcome.usage.outputTokens} tokens`);
    if (speed.tokensPerSecond) parts.push(`${speed.tokensPerSecond.toFixed(1)} tokens/s`);
    if (outcome.reason === 'length') parts.push('stopped at the length limit');
  }
  return parts.join(' · ');
}

/** @throws the signal's reason, when whoever writes the question is not waited for any longer */
async function readQuestion(signal: AbortSignal): Promise<string> {
  const { stdin } = process;
  if (stdin.isTTY) throw new UsageError('Give a question: a2ia ask "question"');
  const chunks: Buffer[] = [];
  for await (const chunk of addAbortSignal(signal, stdin)) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

async function readContext(file: string): Promise<ContextPiece> {
  const bytes = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    const why =
      error.code === 'ENOENT'
        ? 'there is no such file'
        : error.code === 'EISDIR'
          ? 'it is a folder'
          : (error.code ?? error.message);
    throw new UsageError(`--file ${file}: ${why}.`);
  });
  if (bytes.includes(0)) throw new UsageError(`--file ${file}: it is not a text file.`);
  return { label: file, languageId: path.extname(file).slice(1), text: bytes.toString('utf8') };
}

/** For people: what happened, the server's words, what to do. */
export function describeError(error: BackendError): string {
  const words = error.serverMessage ? `\n  It says: ${error.serverMessage}` : '';
  return `a2ia: ${error.message}${words}\n  ${error.hint}`;
}
