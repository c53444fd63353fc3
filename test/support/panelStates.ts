import type {
  AnswerView,
  AttachmentView,
  BranchView,
  BudgetView,
  ComposerView,
  ConversationItemView,
  MessageView,
  PanelState,
  QuestionView,
} from '../../src/protocol/panelState.ts';

/** What the panel can be told to show, each state with all that it can have. */

const alone: BranchView = { number: 1, count: 1, previousId: undefined, nextId: undefined };
const second: BranchView = { number: 2, count: 3, previousId: 'before', nextId: 'after' };

export const budget: BudgetView = {
  contextTokens: 8192,
  historyTokens: 1840,
  attachmentTokens: 620,
  draftTokens: 24,
  answerTokens: 1024,
  isExact: false,
  proposals: [],
};

export const chips: readonly AttachmentView[] = [
  { id: 'chip-1', kind: 'file', label: 'src/prices.py', tokens: 412, canOpen: true, isLeftOut: false },
  { id: 'chip-2', kind: 'selection', label: 'greeting.ts, lines 3 to 9', tokens: 96, canOpen: true, isLeftOut: false },
  { id: 'chip-3', kind: 'image', label: 'screenshot.png', tokens: 1120, canOpen: false, isLeftOut: false },
];

export function composerView(more: Partial<ComposerView> = {}): ComposerView {
  return { draft: '', attachments: [], isWaiting: false, budget, ...more };
}

export function question(id: string, text: string, more: Partial<QuestionView> = {}): QuestionView {
  return { role: 'question', id, branch: alone, text, attachments: [], isLeftOut: false, ...more };
}

export function answer(id: string, text: string, more: Partial<AnswerView> = {}): AnswerView {
  return {
    role: 'answer',
    id,
    branch: alone,
    text,
    reasoning: '',
    reasoningMs: undefined,
    toolCalls: [],
    warnings: [],
    backend: 'ollama',
    model: 'llama3.2:3b',
    state: { type: 'finished', reason: 'stop' },
    fileCount: 0,
    facts: {
      promptTokens: 1204,
      cachedPromptTokens: 1100,
      outputTokens: 214,
      tokensPerSecond: 38.2,
      firstTokenMs: 420,
    },
    isLeftOut: false,
    ...more,
  };
}

export function panelState(messages: readonly MessageView[] = [], more: Partial<PanelState> = {}): PanelState {
  return {
    conversation: { id: 'conversation-1', title: 'What does this file do?', messages },
    model: {
      backend: 'ollama',
      model: 'llama3.2:3b',
      state: 'ready',
      detail: 'Ollama 0.15 at http://127.0.0.1:11434 answers.',
      takesImages: false,
    },
    composer: composerView(),
    list: undefined,
    welcome: {
      found: [
        {
          backend: 'ollama',
          label: 'Ollama, llama3.2:3b',
          detail: 'Runs at 127.0.0.1:11434 with 3 models',
          isReady: true,
          button: undefined,
        },
        {
          backend: 'embedded',
          label: 'Embedded model, smollm2-135m',
          detail: 'Needs nothing else installed',
          isReady: false,
          button: { id: 'download', label: 'Download (100 MB)' },
        },
        { backend: 'gpu', label: 'NVIDIA RTX 3060', detail: '10.2 of 11.6 GiB free', isReady: true, button: undefined },
      ],
      suggestions: [
        { label: 'What does prices.py do?', text: 'What does this file do?' },
        { label: 'Find bugs in total()', text: 'Are there bugs in total()?' },
        { label: 'Write tests for parse_price()', text: 'Write tests for parse_price().' },
      ],
    },
    notice: undefined,
    ...more,
  };
}

const markdown = `It reads a list of prices and adds them up.

1. \`parse_price\` takes the currency sign away.
2. \`total\` adds what is left.

\`\`\`python
def total(prices: list[str]) -> Decimal:
    return sum(map(parse_price, prices), Decimal(0))
\`\`\`

Mind the **rounding**: see [the documentation](https://docs.python.org/3/library/decimal.html).`;

