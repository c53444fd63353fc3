import { readFileSync } from 'node:fs';
import path from 'node:path';

const folder = path.join(import.meta.dirname, '..', 'fixtures', 'edits', 'files');

export interface ProjectFile {
  /** Undefined for a file that is not there yet. */
  readonly code: string | undefined;
  readonly becomes: string;
}

/** An answer about several files, and what has to become of each. */
export interface FilesCase {
  readonly title: string;
  readonly answer: string;
  readonly expected: ReadonlyMap<string, 'becomes' | 'refused' | 'delete' | 'rename'>;
}

/**
 * test/fixtures/edits/files: `project.txt` has the files of a small project as they are and as they shall become, with some ways to say so; `answers.txt` has
 * answers, in which `{{part src/a.ts}}` stands for one of these. Behind the title of an answer are the files that it changes: `!` before one that has to be
 * refused, `-` and `~` before one that it deletes and renames.
 */
export function fileCorpus(): {
  readonly project: ReadonlyMap<string, ProjectFile>;
  readonly cases: readonly FilesCase[];
} {
  const texts = new Map<string, Map<string, string>>();
  for (const { head, text } of sections('project.txt')) {
    const [name = '', shape = ''] = head.split(' | ');
    const known = texts.get(name) ?? new Map<string, string>();
    texts.set(name, known.set(shape, text));
  }
  const ofFile = (name: string, shape: string) => {
    const text = texts.get(name)?.get(shape);
    if (text === undefined) throw new Error(`project.txt has no ${shape} of ${name}.`);
    return text;
  };
  const filled = (answer: string) =>
    answer
      .replace(/\{\{indented (\w+) (.+?)\}\}/g, (_, shape: string, name: string) =>
        ofFile(name, shape).replaceAll('\n', '\n   '),
      )
      .replace(/\{\{(\w+) (.+?)\}\}/g, (_, shape: string, name: string) => ofFile(name, shape));
  const cases = sections('answers.txt').map(({ head, text }): FilesCase => {
    const [title = '', names = ''] = head.split('|').map((word) => word.trim());
    return { title, answer: filled(text), expected: new Map(names.split(' ').filter(Boolean).map(expectedOf)) };
  });
  const project = new Map(
    [...texts.keys()].map((name) => [name, { code: texts.get(name)?.get('code'), becomes: ofFile(name, 'becomes') }]),
  );
  return { project, cases };
}

function expectedOf(word: string): readonly [string, 'becomes' | 'refused' | 'delete' | 'rename'] {
  const kinds = { '!': 'refused', '-': 'delete', '~': 'rename' } as const;
  const kind = kinds[word[0] as keyof typeof kinds] as (typeof kinds)[keyof typeof kinds] | undefined;
  return kind ? [word.slice(1), kind] : [word, 'becomes'];
}

function sections(file: string): readonly { readonly head: string; readonly text: string }[] {
  const parts = `\n${readFileSync(path.join(folder, file), 'utf8').trimEnd()}`.split('\n%% ').slice(1);
  return parts.map((part) => {
    const end = part.indexOf('\n');
    return end < 0 ? { head: part, text: '' } : { head: part.slice(0, end), text: part.slice(end + 1) };
  });
}
