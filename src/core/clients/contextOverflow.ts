import type { ServerWords } from './serverWords.ts';

export interface ContextOverflow {
  readonly promptTokens?: number;
  readonly contextTokens?: number;
  /** vLLM stops to count one token past its limit. */
  readonly promptIsLonger: boolean;
}

/**
 * How servers say that a prompt does not fit. Each needs more than the word "context": what the user does next is to throw context away, which an unrelated
 * error must not cause.
 */
const wordings: readonly RegExp[] = [
  // OpenAI; vLLM in four generations; SGLang's second wording.
  /maximum context length (?:is|of) (?<context>\d+)/i,
  /context length is only (?<context>\d+)/i,
  // llama-server, also inside Ollama; its older text has no number.
  /exceeds? the available context size(?: \((?<context>\d+))?/i,
  /too large to process\. increase the physical batch size/i,
  // SGLang, Together.
  /longer than the model's context length(?: \((?<context>\d+))?/i,
  // TGI.
  /max_new_tokens` must be <= (?<context>\d+)/i,
  /inputs`? must have less than (?<context>\d+) tokens/i,
  // Anthropic.
  /prompt is too long: (?<prompt>\d+) tokens > (?<context>\d+)/i,
  /exceed context limit: (?<prompt>\d+) \+ \d+ > (?<context>\d+)/i,
  // Ollama.
  /input length exceeds the context length/i,
  /prompt is longer than the context length/i,
  // LM Studio.
  /n_keep \(?(?<prompt>\d+)\)? >= n_ctx \(?(?<context>\d+)/i,
  /keep the first (?<prompt>\d+) tokens when context the overflows(?:[^]*?context length of only (?<context>\d+))?/i,
  /tokens to keep from the initial prompt is greater than the context length/i,
  /context size has been exceeded/i,
  // OpenAI's Responses, and gateways.
  /exceeds the context window/i,
  /input tokens exceed the configured limit of (?<context>\d+)/i,
  /maximum prompt length is (?<context>\d+)/i,
  // What they say in `type` or `code`, and LiteLLM in its text.
  /context_length_exceeded|exceed_context_size_error|contextwindowexceeded/i,
];

/** In the order of trust: "you requested 5000 tokens (4000 in the messages, …)" has two numbers. */
const promptWordings: readonly RegExp[] = [
  /(?<prompt>\d+) (?:in (?:the messages|your prompt)|tokens from the input)/i,
  /(?:request has|at least|passed|contains|resulted in) (?<prompt>\d+)(?: input)? tokens/i,
  /(?:request|input) \((?<prompt>\d+) tokens\)/i,
  /given: (?<prompt>\d+)/i,
];

/** Undefined: the server speaks of something else. */
export function contextOverflow(said: ServerWords): ContextOverflow | undefined {
  const text = `${said.message} ${said.type} ${said.code}`;
  const matches = wordings.map((wording) => wording.exec(text)).filter((match) => match !== null);
  if (matches.length === 0) return undefined;
  const contextTokens = said.contextTokens ?? firstNumber(matches, 'context');
  const promptMatches = promptWordings.map((wording) => wording.exec(text)).filter((match) => match !== null);
  const promptTokens = said.promptTokens ?? firstNumber([...matches, ...promptMatches], 'prompt');
  return {
    promptIsLonger: /at least \d+ input tokens/i.test(text),
    ...(promptTokens === undefined ? {} : { promptTokens }),
    ...(contextTokens === undefined ? {} : { contextTokens }),
  };
}

function firstNumber(matches: readonly RegExpExecArray[], group: 'context' | 'prompt'): number | undefined {
  const digits = matches.find((match) => match.groups?.[group] !== undefined)?.groups?.[group];
  return digits === undefined ? undefined : Number(digits);
}
