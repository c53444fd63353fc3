import { firstLine } from './completionText.ts';

/** A cursor in a document. Both texts have `\n` at line ends, and may be cut far from the cursor. */
export interface CursorPlace {
  /** The same for the same document. */
  readonly document: string;
  readonly before: string;
  readonly after: string;
}

interface Entry extends CursorPlace {
  readonly text: string;
}

const mostEntries = 40;
/** What is behind the cursor is compared so far: windows of text end differently. */
const comparedChars = 1_000;

/**
 * What was suggested where. Who types what was suggested, or goes back to where it was, is shown the rest of it without a request.
 */
export class CompletionCache {
  /** The newest is the last. */
  #entries: Entry[] = [];

  /** An empty text says that nothing came: it is not asked for again at the same place. */
  remember({ document, before, after }: CursorPlace, text: string): void {
    this.#entries.push({ document, before, after, text });
    if (this.#entries.length > mostEntries) this.#entries.shift();
  }

  /** The rest of a suggestion; empty: it is known that there is nothing. Undefined: nobody knows. */
  find(place: CursorPlace): string | undefined {
    for (let at = this.#entries.length - 1; at >= 0; at--) {
      const entry = this.#entries[at];
      const rest = entry && restOf(entry, place);
      if (rest !== undefined) return rest;
    }
    return undefined;
  }

  clear(): void {
    this.#entries = [];
  }
}

function restOf(entry: Entry, place: CursorPlace): string | undefined {
  if (entry.document !== place.document || !place.before.startsWith(entry.before)) return undefined;
  const typed = place.before.slice(entry.before.length);
  if (!entry.text.startsWith(typed)) return undefined;
  const rest = entry.text.slice(typed.length);
  // All of it was typed: what comes next is a new question.
  if (rest === '' && typed !== '') return undefined;
  const added = addedClosers(entry.after, place.after);
  if (added === undefined) return undefined;
  return added === '' ? rest : withoutClosers(rest, added);
}

/** What the editor has closed by itself since, right behind the cursor; undefined when the text there is another. */
function addedClosers(was: string, is: string): string | undefined {
  const closers = /^[)\]}>'"`]*/.exec(firstLine(is))?.[0] ?? '';
  for (let length = 0; length <= closers.length; length++) {
    if (is.slice(length, length + comparedChars) === was.slice(0, comparedChars)) return closers.slice(0, length);
  }
  return undefined;
}

/** The suggestion closes these as well: it ends before it does, on the same line. */
function withoutClosers(rest: string, closers: string): string | undefined {
  const at = rest.indexOf(closers);
  if (at <= 0) return undefined;
  const kept = rest.slice(0, at);
  return kept.includes('\n') ? undefined : kept;
}
