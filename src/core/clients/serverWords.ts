/** What a server says is wrong, whatever the shape it says it in. */
export interface ServerWords {
  /** The innermost text: what proxies and Ollama wrap is unwrapped. */
  readonly message: string;
  readonly type?: string;
  readonly code?: string;
  /** llama-server's counts of an overflow. */
  readonly promptTokens?: number;
  readonly contextTokens?: number;
  /** Where Ollama's cloud lets one sign in. */
  readonly signInUrl?: string;
}

/** How deep servers have been seen to wrap one another's answers: a gateway's text around a server's JSON around an engine's JSON. */
const deepestNesting = 3;
/** Longer plain text is no sentence. */
const plainTextLimitChars = 500;

/** Of a whole body. Ollama's router answers in plain text: "404 page not found". */
export function serverWords(body: string): ServerWords | undefined {
  const trimmed = body.trim();
  return wordsInJson(trimmed) ?? (trimmed.length < plainTextLimitChars ? { message: trimmed } : undefined);
}

export function wordsInJson(text: string): ServerWords | undefined {
  try {
    return wordsOf(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/**
 * `{"error": {…}}`, `{"error": "text"}`, `{"object": "error", "message": …}`, `{"detail": …}`, and all of these as JSON inside a string, as Ollama and
 * gateways pass on what the engine behind them said.
 */
export function wordsOf(payload: unknown, depth = 0): ServerWords | undefined {
  if (depth > deepestNesting) return undefined;
  if (typeof payload === 'string') return wordsInText(payload, depth);
  if (typeof payload !== 'object' || payload === null) return undefined;
  if (Array.isArray(payload)) return wordsOf(payload[0], depth + 1);
  const fields = payload as Record<string, unknown>;
  const inner = wordsOf(fields['error'] ?? fields['detail'] ?? undefined, depth + 1);
  const text = fields['message'] ?? fieldProblem(fields);
  const nested = inner ?? (typeof text === 'string' ? wordsInText(text, depth) : undefined);
  if (!nested) return undefined;
  return {
    ...string('type', fields['type'] ?? fields['error_type']),
    ...string('code', fields['code']),
    ...count('promptTokens', fields['n_prompt_tokens']),
    ...count('contextTokens', fields['n_ctx']),
    ...string('signInUrl', fields['signin_url']),
    ...nested,
  };
}

/** FastAPI's `{"loc": ["body", "messages"], "msg": "Field required"}`. */
function fieldProblem({ loc, msg }: Record<string, unknown>): unknown {
  return Array.isArray(loc) && typeof msg === 'string' ? `${loc.join('.')}: ${msg}` : msg;
}

function wordsInText(text: string, depth: number): ServerWords {
  const start = text.indexOf('{');
  if (start >= 0) {
    const end = text.lastIndexOf('}') + 1;
    try {
      const nested = wordsOf(JSON.parse(text.slice(start, end)), depth + 1);
      if (nested) return nested;
    } catch {
      // A brace in ordinary prose.
    }
  }
  return { message: withoutQuotedInput(text) };
}

/** Older vLLM servers quote the whole request, prompt and all, when a field of it is wrong. */
function withoutQuotedInput(text: string): string {
  return text.replace(/, ["']input["']: [{[][^]*$/, ' …');
}

function string<Name extends 'type' | 'code' | 'signInUrl'>(name: Name, value: unknown): { [key in Name]?: string } {
  if (typeof value !== 'string' && typeof value !== 'number') return {};
  return { [name]: String(value) } as { [key in Name]?: string };
}

function count<Name extends 'promptTokens' | 'contextTokens'>(name: Name, value: unknown): { [key in Name]?: number } {
  return typeof value === 'number' && value > 0 ? ({ [name]: value } as { [key in Name]?: number }) : {};
}
