import { type Dialect, dialectOf, event } from './dialects.ts';

/** How the server of each backend fills a gap in a text. */
export interface FimDialect {
  readonly dialect: Dialect;
  readonly path: string;
  text(delta: string): string;
  finish(reason?: 'stop' | 'length', promptMs?: number): string;
  /** What it was told of the gap: before it and after it, as far as it gets both apart. */
  gapOf(body: Readonly<Record<string, unknown>>): readonly unknown[];
}

const line = (fields: object) => `${JSON.stringify({ model: 'm', response: '', done: false, ...fields })}\n`;
const choice = (fields: object) => event({ choices: [{ index: 0, text: '', finish_reason: null, ...fields }] });

export const vllmFim: FimDialect = {
  dialect: dialectOf('vllm'),
  path: '/v1/completions',
  text: (delta) => choice({ text: delta }),
  finish: (reason = 'stop') => `${choice({ finish_reason: reason })}data: [DONE]\n\n`,
  gapOf: ({ prompt }) => [prompt],
};

export const fimDialects: readonly FimDialect[] = [
  {
    dialect: dialectOf('ollama'),
    path: '/api/generate',
    text: (delta) => line({ response: delta }),
    finish: (reason = 'stop', promptMs = 2) =>
      line({ done: true, done_reason: reason, prompt_eval_count: 7, prompt_eval_duration: promptMs * 1e6 }),
    gapOf: ({ prompt, suffix }) => [prompt, suffix],
  },
  vllmFim,
  {
    dialect: dialectOf('openai-compatible'),
    path: '/infill',
    text: (delta) => event({ content: delta, stop: false }),
    finish: (reason = 'stop', promptMs = 2) =>
      event({
        content: '',
        stop: true,
        stop_type: reason === 'length' ? 'limit' : 'eos',
        tokens_evaluated: 7,
        timings: { prompt_ms: promptMs },
      }),
    gapOf: ({ input_prefix, input_suffix }) => [input_prefix, input_suffix],
  },
];
