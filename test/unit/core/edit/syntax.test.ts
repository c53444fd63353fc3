import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { syntaxFault } from '../../../../src/core/edit/syntax/syntaxFaults.ts';
import { offerFrom, refusalText } from '../../../../src/core/edit/offer.ts';

/** A whole document; between `«` and `»` is what a model was asked about, and what it wrote instead. */
type Case = readonly [languageId: string, document: string, answer: string, why?: RegExp];

const service = `import { load } from './load';

export class Service {
«  async start(name: string): Promise<void> {
    const items = await load(name);
    for (const item of items) {
      this.add(item);
    }
  }»

  add(item: Item): void {
    this.items.push(item);
  }
}
`;

const shop = `import json


class Shop:
«    def total(self, items):
        result = 0
        for item in items:
            result += item.price
        return result»

    def count(self, items):
        return len(items)
`;

const settings = `{
  "name": "shop",
«  "scripts": {
    "build": "tsc"
  },»
  "private": true
}
`;

const compose = `services:
  web:
«    image: web:1.2
    ports:
      - 8080:80
    environment:
      MODE: production»
  db:
    image: postgres
`;

const backup = `#!/bin/bash
set -e
«for file in *.txt; do
  if [ -f "$file" ]; then
    cp "$file" "$1/"
  fi
done»
echo "Copied to $1"
`;

