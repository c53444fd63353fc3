/**
 * How well the letters of `query` are found in `path`, in their order; undefined when they are not. Higher is better: letters of the name weigh more than
 * those of its folders, and so do letters that follow each other or begin a word.
 */
export function fuzzyMatch(query: string, path: string): number | undefined {
  const wanted = query.toLowerCase().replace(/\s+/g, '');
  if (wanted === '') return 0;
  const nameAt = path.lastIndexOf('/') + 1;
  // What is in the name is found there, though its letters may be in the folders too.
  const inName = matchFrom(wanted, path, nameAt);
  const score = inName === undefined ? matchFrom(wanted, path, 0) : inName + 3 * wanted.length;
  return score === undefined ? undefined : score - path.length / 1000;
}

function matchFrom(wanted: string, path: string, from: number): number | undefined {
  const lower = path.toLowerCase();
  const whole = lower.indexOf(wanted, from);
  if (whole >= 0) return wanted.length * 3 + (startsWord(path, whole) ? 5 : 0) + (whole === from ? 5 : 0);
  let score = 0;
  let previous = -2;
  let at = from;
  for (const letter of wanted) {
    const found = lower.indexOf(letter, at);
    if (found < 0) return undefined;
    score += 1 + (found === previous + 1 ? 1 : 0) + (startsWord(path, found) ? 3 : 0);
    previous = found;
    at = found + letter.length;
  }
  return score;
}

function startsWord(path: string, at: number): boolean {
  const before = path.charAt(at - 1);
  return before === '' || /[^\p{L}\p{N}]/u.test(before) || (/\p{Lu}/u.test(path.charAt(at)) && /\p{Ll}/u.test(before));
}