/** Each kind of thing that an answer can have, and of code that is highlighted. */
const everything = `## How it works

The file is read **once**; \`parse_price\` takes what \`total\` needs. It does *not* round.

| Function | Reads | Takes, for a thousand lines of a usual file |
| --- | :---: | ---: |
| \`parse_price\` | a line | 1.2 ms |
| \`total\` | a list | 0.4 ms |

- one
  - nested
- two
  1. first
  2. second
- [x] done

> What is quoted has a line beside it.

\`\`\`typescript
// The longest line of all of them, which is longer than a panel at the side of the editor can be at any time.
@sealed
export class Prices extends Map<string, number> {
  readonly pattern = /^[A-Z]{3}$/u;
  total(currency: string): number | undefined {
    return [...this.values()].reduce((sum, price) => sum + price, 0x10) ?? undefined;
  }
}
\`\`\`

\`\`\`css
.price:hover > #total { color: #c00; margin: 0 auto !important; }
\`\`\`

\`\`\`diff
@@ -1,2 +1,2 @@
-    return sum(prices)
+    return sum(prices, Decimal(0))
\`\`\`

\`\`\`yaml
prices: &all
  - name: "one" # the first
    value: 12.5
    isOld: true
\`\`\`

\`\`\`xml
<price currency="EUR">12</price>
\`\`\`

\`\`\`
Without a language.
\`\`\`

$$
a^2 + b^2 = c^2
$$

See [the documentation](https://docs.python.org/3/library/decimal.html)[^1].

[^1]: Of Python 3.`;

const asked = question('q1', 'What does this file do?', { attachments: chips.slice(0, 2) });

const items: readonly ConversationItemView[] = [
  ['c0', 'Why is the second call slower?', true, undefined],
  ['conversation-1', 'What does this file do?', false, undefined],
  ['c2', 'A long title that says all there is to say about prices and more', false, '…adds the **prices** of a day…'],
  ['c3', 'Write tests for parse_price()', false, undefined],
].map(([id, title, pinned, excerpt], index) => ({
  id: id as string,
  title: title as string,
  pinned: pinned as boolean,
  excerpt: excerpt as string | undefined,
  changedAtMs: Date.UTC(2026, 4, 12) - index * 3_600_000,
  messageCount: 4 + index,
}));

const failed = answer('a1', '', {
  state: {
    type: 'failed',
    problem: {
      kind: 'notRunning',
      message: 'Nothing listens at http://127.0.0.1:11434.',
      hint: 'Start Ollama, or choose another backend.',
      serverMessage: 'connect ECONNREFUSED 127.0.0.1:11434',
    },
    buttons: [
      { id: 'start', label: 'Start Ollama' },
      { id: 'other', label: 'Choose Another' },
    ],
  },
  facts: {},
});

const longName = 'Qwen/Qwen2.5-Coder-7B-Instruct-GPTQ-Int4-and-what-somebody-added';
const longChip: AttachmentView = {
  id: 'chip-long',
  kind: 'file',
  label: 'src/a/very/long/path/'.repeat(5),
  tokens: 20_000,
  canOpen: true,
  isLeftOut: false,
};

