import { fenceFor } from '../chat/prompts.ts';
import type { ChatMessage } from '../clients/llmClient.ts';
import type { EditFormat } from './editFormat.ts';
import { linesShownAround } from './fitToPlace.ts';
import type { EditRequest } from './offer.ts';

export interface EditPrompt extends EditRequest {
  /** For the model: `src/app.ts`. */
  readonly fileName: string;
  readonly format: EditFormat;
  /** The user's own, which is said as well; empty: none. */
  readonly systemPrompt: string;
  /** Answers to the same request that the user wants otherwise, and how. */
  readonly earlier: readonly { readonly answer: string; readonly further: string }[];
}

const instructions: Readonly<Record<EditFormat, string>> = {
  whole:
    'You edit code inside an editor. Answer with the new version of the code you are asked to change, all of it, in one fenced block and without a word of explanation. Change only what is asked for. Never leave code out and never write a comment in its place. Keep the indentation.',
  searchReplace: `You edit code inside an editor. Answer only with blocks of this form, one for each change:

<<<<<<< SEARCH
lines of the code, copied exactly
=======
what they become
>>>>>>> REPLACE

Copy enough lines that they occur only once, and no more than that. Change only what is asked for. No explanation.`,
};

/** What changes from request to request comes last, so that a server's prefix cache can serve the rest. */
export function editMessages(prompt: EditPrompt): readonly ChatMessage[] {
  const { fileName, languageId, before, lines, after, wish, format, systemPrompt, earlier } = prompt;
  const parts = [
    `File: ${fileName}`,
    ...around('What stands before the code, for you to know:', before.slice(-linesShownAround), languageId),
    ...around('What stands after it:', after.slice(0, linesShownAround), languageId),
    lines.every((line) => line.trim() === '')
      ? 'The code to write goes in between.'
      : `The code to change:\n\n${fenced(lines, languageId)}`,
    wish,
  ];
  return [
    { role: 'system', text: [instructions[format], systemPrompt].filter(Boolean).join('\n\n') },
    { role: 'user', text: parts.join('\n\n') },
    ...earlier.flatMap(({ answer, further }): readonly ChatMessage[] => [
      { role: 'assistant', text: answer },
      { role: 'user', text: further },
    ]),
  ];
}

function around(title: string, lines: readonly string[], languageId: string): readonly string[] {
  return lines.some((line) => line.trim() !== '') ? [`${title}\n\n${fenced(lines, languageId)}`] : [];
}

function fenced(lines: readonly string[], languageId: string): string {
  const text = lines.join('\n');
  const fence = fenceFor(text);
  return `${fence}${languageId}\n${text}\n${fence}`;
}
