/** What is no code in a language: its strings and comments. As much of a grammar as it takes to tell which brackets count. */
export interface Grammar {
  readonly lineComments: readonly string[];
  readonly blockComments: readonly BlockComment[];
  readonly strings: readonly StringRule[];
  /** `/` begins a regular expression where no value stands before it. */
  readonly regularExpressions?: true;
  /** `'` also begins a lifetime, a symbol or a type variable: it is a string only where one character and its end follow. */
  readonly shortQuotes?: true;
  /** Brackets, quotes and comments count only where a value or a word may begin, as in YAML. */
  readonly plainText?: true;
  /** Brackets do not come in pairs: `case` has a `)` of its own. Here-documents go up to their word. */
  readonly shell?: true;
}

interface BlockComment {
  readonly open: string;
  readonly close: string;
  readonly nests?: true;
}

export interface StringRule {
  readonly open: string;
  readonly close: string;
  /** How its end can stand in it. */
  readonly escape: 'backslash' | 'doubled' | 'none';
  readonly manyLines: boolean;
  /** Code within it. */
  readonly inside?: { readonly open: string; readonly close: '}' | ')' };
}

const quote = (sign: string, more: Partial<StringRule> = {}): StringRule => ({
  open: sign,
  close: sign,
  escape: 'backslash',
  manyLines: false,
  ...more,
});
const tripled = (sign: string, more: Partial<StringRule> = {}) => quote(sign.repeat(3), { manyLines: true, ...more });
const raw = (open: string, close: string): StringRule => ({ open, close, escape: 'none', manyLines: true });

const slashes = { lineComments: ['//'], blockComments: [{ open: '/*', close: '*/' }] } as const;
const nestedSlashes = { lineComments: ['//'], blockComments: [{ open: '/*', close: '*/', nests: true }] } as const;
const hash = { lineComments: ['#'], blockComments: [] } as const;
const single = quote("'");
const double = quote('"');
const dollarBrace = { inside: { open: '${', close: '}' } } as const;

const javascript: Grammar = {
  ...slashes,
  strings: [quote('`', { manyLines: true, ...dollarBrace }), double, single],
  regularExpressions: true,
};
/** A value of an attribute may take many lines. */
const jsx: Grammar = {
  ...javascript,
  strings: [{ ...quote('="'), close: '"', escape: 'none', manyLines: true }, ...javascript.strings],
};
const c: Grammar = {
  ...slashes,
  // A delimiter of one's own is rare; these are those of most code.
  strings: [raw('R"(', ')"'), raw('R"""(', ')"""'), double, single],
};
const json: Grammar = { ...slashes, strings: [double] };
/** An address holds no comment. */
const url: StringRule = { open: 'url(', close: ')', escape: 'backslash', manyLines: false };
const css: Grammar = { lineComments: [], blockComments: slashes.blockComments, strings: [url, double, single] };
const scss: Grammar = { ...css, ...slashes };

const grammars: Readonly<Record<string, Grammar>> = {
  javascript,
  javascriptreact: jsx,
  typescript: javascript,
  typescriptreact: jsx,
  json,
  jsonc: json,
  css,
  scss,
  less: scss,
  c,
  cpp: c,
  'objective-c': c,
  'objective-cpp': c,
  'cuda-cpp': c,
  java: { ...slashes, strings: [tripled('"'), double, single] },
  go: { ...slashes, strings: [raw('`', '`'), double, single] },
  rust: {
    ...nestedSlashes,
    strings: [raw('r##"', '"##'), raw('r#"', '"#'), raw('r"', '"'), quote('"', { manyLines: true }), single],
    shortQuotes: true,
  },
  csharp: {
    ...slashes,
    strings: [
      ...['$@"', '@$"'].map((open) => ({ ...raw(open, '"'), escape: 'doubled', inside: brace() }) as const),
      { ...raw('@"', '"'), escape: 'doubled' },
      ...['$"""', '"""'].map((open) => raw(open, '"""')),
      { ...quote('$"'), close: '"', inside: brace() },
      double,
      single,
    ],
  },
  kotlin: {
    ...nestedSlashes,
    strings: [tripled('"', { escape: 'none', ...dollarBrace }), quote('"', dollarBrace), single],
  },
  swift: {
    ...nestedSlashes,
    strings: [
      tripled('"', { inside: { open: '\\(', close: ')' } }),
      raw('#"', '"#'),
      quote('"', { inside: { open: '\\(', close: ')' } }),
    ],
  },
  scala: { ...nestedSlashes, strings: [tripled('"', { escape: 'none' }), double, single], shortQuotes: true },
  dart: {
    ...nestedSlashes,
    strings: [
      ...['"', "'"].map((sign) => ({ ...raw(`r${sign}`, sign), manyLines: false })),
      ...['"', "'"].map((sign) => tripled(sign, dollarBrace)),
      ...['"', "'"].map((sign) => quote(sign, dollarBrace)),
    ],
  },
  python: { ...hash, strings: [tripled('"'), tripled("'"), double, single] },
  toml: {
    ...hash,
    strings: [tripled('"'), tripled("'", { escape: 'none' }), double, quote("'", { escape: 'none' })],
  },
  r: { ...hash, strings: ['"', "'", '`'].map((sign) => quote(sign, { manyLines: true })) },
  graphql: { ...hash, strings: [tripled('"'), double] },
  proto3: { ...slashes, strings: [double, single] },
  sql: {
    lineComments: ['--'],
    blockComments: slashes.blockComments,
    strings: ["'", '"', '`'].map((sign) => quote(sign, { escape: 'doubled', manyLines: true })),
  },
  lua: {
    lineComments: ['--'],
    blockComments: [
      { open: '--[[', close: ']]' },
      { open: '--[=[', close: ']=]' },
    ],
    strings: [raw('[[', ']]'), raw('[=[', ']=]'), double, single],
  },
  yaml: {
    ...hash,
    strings: [quote('"', { manyLines: true }), quote("'", { escape: 'doubled', manyLines: true })],
    plainText: true,
  },
  shellscript: {
    ...hash,
    strings: [
      { ...quote("$'"), close: "'", manyLines: true },
      quote('"', { manyLines: true, inside: { open: '$(', close: ')' } }),
      quote("'", { escape: 'none', manyLines: true }),
    ],
    shell: true,
  },
};

export function grammarOf(languageId: string): Grammar | undefined {
  return grammars[languageId];
}

function brace(): { readonly open: '{'; readonly close: '}' } {
  return { open: '{', close: '}' };
}
