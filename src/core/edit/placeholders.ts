/**
 * Lines with which a model leaves out code: “// ... rest of the code unchanged ...”, “# existing code”, “...”. Only what the answer has and the code has not:
 * `...` is a statement in Python, and a comment may say so.
 */
export function placeholdersIn(lines: readonly string[], oldLines: readonly string[]): readonly string[] {
  const known = new Set(oldLines.map((line) => line.trim()));
  return lines.map((line) => line.trim()).filter((line) => !known.has(line) && isPlaceholder(line));
}

const commentMarks = /^(?:\/\/+|#+|--+|;+|%+|\/\*+|\*+|<!--|\{\s*\/\*|"{3}|'{3})\s*|\s*(?:\*\/\s*\}?|-->|"{3}|'{3})$/g;
const dots = /^(?:\.{3,}|…+)|(?:\.{3,}|…+)$/;
const what =
  /\b(?:code|codes|function|functions|method|methods|implementation|logic|imports?|class|classes|file|content|contents|lines?|body|rest|part|section|fields?|properties|variables|cases?|items?|elements?|rules?|styles?|tests?|handlers?|definitions?|stuff|everything)\b/i;
const stays =
  /\b(?:rest of|remain(?:s|ing|der)?|unchanged|existing|same as|previous(?:ly)?|as before|as is|omitted|truncated|skipped|goes? here|stays?|your .* here|other|similar(?:ly)?|continues?|snip(?:ped)?|elided|no changes?|not changed|keep)\b/i;

function isPlaceholder(line: string): boolean {
  if (/^(?:\[|<|\()?\s*(?:\.{3,}|…+)\s*(?:\]|>|\))?[;,]?$/.test(line)) return true;
  const isComment = commentMarks.test(line);
  commentMarks.lastIndex = 0;
  const words = line
    .replace(commentMarks, '')
    .replace(/^[-=*\s]+|[-=*\s]+$/g, '')
    .trim();
  // Spread syntax and calls that end in dots are code.
  const hasDots = dots.test(words) && (isComment || !/^\.{3}[\w$([{'"`]|["'`;,)]\s*$/.test(line));
  if (!isComment && !hasDots && !/^[[<(].*[\])>]$/.test(words)) return false;
  if (words.length > 120) return false;
  if (hasDots)
    return /^(?:\.{3,}|…+)$/.test(words) || stays.test(words) || (what.test(words) && /^[.…(\s]/.test(words));
  return stays.test(words) && what.test(words) && isShortClause(words);
}

/** “Keep the existing code path for old files” explains; “existing code” stands for it. */
function isShortClause(words: string): boolean {
  return (
    words.split(/\s+/).length <= 7 && !/\b(?:because|if|when|since|so that|must|should|for|from|into|by)\b/i.test(words)
  );
}
