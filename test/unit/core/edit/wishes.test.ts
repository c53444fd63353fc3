import assert from 'node:assert/strict';
import { offerFrom } from '../../../../src/core/edit/offer.ts';

/** What people ask for every day, and what a good model makes of it: language, wish, code, new code. None of it may be refused. */
const wishes: readonly (readonly [string, string, string, string])[] = [
  [
    'python',
    'Use sum.',
    'def total(prices):\n    """The sum."""\n    result = 0\n    for price in prices:\n        result += price\n    return result',
    'def total(prices):\n    """The sum."""\n    return sum(prices)',
  ],
  [
    'typescript',
    'Use reduce.',
    'export function total(items: Item[]): number {\n  let sum = 0;\n  for (const item of items) {\n    sum += item.price ?? 0;\n  }\n  return round(sum);\n}',
    'export function total(items: Item[]): number {\n  return round(items.reduce((sum, item) => sum + (item.price ?? 0), 0));\n}',
  ],
  [
    'python',
    'Add type hints.',
    'def greet(name, times):\n    for _ in range(times):\n        print("Hello " + name)',
    'def greet(name: str, times: int) -> None:\n    for _ in range(times):\n        print("Hello " + name)',
  ],
  [
    'javascript',
    'Convert to async/await.',
    'function load(url) {\n  return fetch(url)\n    .then((response) => response.json())\n    .then((data) => data.items)\n    .catch((error) => {\n      console.error(error);\n      return [];\n    });\n}',
    'async function load(url) {\n  try {\n    const response = await fetch(url);\n    const data = await response.json();\n    return data.items;\n  } catch (error) {\n    console.error(error);\n    return [];\n  }\n}',
  ],
  [
    'python',
    'Translate the messages to German.',
    'def report(count):\n    if count == 0:\n        print("There are no errors.")\n    else:\n        print(f"There are {count} errors.")',
    'def report(count):\n    if count == 0:\n        print("Es gibt keine Fehler.")\n    else:\n        print(f"Es gibt {count} Fehler.")',
  ],
  [
    'go',
    'Make it a method of Store.',
    'func Load(path string) ([]byte, error) {\n\tdata, err := os.ReadFile(path)\n\tif err != nil {\n\t\treturn nil, err\n\t}\n\treturn data, nil\n}',
    'func (s *Store) Load(path string) ([]byte, error) {\n\tdata, err := os.ReadFile(filepath.Join(s.root, path))\n\tif err != nil {\n\t\treturn nil, err\n\t}\n\treturn data, nil\n}',
  ],
  [
    'typescript',
    'Write it as a switch.',
    'function area(shape: Shape): number {\n  if (shape.kind === "circle") return Math.PI * shape.radius ** 2;\n  if (shape.kind === "square") return shape.side ** 2;\n  return shape.width * shape.height;\n}',
    'function area(shape: Shape): number {\n  switch (shape.kind) {\n    case "circle":\n      return Math.PI * shape.radius ** 2;\n    case "square":\n      return shape.side ** 2;\n    default:\n      return shape.width * shape.height;\n  }\n}',
  ],
  [
    'css',
    'Use a variable for the colour.',
    '.a {\n  color: #336699;\n}\n\n.b {\n  background: #336699;\n}',
    '.a {\n  color: var(--accent);\n}\n\n.b {\n  background: var(--accent);\n}',
  ],
  [
    'python',
    'Document it.',
    'def mean(values):\n    return sum(values) / len(values)',
    'def mean(values):\n    """Return the arithmetic mean.\n\n    The values must not be empty.\n    """\n    return sum(values) / len(values)',
  ],
  ['python', 'Rename x to width.', 'def area(x, y):\n    return x * y', 'def area(width, y):\n    return width * y'],
  [
    'typescript',
    'Call it sumOf.',
    'export function total(items: Item[]): number {\n  return items.length;\n}',
    'export function sumOf(items: Item[]): number {\n  return items.length;\n}',
  ],
  [
    'html',
    'Make it a list.',
    '<div>\n  <p>One</p>\n  <p>Two</p>\n</div>',
    '<ul>\n  <li>One</li>\n  <li>Two</li>\n</ul>',
  ],
  [
    'markdown',
    'Fix the grammar.',
    '# Tool\n\nTool are a small program who reads files.\n\n- it read them\n- it write them',
    '# Tool\n\nTool is a small program that reads files.\n\n- it reads them\n- it writes them',
  ],
  [
    'plaintext',
    'Make it friendlier.',
    'Your request was denied because the form is incomplete.',
    'Thank you for your request! A part of the form is still missing, so we could not process it yet.',
  ],
  [
    'json',
    'Add a test script.',
    '{\n  "name": "tool",\n  "scripts": {\n    "build": "tsc"\n  }\n}',
    '{\n  "name": "tool",\n  "scripts": {\n    "build": "tsc",\n    "test": "node --test"\n  }\n}',
  ],
  [
    'sql',
    'Also show the name.',
    'SELECT id\nFROM users\nWHERE active = 1;',
    'SELECT id, name\nFROM users\nWHERE active = 1;',
  ],
  [
    'typescript',
    'Write a function that adds two numbers.',
    '',
    'export function add(one: number, other: number): number {\n  return one + other;\n}',
  ],
  [
    'rust',
    'Return an error.',
    'fn parse(text: &str) -> i32 {\n    text.trim().parse().unwrap()\n}',
    'fn parse(text: &str) -> Result<i32, ParseIntError> {\n    text.trim().parse()\n}',
  ],
  [
    'python',
    'Vectorise it.',
    'def scale(values, factor):\n    result = []\n    for value in values:\n        result.append(value * factor)\n    return result',
    'def scale(values, factor):\n    return np.asarray(values) * factor',
  ],
];

describe('An edit that does what was asked for', () => {
  for (const [languageId, wish, old, now] of wishes) {
    it(`is offered: ${wish} (${languageId})`, () => {
      const request = { languageId, wish, lines: old.split('\n'), before: [], after: [] };
      const fence = '`'.repeat(4);
      const offer = offerFrom(`${fence}${languageId}\n${now}\n${fence}`, request, true);
      assert.deepEqual(offer, { type: 'edit', lines: now.split('\n') });
    });
  }
});
