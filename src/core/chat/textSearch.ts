/** Longer excerpts do not fit into a line of the list. */
const wordsBefore = 30;
const excerptChars = 120;

/** The query as patterns: first the whole of it, then each word. Undefined: nothing was asked for. */
export interface SearchWords {
  readonly phrase: RegExp;
  readonly words: readonly RegExp[];
}

export function searchWords(query: string): SearchWords {
  const words = query.split(/\s+/u).filter((word) => word !== '');
  return { phrase: anyCase(words.map(literally).join('\\s+')), words: words.map((word) => anyCase(literally(word))) };
}

/** Some words around the place where the phrase was found, else its first word. Undefined when not all words are in the texts. */
export function excerptOf(texts: readonly string[], { phrase, words }: SearchWords): string | undefined {
  if (!words.every((word) => texts.some((text) => word.test(text)))) return undefined;
  for (const pattern of [phrase, ...words]) {
    for (const text of texts) {
      const at = text.search(pattern);
      if (at >= 0) return around(text, at);
    }
  }
  return texts[0];
}

function around(text: string, at: number): string {
  const start = Math.max(at - wordsBefore, 0);
  const end = start + excerptChars;
  // At the edges of words where there are some, and never inside of a character.
  const piece = text.slice(start, end).replaceAll(/^[\udc00-\udfff]|[\ud800-\udbff]$/g, '');
  const trimmed = start > 0 ? piece.replace(/^\S{0,15}\s/u, '') : piece;
  return `${start > 0 ? '…' : ''}${trimmed.replaceAll(/\s+/gu, ' ').trim()}${end < text.length ? '…' : ''}`;
}

function literally(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}

function anyCase(source: string): RegExp {
  return new RegExp(source, 'iu');
}
