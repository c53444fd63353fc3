/** What code is about, as far as its names say, in any language: by what they look like, without a grammar. */

const modifiers =
  'export|default|public|private|protected|internal|static|final|abstract|async|override|virtual|unsafe|open|sealed|data|inline|const|extern|declare|readonly|get|set|pub(?:\\([a-z]+\\))?';
const kinds =
  'function\\*?|def|fn|func|fun|class|interface|struct|enum|trait|type|module|namespace|sub|proc|record|object|protocol|impl';

const definitions: readonly RegExp[] = [
  // function total, class Stats, func (s *Store) Load
  new RegExp(`^\\s*(?:(?:${modifiers})\\s+)*(?:${kinds})\\s+(?:\\([^)]*\\)\\s*)?([A-Za-z_$][\\w$]*)`),
  // const total = (items) =>
  /^\s*(?:export\s+)?(?:const|let|var|val)\s+([A-Za-z_$][\w$]*)\s*(?::[^=]+)?=\s*(?:async\s*)?(?:\([^)]*\)|[A-Za-z_$][\w$]*)\s*(?::[^=]+)?=>/,
  // total(items: Item[]): number {
  new RegExp(
    `^\\s*(?:(?:${modifiers})\\s+)*(?:[A-Za-z_][\\w<>[\\],.?*&:]*\\s+)?[*&]?(#?[A-Za-z_$][\\w$]*)\\s*(?:<[^<>]*>)?\\([^;]*\\)\\s*(?::\\s*[^{;=]+|const|throws [\\w., ]+)?\\s*\\{\\s*$`,
  ),
];

/** `int list_length(const struct list *list)`, with its brace on the next line. */
const definitionInC =
  /^\s*(?!return|throw|else|new|await|case|goto)[A-Za-z_][\w<>:,*&\s]*[\s*&]([A-Za-z_]\w*)\([^;]*\)$/;

const statements =
  /^(?:if|for|while|switch|catch|return|else|do|try|with|match|when|until|unless|using|lock|foreach|synchronized|function|new|await|in|of)$/;

/** The name of the function, type or the like that the line begins to define. */
export function definedName(line: string, languageId: string): string | undefined {
  const isC = /^(?:c|cpp|csharp|java|objective-c|dart)$/.test(languageId);
  for (const definition of isC ? [...definitions, definitionInC] : definitions) {
    const name = definition.exec(line)?.[1];
    if (name !== undefined && !statements.test(name)) return name;
  }
  return undefined;
}

/** Words that any code has say nothing of what it is about. */
const keywords = new Set(
  'abstract and any async await bool boolean break case catch char class const continue def default del delete double elif else end enum err error except export extends false final finally float for foreach from func function global goto implements import int interface lambda let local long loop match mod module mut namespace new nil None not null number object override package pass print private protected pub public raise readonly return self static str string struct super switch then this throw throws trait true True False try type typeof undefined union unsigned using val value var void when where while with yield'.split(
    ' ',
  ),
);

export function namesIn(lines: readonly string[]): ReadonlySet<string> {
  const words = lines.flatMap((line) => line.match(/[\p{L}_$][\p{L}\p{N}_$]{2,}/gu) ?? []);
  return new Set(words.filter((word) => !keywords.has(word)));
}
