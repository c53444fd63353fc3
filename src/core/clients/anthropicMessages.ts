import type { ChatMessage, ChatRequest, ToolCall } from './llmClient.ts';
import type { ModelNotes } from './serverMemory.ts';
import { argumentsObject } from './toolCalls.ts';

/** What a request to the Messages API is made of. */

/** What the list of models says and requests depend on; a field is left out where the server does not say. */
export interface ModelRules {
  /** The largest `max_tokens` that the model takes. */
  readonly outputTokens?: number;
  readonly contextWindowTokens?: number;
  /** Which `thinking.type` it takes. */
  readonly thinkingTypes?: ThinkingTypes;
}

export interface ThinkingTypes {
  readonly enabled: boolean;
  readonly adaptive: boolean;
  readonly disabled: boolean;
}

/** The API demands a limit. This one every model of Anthropic accepts; it is used where the list says nothing. */
const cautiousOutputTokens = 4096;
/** Longer than chat answers get. More would be refused where prompt and limit together exceed the window, as older models do. */
const usualOutputTokens = 16_384;

/** Tokens for thinking; the API takes 1024 and more. They count as output, so they come on top of what the answer may have. */
const thinkingTokens = { low: 2048, medium: 8192, high: 16_384 } as const;
const leastThinkingTokens = 1024;

/** Without the fields that the server was found to refuse. */
export function messageBody(request: ChatRequest, rules: ModelRules, notes: ModelNotes): object {
  const { refusedFields } = notes;
  const limits = outputLimits(request, rules, notes);
  return {
    ...promptBody(request, notes),
    stream: true,
    max_tokens: limits.maxTokens,
    ...limits.thinking,
    ...(request.temperature === undefined || refusedFields.has('temperature')
      ? {}
      : { temperature: request.temperature }),
    ...(request.topP === undefined || refusedFields.has('topP') ? {} : { top_p: request.topP }),
    ...(request.stop === undefined ? {} : { stop_sequences: request.stop }),
  };
}

/** The part of a request that makes up the prompt; all of what `count_tokens` takes. */
export function promptBody({ model, messages, tools = [] }: ChatRequest, notes: ModelNotes): object {
  const system = messages.filter((message) => message.role === 'system').map((message) => message.text);
  const sentTools = notes.refusedFields.has('tools') ? [] : tools;
  return {
    model,
    messages: wireMessages(messages, sentTools.length > 0, notes),
    ...(system.length > 0 ? { system: system.join('\n\n') } : {}),
    ...(sentTools.length > 0
      ? {
          tools: sentTools.map(({ name, description, parameters }) => ({
            name,
            description,
            input_schema: parameters,
          })),
        }
      : {}),
  };
}

// ---- Limits and thinking ----------------------------------------------------------------------------------------------------------------------------

interface OutputLimits {
  readonly maxTokens: number;
  readonly thinking: object;
}

function outputLimits(request: ChatRequest, rules: ModelRules, notes: ModelNotes): OutputLimits {
  const mostTokens = rules.outputTokens ?? rules.contextWindowTokens ?? Number.POSITIVE_INFINITY;
  const usual = rules.outputTokens === undefined ? cautiousOutputTokens : usualOutputTokens;
  const answerTokens = request.maxOutputTokens ?? Math.min(usual, mostTokens);
  const level = notes.refusedFields.has('reasoning') ? undefined : request.reasoning;
  if (level === undefined || !takesThinking(level, rules) || isInsideForeignToolLoop(request, notes)) {
    return { maxTokens: answerTokens, thinking: {} };
  }
  if (level === 'off') return { maxTokens: answerTokens, thinking: { thinking: { type: 'disabled' } } };
  const wantedTokens = answerTokens + thinkingTokens[level];
  const maxTokens = Math.min(wantedTokens, Math.max(mostTokens, answerTokens));
  if (rules.thinkingTypes?.adaptive) {
    // These models return their thinking empty unless it is asked for.
    const thinking = { type: 'adaptive', display: 'summarized' };
    return { maxTokens, thinking: { thinking, output_config: { effort: level } } };
  }
  // Where there is not room for both, each gets half of it.
  const halfTokens = Math.max(leastThinkingTokens, Math.floor(maxTokens / 2));
  const budget = maxTokens === wantedTokens ? thinkingTokens[level] : Math.min(thinkingTokens[level], halfTokens);
  return { maxTokens, thinking: { thinking: { type: 'enabled', budget_tokens: budget } } };
}

/** False: the list says that the server would refuse it. */
export function takesThinking(level: NonNullable<ChatRequest['reasoning']>, { thinkingTypes }: ModelRules): boolean {
  if (!thinkingTypes) return true;
  return level === 'off' ? thinkingTypes.disabled : thinkingTypes.adaptive || thinkingTypes.enabled;
}

/**
 * With thinking on, the API wants the thinking that came before a tool call back with the tool's result. A conversation that began on another backend, or
 * before A2IA was started anew, has none.
 */
function isInsideForeignToolLoop({ messages }: ChatRequest, notes: ModelNotes): boolean {
  if (messages.findLast((message) => message.role !== 'system')?.role !== 'tool') return false;
  const caller = messages.findLast((message) => message.role === 'assistant');
  return !caller?.toolCalls?.some((call) => notes.thinkingBeforeCalls?.has(call.id));
}

// ---- Messages ---------------------------------------------------------------------------------------------------------------------------------------

interface WireMessage {
  readonly role: 'user' | 'assistant';
  readonly content: Block[];
}

type Block = object;

/** Neighbours of one role become one message: the results of several tools have to be, and the API does it with the others by itself. */
function wireMessages(messages: readonly ChatMessage[], withTools: boolean, notes: ModelNotes): readonly object[] {
  const merged: WireMessage[] = [];
  for (const message of messages) {
    if (message.role === 'system') continue;
    const role = message.role === 'assistant' ? 'assistant' : 'user';
    const content = blocksOf(message, withTools, notes);
    const last = merged.at(-1);
    if (last?.role === role) last.content.push(...content);
    else merged.push({ role, content });
  }
  return merged.filter(({ content }) => content.length > 0);
}

function blocksOf(message: ChatMessage, withTools: boolean, notes: ModelNotes): Block[] {
  switch (message.role) {
    case 'system':
      return [];
    case 'user': {
      const images = (message.images ?? []).map(({ mediaType, base64 }) => ({
        type: 'image',
        source: { type: 'base64', media_type: mediaType, data: base64 },
      }));
      return [...images, ...textBlocks(message.text)];
    }
    case 'tool':
      return withTools
        ? [{ type: 'tool_result', tool_use_id: message.toolCallId, content: message.text }]
        : textBlocks(`Result of ${message.toolName}:\n${message.text}`);
    case 'assistant': {
      const calls = message.toolCalls ?? [];
      const thinking = withTools ? calls.flatMap((call) => notes.thinkingBeforeCalls?.get(call.id) ?? []) : [];
      return [...thinking, ...textBlocks(message.text), ...calls.flatMap((call) => callBlocks(call, withTools))];
    }
  }
}

/** The API refuses a text block without text. */
function textBlocks(text: string): Block[] {
  return text === '' ? [] : [{ type: 'text', text }];
}

/** Where a request has no tools, the API refuses calls and results of earlier ones: they are told as text. */
function callBlocks({ id, name, argumentsJson }: ToolCall, withTools: boolean): Block[] {
  return withTools
    ? [{ type: 'tool_use', id, name, input: argumentsObject(argumentsJson) }]
    : textBlocks(`Called ${name} with ${argumentsJson}`);
}