export const panelStates: Readonly<Record<string, PanelState>> = {
  empty: panelState(),
  looking: panelState([], {
    model: { backend: 'auto', model: '', state: 'looking', detail: 'Looking for servers.', takesImages: undefined },
    composer: composerView({ budget: { ...budget, contextTokens: undefined, historyTokens: 0 } }),
    welcome: { found: undefined, suggestions: [] },
  }),
  waiting: panelState([
    asked,
    answer('a1', '', { state: { type: 'waiting', what: 'loading the model, 40 %' }, facts: {} }),
  ]),
  streaming: panelState([
    asked,
    answer('a1', markdown.slice(0, 120), {
      state: { type: 'streaming' },
      reasoning: 'The user wants to know what the file does. '.repeat(30),
      facts: {},
    }),
  ]),
  finished: panelState([
    asked,
    answer('a1', markdown, {
      branch: second,
      reasoning: 'The user wants to know what the file does.',
      reasoningMs: 4200,
      toolCalls: [{ id: 't1', name: 'read_file', argumentsJson: '{"path": "src/prices.py"}' }],
      warnings: ['This server does not take a seed, so it was left out.'],
    }),
    question('q2', 'And the second one?\nWith a line more.', { branch: second }),
    answer('a2', 'The second one writes them down.'),
  ]),
  everything: panelState([
    question('q1', 'How does it work?', {
      attachments: chips.map((chip, index) => ({ ...chip, isLeftOut: index === 1 })),
    }),
    answer('a1', everything),
  ]),
  stopped: panelState([asked, answer('a1', 'It reads a list of', { state: { type: 'stopped' } })]),
  cutOff: panelState([asked, answer('a1', markdown, { state: { type: 'finished', reason: 'length' } })]),
  interrupted: panelState([asked, answer('a1', 'It reads a', { state: { type: 'interrupted' }, facts: {} })]),
  failed: panelState([asked, failed], {
    model: {
      backend: 'ollama',
      model: 'llama3.2:3b',
      state: 'notRunning',
      detail: 'Nothing listens at http://127.0.0.1:11434.',
      takesImages: undefined,
    },
  }),
  reading: panelState([asked, answer('a1', 'It reads a list of prices.')], {
    composer: composerView({
      draft: 'And with all of these?',
      attachments: [
        ...chips,
        { id: 'r', kind: 'file', label: 'src', tokens: undefined, canOpen: false, isLeftOut: false },
      ],
      isWaiting: true,
    }),
  }),
  overBudget: panelState(
    [
      question('q0', 'An old question', { isLeftOut: true }),
      answer('a0', 'An old answer', { isLeftOut: true }),
      asked,
      answer('a1', markdown),
    ],
    {
      composer: composerView({
        draft: 'Compare it with the whole folder.',
        attachments: chips,
        budget: {
          ...budget,
          historyTokens: 5200,
          attachmentTokens: 3400,
          proposals: [
            { id: 'p1', label: 'Leave out the first 4 messages (2,100 tokens)' },
            { id: 'p2', label: 'Leave out screenshot.png (1,120 tokens)' },
          ],
        },
      }),
    },
  ),
  long: panelState(
    [
      question('q1', 'x'.repeat(400), { attachments: [longChip] }),
      answer('a1', 'y'.repeat(400), { model: longName, branch: second, warnings: ['w'.repeat(200)] }),
    ],
    {
      model: {
        backend: 'openai-compatible',
        model: longName,
        state: 'notRunning',
        detail: 'd'.repeat(200),
        takesImages: true,
      },
      composer: composerView({ attachments: [longChip, ...chips] }),
      notice: { text: 'n'.repeat(200), buttonLabel: 'l'.repeat(30) },
    },
  ),
  notice: panelState([asked, answer('a1', markdown)], {
    notice: {
      text: 'The file of a conversation is damaged. What could be read of it is shown, and the file is kept as it was.',
      buttonLabel: 'Show File',
    },
  }),
  list: panelState([asked, answer('a1', markdown)], {
    list: {
      query: '',
      items,
      deleted: ['Rename the parser', 'Prices of yesterday', ''].map((title, index) => ({ id: `gone${index}`, title })),
    },
  }),
  listEmpty: panelState([], { list: { query: 'zebra', items: [], deleted: [] } }),
};

/** A question and its answer. */
export const exchange = [question('q1', 'What does this file do?'), answer('a1', 'It adds prices.')];
export const streaming = (text: string) => answer('a1', text, { state: { type: 'streaming' }, facts: {} });
export const lines = (count: number) => Array.from({ length: count }, (_, line) => `line ${line}\n\n`).join('');

/** What is offered behind `@`. */
export const mentions = [
  { id: 'm1', label: '@file src/prices.py', detail: 'open in an editor' },
  { id: 'm2', label: '@symbol price', detail: 'src/prices.py' },
  { id: 'm3', label: '@folder src/a/very/long/path/to/a/folder/of/many', detail: 'a detail that is as long as this' },
];