const broken: readonly Case[] = [
  [
    'typescript',
    service,
    '  async start(name: string): Promise<void> {\n    const items = await load(name);\n    for (const item of items) {\n      this.add(item);\n    log(items);\n  }',
    /“\{” has no counterpart/,
  ],
  [
    'typescript',
    service,
    "  async start(name: string): Promise<void> {\n    const items = await load(name, 'all);\n    for (const item of items) {\n      this.add(item);\n    }\n  }",
    /a string has no end in “const items = await load\(name, 'all\);”/,
  ],
  [
    'typescript',
    service,
    '  async start(name: string): Promise<void> {\n    const items = await load(`${name}/all);\n    for (const item of items) {\n      this.add(item);\n    }\n  }',
    /has no/,
  ],
  [
    'typescript',
    service,
    '  /* Adds what is loaded.\n  async start(name: string): Promise<void> {\n    const items = await load(name);\n    for (const item of items) {\n      this.add(item);\n    }\n  }',
    /a comment has no end/,
  ],
  [
    'typescript',
    service,
    '  async start(name: string): Promise<void> {\n    const items = await load(name]);\n    for (const item of items) {\n      this.add(item);\n    }\n  }',
    /“\]” has no counterpart/,
  ],
  [
    'typescript',
    service,
    '  async start(name: string): Promise<void> {\n    const items = (await load(name];\n    for (const item of items) {\n      this.add(item));\n    }\n  }',
    /has no counterpart/,
  ],
  [
    'javascript',
    '«const mark = /[a-z]/;\nexport const isMark = (text) => mark.test(text);»\n',
    'const mark = /[a-z]/;\nexport const isMark = (text) => mark.test(text;',
    /“\(”/,
  ],
  [
    'javascriptreact',
    "export function Hint() {\n«  return (\n    <p>Don't panic.</p>\n  );»\n}\n",
    '  return (\n    <p className="hint">Don\'t panic.</p>\n  ;',
    /“\(”/,
  ],
  [
    'python',
    shop,
    '    def total(self, items):\n        result = 0\n        for item in items:\n        result += item.price\n        return result',
    /nothing below “for item in items:”/,
  ],
  [
    'python',
    shop,
    '    def total(self, items):\n        result = 0\n        for item in items\n            result += item.price\n        return result',
    /colon of “for item in items”/,
  ],
  [
    'python',
    shop,
    '    def total(self, items):\n        result = 0\n        for item in items:\n              result += item.price\n            self.log(item)\n        return result',
    /not indented as it must be: “self\.log\(item\)”/,
  ],
  [
    'python',
    shop,
    '    def total(self, items):\n        result = 0\n          # doubled\n        for item in items:\n            result += item.price\n            try:\n                self.log(item)\n        return result',
    /a part of a statement without the other: “try:”/,
  ],
  [
    'python',
    shop,
    '    def total(self, items):\n        result = 0\n        for item in items:\n            result += item.price\n        elif not items:\n            result = None\n        return result',
    /“elif not items:”/,
  ],
  [
    'python',
    shop,
    '    def total(self, items):\n        """The sum of all prices.\n        result = 0\n        for item in items:\n            result += item.price\n        return result',
    /a string has no end/,
  ],
  ['python', shop, '    def total(self, items):\n        return sum(item.price for item in items', /“\(”/],
  [
    'python',
    'def area(shape):\n«    size = shape.width * shape.height\n    return size»\n',
    '    size = shape.width * shape.height\nreturn size',
    /“return size”/,
  ],
  [
    'python',
    '«def area(shape):\n    return shape.width»\n',
    'def area(shape):\n  size = shape.width\n    return size',
    /“return size”/,
  ],
  ['json', settings, '  "scripts": {\n    "build": "tsc",\n    "test": "mocha",\n  },', /no valid JSON/],
  ['json', settings, '  "scripts": {\n    "build": "tsc"\n    "test": "mocha"\n  },', /no valid JSON/],
  ['json', settings, '  "scripts": {\n    "build": "tsc"\n  }', /no valid JSON/],
  ['json', settings, "  'scripts': {\n    'build': 'tsc'\n  },", /no valid JSON/],
  ['json', settings, '  "scripts": {\n    // builds\n    "build": "tsc"\n  },', /no valid JSON/],
  ['jsonc', settings, '  "scripts": {\n    "build": "tsc"\n    "test": "mocha"\n  },', /no valid JSON/],
  [
    'yaml',
    compose,
    '    image: web:1.2\n    ports:\n\t- 8080:80\n    environment:\n      MODE: production',
    /with a tab/,
  ],
  [
    'yaml',
    compose,
    '    image: web:1.2\n    ports:\n      - 8080:80\n     environment:\n      MODE: production',
    /“environment:”/,
  ],
  [
    'yaml',
    compose,
    '    image: web:1.2\n      restart: always\n    ports:\n      - 8080:80\n    environment:\n      MODE: production',
    /“restart: always”/,
  ],
  [
    'yaml',
    compose,
    '    image: "web:1.2\n    ports:\n      - 8080:80\n    environment:\n      MODE: production',
    /a string has no end/,
  ],
  ['yaml', compose, '    image: web:1.2\n    ports: [8080:80\n    environment:\n      MODE: production', /“\[”/],
  ['shellscript', backup, 'for file in *.txt; do\n  if [ -f "$file" ]; then\n    cp "$file" "$1/"\ndone', /“if”/],
  [
    'shellscript',
    backup,
    'for file in *.txt; do\n  if [ -f "$file" ]; then\n    cp "$file "$1/"\n  fi\ndone',
    /a string has no end/,
  ],
  [
    'shellscript',
    backup,
    'cat <<EOF\nCopying\n  EOF;\nfor file in *.txt; do\n  if [ -f "$file" ]; then\n    cp "$file" "$1/"\n  fi\ndone',
    /up to “EOF”/,
  ],
  [
    'shellscript',
    backup,
    'for file in *.txt; do\n  if [ -f "$file" ]; then\n    cp "$file" "$(dirname "$1"/"\n  fi\ndone',
    /has no/,
  ],
  [
    'go',
    'package shop\n\n«func Load(path string) ([]byte, error) {\n\treturn os.ReadFile(path)\n}»\n',
    'func Load(path string) ([]byte, error) {\n\tquery := `select *\n\treturn os.ReadFile(path + query)\n}',
    /a string has no end/,
  ],
  [
    'rust',
    "«fn first<'a>(words: &'a str) -> &'a str {\n    words\n}»\n",
    "fn first<'a>(words: &'a str) -> &'a str {\n    match words.chars().next() {\n        Some('{') => \"\",\n        _ => words,\n}",
    /“\{”/,
  ],
  [
    'c',
    '«int half(int value)\n{\n    return value / 2;\n}»\n',
    'int half(int value)\n{\n    printf("%d\\n, value);\n    return value / 2;\n}',
    /a string has no end/,
  ],
  [
    'java',
    'class Shop {\n«  String name() {\n    return "shop";\n  }»\n}\n',
    '  String name() {\n    return """\n      shop;\n  }',
    /a string has no end/,
  ],
  [
    'css',
    '«.a {\n  color: red;\n}»\n\n.b {\n  color: blue;\n}\n',
    '.a {\n  color: red;\n  &:hover { color: green;\n}',
    /“\{”/,
  ],
  ['css', '«.a {\n  color: red;\n}»\n', '/* The first\n.a {\n  color: red;\n  margin: 0;\n}', /a comment has no end/],
  [
    'sql',
    "«select name\nfrom items\nwhere kind = 'book';»\n",
    "select name\nfrom items\nwhere kind = 'book and price > 0;",
    /a string has no end/,
  ],
  [
    'lua',
    '«local function half(value)\n  return value / 2\nend»\n',
    'local function half(value)\n  if value == nil then\n    return 0\n  return value / 2\nend',
    /“function” has no counterpart/,
  ],
  ['toml', '«[package]\nname = "shop"»\n', '[package]\nname = "shop\nedition = "2024"', /a string has no end/],
  [
    'makefile',
    '«all: main.o\n\tcc -o all main.o»\n',
    'all: main.o\n\tcc -c all.c\n    cc -O2 -o all main.o',
    /needs a tab/,
  ],
  [
    'vue',
    '<template>\n  <p>{{ name }}</p>\n</template>\n\n<script setup lang="ts">\n«const name = ref(\'shop\');»\n</script>\n',
    "const name = ref('shop';",
    /“\(”/,
  ],
  ['html', '<main>\n«  <p>Hello</p>»\n</main>\n', '  <!-- A greeting\n  <p>Hello</p>', /a comment has no end/],
];

/** Correct code that looks as if it were none. */
const good: readonly Case[] = [
  [
    'typescript',
    service,
    "  async start(name: string): Promise<void> {\n    // Don't add what is there: (see above\n    const items = await load(name.replace(/['\"({]/g, ''));\n    for (const item of items) {\n      this.add(item);\n    }\n  }",
  ],
  [
    'typescript',
    service,
    '  async start(name: string): Promise<void> {\n    const items = await load(`${name}/${`all-${this.kind}`}/{`);\n    for (const item of items) {\n      this.add(item);\n    }\n  }',
  ],
  [
    'typescript',
    service,
    '  /** Half / of / them: "{ */\n  async start(name: string): Promise<void> {\n    const items = await load(name);\n    const half = items.length / 2;\n    for (const item of items.slice(0, half / 1)) {\n      this.add(item);\n    }\n  }',
  ],
  [
    'typescriptreact',
    'export function Hint() {\n«  return <p>Hello</p>;»\n}\n',
    '  return (\n    <p className="a\n      b">\n      Don\'t panic, it\'s {count > 1 ? \'many\' : "one"} {/* (:-{ */}\n      <br />\n    </p>\n  );',
  ],
  [
    'javascript',
    '«const marks = [];»\n',
    "const marks = [\n  /^[^/'\"]+$/,\n  /\\/\\*[{(]/,\n];\nconst share = total / count / 2; // it's half\nconst text = 'It\\'s \\\\';",
  ],
  [
    'python',
    shop,
    '    def total(self, items):\n        """It\'s the sum of: all\n      prices (\n        """\n        return sum(\n            item.price\n    for item in items\n        )',
  ],
  [
    'python',
    shop,
    "    def total(self, items):\n        result = 0\n        for item in items:\n            if item: result += item.price\n            else: result += 0\n        else:\n            self.log(f\"{result:>{self.width}} {'{'}\", rb'\\'')\n        try:\n            return result\n        finally:\n            pass",
  ],
  [
    'python',
    shop,
    "    def total(self, items):\n        return self.first \\\n            + self.second if items else \\\n            0  # isn't it: {",
  ],
  [
    'python',
    shop,
    '    @cached\n    async def total(self, items: list[Item]) -> dict[str, int]:\n        match items:\n            case []:\n                return {}\n            case [first, *_]:\n                return {"a": first.price}\n        return (lambda: {})()',
  ],
  ['json', settings, '  "scripts": {\n    "build": "tsc && echo \\"{[\\"",\n    "test": "mocha // all"\n  },'],
  ['jsonc', settings, '  "scripts": {\n    // It\'s a comment: {\n    "build": "tsc", /* and one more */\n  },'],
  [
    'yaml',
    compose,
    "    # it's: \"new\n    image: web:1.2 # [latest\n    command: >-\n      sh -c \"echo it's\n        done: yes\n    ports:\n    - 8080:80\n    - name: admin\n      port: 81\n    environment:\n      MODE: production\n      NOTE: It isn't {quoted}\n      LONG: one\n        two",
  ],
  [
    'yaml',
    'jobs:\n«  build:\n    steps:\n      - run: npm ci»\n',
    '  build:\n    needs: [lint,\n      test]\n    steps:\n      -   name: "Install\n          all"\n          run: |\n            if x; then\n              \ty: [1\n            fi\n      - run: npm ci',
  ],
  [
    'shellscript',
    backup,
    'for file in *.txt; do\n  if [ -f "$file" ]; then\n    case "$file" in\n      a*) echo "it\'s $(basename "$file" ".txt") done" ;;\n    esac\n    cat <<-\'END\' >> "${1#"./"}/log"\n\tif it\'s "here\n\tEND\n    cp "$file" "$1/" # don\'t\n  fi\ndone',
  ],
  [
    'shellscript',
    backup,
    'for file in *.txt; do\n  [[ -f $file ]] && cp "$file" "$1/"\n  echo if done \\" $((1 << 4)) <<< "$file"\ndone',
  ],
  [
    'rust',
    "«fn first<'a>(words: &'a str) -> &'a str {\n    words\n}»\n",
    "fn first<'a>(words: &'a str) -> &'a str {\n    /* a /* nested */ comment { */\n    let quote = '\"';\n    let raw = r#\"it\"s {\"#;\n    if words.starts_with('\\'') || words == raw { return \"\"; }\n    words.trim_matches(quote)\n}",
  ],
  [
    'cpp',
    '«int big() { return 1; }»\n',
    "int big() { return 1'000'000 + int('\"') + int(L'('); }\nauto text = R\"(it's \" {)\";",
  ],
  [
    'csharp',
    'class Shop {\n«  string Name => "shop";»\n}\n',
    '  string Name => $"{Find("a")} {{" + @"C:\\" + \'"\';\n  string Text => """it"s {""";',
  ],
  [
    'kotlin',
    '«val name = "shop"»\n',
    'val name = "shop ${find("a")} {"\nval text = """it"s (\n${name}"""\nval sign = \'"\'',
  ],
  ['go', '«const name = "shop"»\n', "const name = `it's\n{`\nconst sign = '\"'\nconst quote = '\\''"],
  ['sql', '«select name from items;»\n', "-- it's all\nselect name, 'it''s (' as note\nfrom items;"],
  [
    'lua',
    '«local name = "shop"»\n',
    "local name = [[it's\nfunction (]]\n--[[ if\nthen ]]\nlocal function f() return { endless = 1 }.endless end",
  ],
  [
    'css',
    '«.a { color: red; }»\n',
    '.a {\n  color: red;\n  background: url(https://example.org/a(1\\).png);\n  content: "}";\n}',
  ],
  [
    'makefile',
    '«all: main.o\n\tcc -o all main.o»\n',
    'FLAGS = -a \\\n    -b\nall: main.o\n\tcc -o all \\\n    main.o\nifdef X\n\techo x\nendif',
  ],
  [
    'html',
    '<main>\n«  <p>Hello</p>»\n</main>\n',
    "  <!-- It's\n  a greeting -->\n  <p>Hello</p>\n  <script>\n    const half = a / b; // don't\n  </script>\n  <style>\n    .a { color: red; }\n  </style>",
  ],
];

function outcome([languageId, document, answer]: Case) {
  const [before = '', lines = '', after = ''] = document.split(/[«»]/);
  // What is marked are whole lines: the one before ends, and the one after begins, with an end of its own.
  const request = {
    languageId,
    wish: 'Change this: remove, rewrite or replace what you like.',
    lines: lines.split('\n'),
    before: before.split('\n').slice(0, -1),
    after: after.split('\n').slice(1),
  };
  return offerFrom(`~~~~~\n${answer}\n~~~~~\n`, request, true);
}

describe('An answer that breaks the syntax', () => {
  it('is not offered, and the reason names the place', () => {
    for (const one of broken) {
      const offer = outcome(one);
      assert.ok(offer.type === 'refused', `${one[0]} is offered:\n${one[2]}`);
      assert.equal(offer.why.type, 'brokenSyntax', one[2]);
      assert.match(refusalText(offer.why), one[3] ?? /./, one[2]);
    }
  });

  it('is told from one that only looks like it', () => {
    for (const one of good) {
      const offer = outcome(one);
      const why = offer.type === 'refused' ? refusalText(offer.why) : offer.type;
      assert.equal(offer.type, 'edit', `${one[0]}: ${why}\n${one[2]}`);
      assert.ok(offer.type === 'edit' && offer.lines.join('\n') === one[2], one[2]);
    }
  });

  it('is offered where the code was broken already, since mending it may take several steps', () => {
    for (const [languageId, document, answer] of broken) {
      const [before = '', , after = ''] = document.split(/[«»]/);
      const worse: Case = [languageId, `${before}«${answer}»${after}`, `${answer}\n`];
      const offer = outcome(worse);
      assert.ok(offer.type !== 'refused' || offer.why.type !== 'brokenSyntax', answer);
    }
  });
});

describe('syntaxFault', () => {
  const root = path.join(import.meta.dirname, '../../../..');
  const files = globSync(['src/**/*.ts', 'test/**/*.ts', 'package.json', '{src,media}/**/*.{css,py}'], { cwd: root });
  const languages: Readonly<Record<string, string>> = {
    '.ts': 'typescript',
    '.json': 'json',
    '.css': 'css',
    '.py': 'python',
  };
  const read = (file: string) => {
    const languageId = languages[path.extname(file)] ?? '';
    return { languageId, lines: readFileSync(path.join(root, file), 'utf8').split('\n') };
  };

  it('finds nothing in code that is in use', () => {
    assert.ok(files.length > 300, `${files.length} files`);
    for (const file of files) {
      const { languageId, lines } = read(file);
      assert.equal(syntaxFault(lines, languageId), undefined, file);
    }
  });

  it('finds a bracket that is left out of it, wherever it is', () => {
    for (const file of files) {
      const { languageId, lines } = read(file);
      // In a line of its own it is in no string and no comment, but for code in a template.
      const ends = lines.flatMap((line, index) => (/^ *[)\]}]+[;,]?$/.test(line) ? [index] : []));
      const at = ends[Math.floor(ends.length / 2)];
      if (at === undefined || lines.join('\n').includes('`\n')) continue;
      assert.ok(syntaxFault(lines.toSpliced(at, 1), languageId), `${file}:${at + 1}`);
    }
  });
});
