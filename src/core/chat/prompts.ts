import type { ChatMessage } from '../clients/llmClient.ts';

/** A piece of the user's workspace that goes along with a question, shown to the user before it is sent. */
export interface ContextPiece {
  /** For people and for the model: `src/app.ts, lines 3 to 9`. */
  readonly label: string;
  readonly languageId: string;
  readonly text: string;
}

/** Short: every token of it is taken from a small model's window. */
export const defaultSystemPrompt =
  'You are a programming assistant inside a code editor. Answer briefly and to the point, in Markdown, with code in fenced blocks.';

/** The messages of a single question. */
export function askMessages(
  question: string,
  context: readonly ContextPiece[],
  systemPrompt: string,
): readonly ChatMessage[] {
  return [systemMessage(systemPrompt), { role: 'user', text: questionText(question, context.map(renderPiece)) }];
}

export function systemMessage(systemPrompt: string): ChatMessage {
  return { role: 'system', text: systemPrompt || defaultSystemPrompt };
}

/** What changes from question to question comes last, so that a server's prefix cache can serve the rest. */
export function questionText(question: string, pieces: readonly string[]): string {
  return [...pieces, question].join('\n');
}

/** A piece of context as the model reads it. */
export function renderPiece({ label, languageId, text }: ContextPiece): string {
  const fence = fenceFor(text);
  return `${label}:\n\n${fence}${languageId}\n${text.replace(/\n+$/, '')}\n${fence}\n`;
}

/** A fence longer than any in the text, so that the text cannot close it. */
export function fenceFor(text: string): string {
  let longest = 2;
  // One by one: as arguments of one call, those of a large text overflow the stack.
  for (const [ticks] of text.matchAll(/`{3,}/g)) longest = Math.max(longest, ticks.length);
  return '`'.repeat(longest + 1);
}
