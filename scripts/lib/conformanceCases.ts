import type { BackendId } from '../../src/core/clients/llmClient.ts';

/** One way in which servers have been seen to behave, and what a client makes of it. */
export interface ConformanceCase {
  readonly number: number;
  readonly text: string;
  /** Clients that cannot meet it, with the reason. */
  readonly notFor: Readonly<Partial<Record<BackendId, string>>>;
}

const wire = { embedded: 'no network between' } as const;
const events = { ...wire, ollama: 'sends lines, not events' } as const;
const chunks = { ...events, anthropic: 'has no chat completions' } as const;
const not = (reason: string, ...clients: readonly BackendId[]) =>
  Object.fromEntries(clients.map((client) => [client, reason])) as ConformanceCase['notFor'];
const onlyOllama = not('Ollama’s own', 'vllm', 'openai-compatible', 'openai', 'anthropic', 'embedded');
const onlyCompatible = not('another server’s', 'ollama', 'vllm', 'openai', 'anthropic', 'embedded');
const calls = {
  ...not('gives whole calls', 'ollama', 'embedded'),
  ...not('has its own blocks for calls', 'anthropic'),
};
const forUs = not('manages models itself, and says what they can', 'openai', 'anthropic');

const rows: readonly (readonly [text: string, notFor?: ConformanceCase['notFor']])[] = [
  ['No headers for minutes: stays connected; no hidden limit.', wire],
  ['Silence inside the answer: stays connected until the limit of the settings.', wire],
  ['The first-byte limit passes: says so, names the setting, closes.', wire],
  ['Nothing listens: says so at once, with the way to start it.', wire],
  ['An unknown name: says so.', wire],
  ['A certificate that is not trusted: named, with the setting that accepts it.', wire],
  ['https to http and the other way round: proposes the right address.', wire],
  ['Ports that browsers refuse: work.', wire],
  ['Addresses with and without /v1, slash and prefix: the same endpoints.', wire],
  ['A key with a line break, a space, a foreign letter: trimmed or refused, never shown.', wire],
  ['Keys, headers and addresses of the environment: reach no server.', wire],
  ['A redirect: told, not followed; no key goes along.', wire],
  ['A kept connection closed by the server: replaced once, before the first byte only.', wire],
  ['Compression: not asked for; refused when it comes anyway.', wire],
  ['Any cut of any byte, and CRLF: the same text.', wire],
  ['Comments as pings: ignored, and no silence.', events],
  ['Events without data: ignored.', events],
  ['[DONE] without a space: ends.', chunks],
  ['The end marker, and the connection stays open: done at once.', wire],
  ['A finish reason without [DONE]: an end.', chunks],
  ['No end marker: truncated; what came is kept.', wire],
  ['A last event without its blank line: counts.', wire],
  ['An error after text: thrown with the server’s words; the text is kept.', wire],
  ['Errors in streams in all their shapes: the same error.', events],
  ['A JSON error under 200: an error.', wire],
  ['A web page under 200: not a model server.', wire],
  ['Chunks without choices or delta: ignored.', chunks],
  ['Usage in every place, zeros too: the last one that counts.', chunks],
  ['stream_options refused: left out, once, and remembered.', chunks],
  ['Data over several lines: one event.', events],
  ['5 MB in one event: read; 100 MB: refused, without the memory.', wire],
  ['Broken JSON: a protocol error that does not quote it.', { ...events, ollama: 'skips such lines: case 48' }],
  ['The connection breaks: says so, keeps the text, sends nothing again.', wire],
  ['Reasoning in either field or both: once, and never in the answer.', chunks],
  [
    '<think> tags in the text, whatever the cuts: told apart.',
    not('has its own field for it', 'ollama', 'openai', 'anthropic', 'embedded'),
  ],
  ['Ollama’s thinking that was not asked for: reasoning.', onlyOllama],
  ['All output used up by reasoning: says so.', not('limits reasoning by itself', 'anthropic', 'embedded')],
  ['An empty answer to a prompt that fills the window: an overflow.', onlyCompatible],
  ['Arguments in pieces over two calls: two calls.', calls],
  ['Indices, ids, names missing or repeated: one call.', calls],
  ['The same index with a new id: a second call.', calls],
  ['Arguments as object, null, empty text: JSON.', calls],
  ['Arguments that are no JSON: for the model to hear, no exception.', calls],
  ['Finish reason “stop” with calls: a turn of tools.', calls],
  ['Ollama: calls in the last object alone: given.', onlyOllama],
  [
    'A call without an id: gets one; goes back as each server wants it.',
    not('every call has an id', 'openai', 'anthropic', 'embedded'),
  ],
  ['Tools refused: left out with a word, remembered.', { ...forUs, ...not('its models take none', 'embedded') }],
  ['Ollama: lines that are no JSON: skipped and counted.', onlyOllama],
  ['Ollama: an error line: an error; the text is kept.', onlyOllama],
  ['Ollama: no last object: truncated.', onlyOllama],
  ['Ollama: counters left out: unknown, not 0.', onlyOllama],
  ['Ollama: one object for load and unload: taken.', onlyOllama],
  ['Ollama: a pull of an unknown model: says so.', onlyOllama],
  ['Ollama: progress of a pull: monotone.', onlyOllama],
  ['Ollama: an unknown model: says how to fetch it.', onlyOllama],
  ['Ollama: no memory, no load: says so, no second try.', onlyOllama],
  ['Ollama: busy: tried twice again.', onlyOllama],
  ['Ollama: JSON inside the error: both numbers.', onlyOllama],
  ['Ollama: the same load options from every feature.', onlyOllama],
  ['Ollama: an old server cuts the prompt: a warning, once.', onlyOllama],
  ['Ollama: a smaller window than asked for: counts.', onlyOllama],
  ['Ollama: 403 without a body: says what to set.', onlyOllama],
  ['Error bodies of every shape: the kind, and the server’s words.', wire],
  ['Overflows in every wording: told with numbers; other errors are not.', wire],
  ['401: asks for the key of that server.', wire],
  ['Retry-After: kept when short, told when long; a quota is not retried.', wire],
  ['Busy: tried again, before the first byte only.', wire],
  ['llama-server loads: waited for, and can be stopped.', onlyCompatible],
  [
    'Images refused: says so, no second try.',
    not('says so in another way', 'ollama', 'openai', 'anthropic', 'embedded'),
  ],
  ['Pages of proxies: gateway, without their HTML.', wire],
  [
    'OpenAI: refused parameters: replaced or left out, remembered.',
    not('OpenAI’s own', 'ollama', 'vllm', 'openai-compatible', 'anthropic', 'embedded'),
  ],
  ['No gap filling: the model’s own tokens, or told once.', not('has no completion of text', 'openai', 'anthropic')],
  ['LM Studio’s 200 for a path it does not have: no success.', onlyCompatible],
  ['Stop at any moment: ends, closes, throws nothing.'],
  ['A reader that stops: closes.'],
  ['One of two stopped: the other goes on.'],
  ['1000 requests on one signal: no listener is left.'],
  ['Stop after the end: nothing.'],
  ['Odd lists of models: a list.', not('has its own list', 'ollama', 'anthropic', 'embedded')],
  [
    'vLLM’s metrics, old and new names: values or unknown.',
    not('vLLM’s own', 'ollama', 'openai-compatible', 'openai', 'anthropic', 'embedded'),
  ],
  ['Model ids with / : % and spaces: as they are.', not('no model in an address', 'anthropic', 'embedded')],
  ['Another server on the same port: noticed.', { ...wire, ...not('never chosen by itself', 'openai', 'anthropic') }],
  [
    'A path in place of an image: never read.',
    not('takes bytes only', 'vllm', 'openai-compatible', 'openai', 'anthropic', 'embedded'),
  ],
];

export const conformanceCases: readonly ConformanceCase[] = rows.map(([text, notFor = {}], index) => ({
  number: index + 1,
  text,
  notFor,
}));
