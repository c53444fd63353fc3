import path from 'node:path';

/** Names of files as models write them: behind a fence, in a comment, in a sentence or a heading. */

/** A longer line names no file. It may be what a model wrote in a loop, and looking through it would take as long as its square. */
const mostLineChars = 2000;

const nameInInfo =
  /(?:title|file(?:name)?|path)\s*[=:]\s*["']?([^"'\s}]+)|(?:^|[\s:])((?:[\w.@()[\]-]+[\\/])*[\w.@()[\]-]+\.\w{1,10})(?::\d+(?:-\d+)?)?(?=$|[\s}])/i;
const nameInComment =
  /^\s*(?:\/\/|#|--|;|<!--|\/\*)\s*(?:(?:file(?:name)?|path)(?:\s*:\s*|\s+))?((?:[\w.@()[\]-]+[\\/])*[\w.@()[\]-]+\.\w{1,10})\s*(?:-->|\*\/)?\s*$/i;

/** `ts title="src/a.ts"`, `python src/a.py`, `12:20:src/a.ts` */
export function nameFromInfo(info: string): string | undefined {
  if (info.length > mostLineChars) return undefined;
  const [, key, bare] = nameInInfo.exec(info) ?? [];
  return plainName(key ?? bare);
}

/** `// src/a.ts`, `# file: a.py` */
export function nameFromComment(line: string): string | undefined {
  return line.length > mostLineChars ? undefined : plainName(nameInComment.exec(line)?.[1]);
}

function plainName(name: string | undefined): string | undefined {
  return name?.replaceAll('\\', '/').replace(/^(?:\.\/)+/, '');
}

/** `a/src/a.ts` and `b/src/a.ts` of a diff, with what stands behind a tab; undefined for `/dev/null`. */
export function nameFromDiff(text: string): string | undefined {
  const name = text.split('\t')[0]?.trim().replace(/^"|"$/g, '') ?? '';
  return name === '/dev/null' ? undefined : plainName(name.replace(/^[ab]\//, ''));
}

/**
 * The file that a line of prose is about: a heading, a sentence that leads over to the code. Undefined where it names none, or more than one and does not say
 * which of them is meant.
 */
export function nameFromProse(line: string): string | undefined {
  if (line.length > mostLineChars) return undefined;
  const named = namesIn(line);
  const all = new Set(named.map(({ name }) => name));
  const introduced = new Set(named.filter(({ before }) => introduction.test(before)).map(({ name }) => name));
  if (introduced.size === 1) return [...introduced][0];
  return all.size === 1 && introduced.size === 0 && leadsOver(line) ? [...all][0] : undefined;
}

/** Nothing but the name of a file: `src/a.ts`, `**src/a.ts**`, `File: src/a.ts`. */
export function nameAlone(line: string): string | undefined {
  if (line.length > mostLineChars) return undefined;
  const words = withoutMarks(line)
    .replace(/^\s*(?:#+\s*)?(?:\/\/\s*)?(?:(?:file(?:name)?|path)\s*:\s*)?/i, '')
    .replace(/:?\s*$/, '');
  const name = words.replace(/^`(.*)`$/, '$1');
  return isFileName(name, true) ? plainName(name) : undefined;
}

export function isHeading(line: string): boolean {
  if (line.length > mostLineChars) return false;
  return /^\s{0,3}#{1,6}\s/.test(line) || /^\s*(?:\d+[.)]\s*)?\*\*[^*]+\*\*\s*:?\s*$/.test(line);
}

const introduction =
  /\b(?:in|inside|into|within|to|update[ds]?|updating|edit|modify|modified|changes?|create[ds]?|creating|add|new|file|for|replace|rewrite|revised|open)\s+(?:(?:the|a|an|your|new|existing|following|file|files|module|test|component|code in|contents? of|called|named)\s+)*["'(]*$/i;

/** A heading, the end of a sentence that goes on with code, or a line that says hardly more than the name. */
function leadsOver(line: string): boolean {
  const words = withoutMarks(line).trim();
  return isHeading(line) || words.endsWith(':') || words.split(/\s+/).length <= 4;
}

function namesIn(line: string): readonly { readonly name: string; readonly before: string }[] {
  const text = withoutMarks(line).replace(/\[([^\]]+)\]\((?:[^)\s]*)\)/g, '$1');
  return [...text.matchAll(/`([^`]+)`|[^\s`]+/g)].flatMap(({ 0: whole, 1: quoted, index }) => {
    const bare = whole.replace(/^["'(]+/, '').replace(/["').,:;!?]+$/, '');
    const name = plainName(quoted ?? bare);
    if (name === undefined || !isFileName(name, quoted !== undefined)) return [];
    return [{ name, before: text.slice(0, index) }];
  });
}

function withoutMarks(line: string): string {
  return line.replace(/\*\*|__/g, '').replace(/^\s*(?:#+|[-*+]|\d+[.)])\s+/, '');
}

const extensions = new Set(
  'ts tsx mts cts js jsx mjs cjs vue svelte astro py pyi rb go rs java kt kts scala groovy gradle c h cc cpp cxx hpp hh hxx m mm cs csproj fs fsx vb swift dart php pl pm lua r R jl ex exs erl hrl clj cljs hs elm ml mli nim zig v sol s sh bash zsh fish ps1 psm1 bat cmd sql graphql gql proto thrift prisma html htm xhtml ejs hbs jinja j2 css scss sass less xml xsl xsd svg json json5 jsonc yaml yml toml ini cfg conf properties md mdx rst adoc txt tex csv tsv tf tfvars hcl nix cmake mk mod sum lock ipynb http service'.split(
    ' ',
  ),
);
const wholeNames =
  /^(?:Dockerfile(?:\.\w+)?|Makefile|Jenkinsfile|Gemfile|Rakefile|Procfile|Vagrantfile|Justfile|Containerfile|LICENSE|CODEOWNERS|\.(?:git(?:ignore|attributes)|dockerignore|editorconfig|npmrc|nvmrc|env(?:\.\w+)*|prettierrc|eslintrc|babelrc))$/;
/** What looks like a file in a sentence and is a product. */
const products =
  /^(?:node|vue|next|nuxt|react|express|d3|three|ember|backbone|angular|chart|moment|discord|socket|alpine|nest|p5|bun|deno|asp|web3)\.(?:js|io|net)$/i;

function isFileName(name: string, isQuoted: boolean): boolean {
  if (name.length > 200 || name.includes('://') || !/^[\w.@()[\]$+~:\\/-]+$/.test(name)) return false;
  const last = path.posix.basename(name.replaceAll('\\', '/'));
  if (wholeNames.test(last)) return isQuoted || last !== 'LICENSE';
  const extension = /[^.]\.([A-Za-z0-9]{1,10})$/.exec(last)?.[1] ?? /^\.\w+\.(\w{1,10})$/.exec(last)?.[1];
  if (extension === undefined || last.includes('(')) return false;
  const isKnown = extensions.has(extension) || extensions.has(extension.toLowerCase());
  if (!isQuoted && products.test(name)) return false;
  return isKnown || (/[\\/]/.test(name) && /^[a-z]+$/i.test(extension));
}

/** Languages that one file may be called by turns. */
const families: readonly (readonly string[])[] = [
  'ts tsx mts cts js jsx mjs cjs typescript javascript typescriptreact javascriptreact vue svelte astro html'.split(
    ' ',
  ),
  'css scss sass less stylus vue svelte html'.split(' '),
  'html htm xhtml xml svg vue svelte ejs hbs jinja jinja2 j2 django php'.split(' '),
  'py pyi python python3 ipynb'.split(' '),
  'c h cc cpp cxx hpp hh hxx m mm c++ objective-c objectivec cuda'.split(' '),
  'json json5 jsonc lock ipynb'.split(' '),
  'yaml yml'.split(' '),
  'md mdx markdown'.split(' '),
  'rb ruby'.split(' '),
  'go golang mod sum'.split(' '),
  'rs rust'.split(' '),
  'java'.split(' '),
  'kt kts kotlin'.split(' '),
  'cs csharp c#'.split(' '),
  'sql'.split(' '),
  'toml lock ini'.split(' '),
  'sh bash zsh shell shellscript fish ps1 psm1 powershell bat cmd console terminal'.split(' '),
];

/** False where the language behind the fence is surely another one than that of the file. */
export function mayBeIn(language: string, fileName: string): boolean {
  const extension = path.posix.extname(fileName).slice(1).toLowerCase();
  const known = (word: string) => families.some((family) => family.includes(word));
  const wanted = language.toLowerCase();
  if (extension === wanted || !known(wanted) || (!known(extension) && !isShell(wanted))) return true;
  return families.some((family) => family.includes(wanted) && family.includes(extension));
}

/** A command to run, or what it prints. */
export function isShell(language: string): boolean {
  return /^(?:bash|sh|shell|shellscript|shell-session|zsh|console|terminal|cmd|bat|powershell|ps1|output|stdout|log)$/i.test(
    language,
  );
}
