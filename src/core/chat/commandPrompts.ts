/** The questions of the commands. What they are about is attached to them, under the label that they name. */

export type CodeCommand = 'explain' | 'findBugs' | 'writeTests';

export function commandQuestion(command: CodeCommand, label: string): string {
  switch (command) {
    case 'explain':
      return `Explain ${label}: what it is for, how it works, and what in it is easily misunderstood.`;
    case 'findBugs':
      return `Find the bugs in ${label}. For each give the line, when it goes wrong and how to repair it. Leave out questions of style, and say so when there are none.`;
    case 'writeTests':
      return `Write tests for ${label}: the usual case, the limits and the failures. Use the test framework of the project if it can be seen, else the usual one of the language. Answer with one code block that can be saved as a file.`;
  }
}

/** What can be seen of the file that is open. */
export interface OpenFile {
  readonly languageId: string;
  /** `src/app.ts` */
  readonly label: string;
  /** Names of functions and classes, the most important first. */
  readonly symbols: readonly string[];
  readonly problemCount: number;
  /** `src/app.ts, lines 3 to 9`, when something is selected. */
  readonly selectionLabel?: string;
}

export interface Suggestion {
  readonly label: string;
  readonly text: string;
  readonly about: SuggestionSubject;
}

/** What has to be attached to a question so that it can be answered. `problems`: those of the file, and the file. */
export type SuggestionSubject = 'selection' | 'problems' | 'file';

/** Three questions that make sense for this file now. */
export function suggestionsFor({
  languageId,
  label,
  symbols,
  problemCount,
  selectionLabel,
}: OpenFile): readonly Suggestion[] {
  const [first, second] = symbols;
  const name = label.split(/[\\/]/).at(-1) ?? label;
  const suggestions: Suggestion[] = [];
  const suggest = (shown: string, text: string, about: SuggestionSubject = 'file') =>
    suggestions.push({ label: shown, text, about });
  if (selectionLabel) suggest('Explain the selection', commandQuestion('explain', selectionLabel), 'selection');
  if (problemCount > 0) {
    const problems = problemCount === 1 ? 'the problem' : `the ${problemCount} problems`;
    suggest(`Fix ${problems} in ${name}`, `How do I fix ${problems} in ${label}? Show the changed lines.`, 'problems');
  }
  if (/^(markdown|plaintext|restructuredtext|asciidoc|latex|tex)$/.test(languageId)) {
    suggest(`Summarise ${name}`, `Summarise ${label} in five sentences.`);
    suggest(`What is missing in ${name}?`, `What would somebody who reads ${label} for the first time miss in it?`);
    suggest(`Correct ${name}`, `List the mistakes of spelling and grammar in ${label}, each with its correction.`);
  } else if (/^(jsonc?|yaml|toml|ini|xml|dockerfile|dockercompose|properties|dotenv)$/.test(languageId)) {
    suggest(`What is in ${name}?`, `Explain what each part of ${label} is for.`);
    suggest(`Check ${name}`, `Which entries of ${label} are wrong, outdated, risky or without effect?`);
    suggest(`Comment ${name}`, `Which entries of ${label} need an explanation? Give it for each.`);
  } else {
    if (first) suggest(`What does ${first} do?`, commandQuestion('explain', `${first} in ${label}`));
    if (second) suggest(`Write tests for ${second}`, commandQuestion('writeTests', `${second} in ${label}`));
    suggest(`Find bugs in ${name}`, commandQuestion('findBugs', label));
    suggest(`What is ${name} for?`, commandQuestion('explain', label));
    suggest(`Write tests for ${name}`, commandQuestion('writeTests', label));
  }
  return suggestions.slice(0, 3);
}
