/** What can follow `@`, in the order in which it is offered. */
export const mentionKinds = ['selection', 'file', 'folder', 'symbol', 'problems', 'diff', 'terminal'] as const;
export type MentionKind = (typeof mentionKinds)[number];

export interface MentionQuery {
  /** Which kinds it may mean. */
  readonly kinds: readonly MentionKind[];
  /** What is searched in them. */
  readonly text: string;
  /** It names one kind, as in `file app`: then only that is meant. */
  readonly isNamed: boolean;
}

/** From what was typed after `@`: `file app` searches files; `app` everything; `fi` may begin `file`, or the name of one. */
export function parseMentionQuery(typed: string): MentionQuery {
  const text = typed.trim();
  const [, word = '', rest] = /^(\S*)(?:\s+(.*))?$/.exec(text) ?? [];
  const named = mentionKinds.find((kind) => kind === word.toLowerCase());
  if (named) return { kinds: [named], text: rest ?? '', isNamed: true };
  return { kinds: mentionKinds, text, isNamed: false };
}
