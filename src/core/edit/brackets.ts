/** How many brackets of each kind stay open, less those that were never opened; outside of strings and comments as far as all languages write them alike. */
export interface BracketBalance {
  readonly round: number;
  readonly square: number;
  readonly curly: number;
}

export function bracketBalance(lines: readonly string[]): BracketBalance {
  const counts = { '(': 0, '[': 0, '{': 0 };
  let state = outside;
  for (const line of lines) {
    state = countLine(line, state, counts);
    // A string of one line ends with it: an apostrophe in a comment or in JSX text opens none for the rest of the file.
    if (state === "'" || state === '"') state = outside;
  }
  return { round: counts['('], square: counts['['], curly: counts['{'] };
}

const outside = '';
type State = string;

/** The state: what would close the string or comment that is open. */
function countLine(line: string, from: State, counts: Record<'(' | '[' | '{', number>): State {
  let state = from;
  for (let at = 0; at < line.length; at++) {
    const rest = line.slice(at, at + 3);
    if (state !== outside) {
      if (rest[0] === '\\' && state !== '*/') at++;
      else if (rest.startsWith(state)) {
        at += state.length - 1;
        state = outside;
      }
      continue;
    }
    if (rest.startsWith('//') || rest[0] === '#') return state;
    if (rest.startsWith('/*')) state = '*/';
    else if (rest === '"""' || rest === "'''") {
      state = rest;
      at += 2;
    } else if (rest[0] === '"' || rest[0] === "'" || rest[0] === '`') state = rest[0];
    else if (rest[0] === '(' || rest[0] === '[' || rest[0] === '{') counts[rest[0]]++;
    else if (rest[0] === ')') counts['(']--;
    else if (rest[0] === ']') counts['[']--;
    else if (rest[0] === '}') counts['{']--;
  }
  return state;
}

const tag = /<(\/?)([A-Za-z][\w.:-]*)((?:[^<>"']|"[^"]*"|'[^']*'|=>)*?)(\/?)>/g;

/**
 * The elements that are closed more or less often than they are opened; of those alone that are closed somewhere, since `<br>` never is and `<T>` is none.
 * @param known more lines in which to look for ends
 */
export function unbalancedTags(lines: readonly string[], known: readonly string[] = []): ReadonlySet<string> {
  const open = new Map<string, number>();
  const closed = new Set(
    known.flatMap((line) => [...line.matchAll(/<\/([A-Za-z][\w.:-]*)/g)].map(([, name = '']) => name)),
  );
  for (const [, isClosing, name = '', , isEmpty] of lines.join('\n').matchAll(tag)) {
    if (isEmpty) continue;
    if (isClosing) closed.add(name);
    open.set(name, (open.get(name) ?? 0) + (isClosing ? -1 : 1));
  }
  return new Set([...closed].filter((name) => (open.get(name) ?? 0) !== 0));
}
