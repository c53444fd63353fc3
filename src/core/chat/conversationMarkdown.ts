import type { Conversation } from './conversation.ts';

/** The path that is shown, as a Markdown document. */
export function exportMarkdown(conversation: Conversation): string {
  const parts = conversation
    .path()
    .map(({ role, text }) => `## ${role === 'question' ? 'Question' : 'Answer'}\n\n${text}\n`);
  return [`# ${conversation.title}\n`, ...parts].join('\n');
}
