import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { EditRequest } from '../../src/core/edit/offer.ts';

const folder = path.join(import.meta.dirname, '..', 'fixtures', 'edits');

/** An answer to the request for an edit, and what has to become of it. */
export interface CorpusCase {
  readonly title: string;
  readonly request: EditRequest;
  readonly answer: string;
  readonly expected:
    { readonly type: 'edit'; readonly lines: readonly string[] } | { readonly type: 'refused' | 'unchanged' };
}

interface Code {
  readonly request: EditRequest;
  readonly becomes: readonly string[];
}

/**
 * test/fixtures/edits: `code/` has pieces of code with a wish and what they shall become, `answers/` what models make of that. A case is for one piece or, with
 * `*`, for each of them; `{{becomes}}` and the like stand for the code in some shape. Those of a file with the name of a model are that model’s, to the wish
 * in their title.
 */
export function editCorpus(): readonly CorpusCase[] {
  const codes = new Map(
    globSync('code/*.txt', { cwd: folder })
      .sort()
      .map((file) => [path.basename(file, '.txt'), readCode(file)]),
  );
  return globSync('answers/*.txt', { cwd: folder })
    .sort()
    .flatMap((file) => readAnswers(file, codes));
}

function sections(file: string): readonly { readonly head: string; readonly lines: readonly string[] }[] {
  const found: { head: string; lines: string[] }[] = [];
  for (const line of readFileSync(path.join(folder, file), 'utf8').replace(/\n$/, '').split('\n')) {
    if (line.startsWith('%% ')) found.push({ head: line.slice(3).trim(), lines: [] });
    else found.at(-1)?.lines.push(line);
  }
  return found;
}

function readCode(file: string): Code {
  const parts = new Map(sections(file).map(({ head, lines }) => [head, lines]));
  const part = (name: string) => parts.get(name) ?? [];
  const request = {
    languageId: part('language').join(''),
    wish: part('wish').join('\n'),
    lines: part('code'),
    before: part('before'),
    after: part('after'),
  };
  return { request, becomes: part('becomes') };
}

function readAnswers(file: string, codes: ReadonlyMap<string, Code>): readonly CorpusCase[] {
  const all = sections(file);
  const isOfModel = /-\d+m\.txt$/.test(file);
  return all.flatMap(({ head, lines }, index) => {
    const [name = '', expected = '', title = ''] = head.split('|').map((word) => word.trim());
    if (name === 'becomes') return [];
    // A case may have an outcome of its own.
    const next = all[index + 1];
    const own = next?.head === 'becomes' ? next.lines : undefined;
    const named = name === '*' ? [...codes] : [...codes].filter(([code]) => code === name);
    if (named.length === 0) throw new Error(`${file}: there is no code "${name}".`);
    return named.map(([code, { request, becomes }]): CorpusCase => {
      const type = expected === 'edit' || expected === 'unchanged' ? expected : 'refused';
      return {
        title: `${file}: ${title} (${code})`,
        request: isOfModel ? { ...request, wish: title } : request,
        answer: filled(lines.join('\n'), request, becomes),
        expected: type === 'edit' ? { type, lines: own ?? becomes } : { type },
      };
    });
  });
}

function filled(answer: string, request: EditRequest, becomes: readonly string[]): string {
  const half = becomes.slice(0, Math.floor(becomes.length / 2));
  const depth = Math.min(...becomes.filter(Boolean).map((line) => /^\s*/.exec(line)?.[0].length ?? 0));
  const shapes: Readonly<Record<string, string>> = {
    language: request.languageId,
    code: request.lines.join('\n'),
    becomes: becomes.join('\n'),
    before: request.before.join('\n'),
    after: request.after.join('\n'),
    half: half.join('\n'),
    last: becomes.at(-1) ?? '',
    numbered: becomes.map((line, index) => `${String(index + 1).padStart(3)} | ${line}`).join('\n'),
    listed: becomes.map((line) => (line === '' ? '' : `   ${line}`)).join('\n'),
    outdented: becomes.map((line) => line.slice(depth)).join('\n'),
    oneLine: becomes.map((line) => line.trim()).join(' '),
    escaped: becomes.join('\\n'),
    json: JSON.stringify(becomes.join('\n')),
  };
  return answer
    .replace(/\{\{comment (.*?)\}\}/g, (_, words: string) => comment(words, request.languageId))
    .replace(/\{\{(\w+)\}\}/g, (macro, name: string) => shapes[name] ?? macro);
}

function comment(words: string, languageId: string): string {
  if (/^(?:html|markdown)$/.test(languageId)) return `<!-- ${words} -->`;
  if (languageId === 'css') return `/* ${words} */`;
  if (languageId === 'sql') return `-- ${words}`;
  return /^(?:python|yaml|shellscript)$/.test(languageId) ? `# ${words}` : `// ${words}`;
}
