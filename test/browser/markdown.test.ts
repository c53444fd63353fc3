import assert from 'node:assert/strict';
import fc from 'fast-check';
import { BrowserPage } from '../support/browserPage.ts';
import { attacks, monsters } from '../support/hostileMarkdown.ts';
import type { MarkdownPage } from './pages/markdown.ts';

declare const markdownPage: MarkdownPage;

const everything = `# Title with *emphasis*

Text with **bold**, \`code\`, ~~deleted~~, $x_1 * y_2$, \\(a_b\\), [a link](https://example.org/a?b=1), https://example.org/bare,
<b>tags</b>, &amp; a [reference][later], a footnote[^1], and a line  
break.

- one
- two
  - nested

    \`\`\`ts
    const answer = 42; // of code
    \`\`\`
  - [ ] to do
  - [x] done

3. three
4. four

| left | center | right |
|:-----|:------:|------:|
| 1    | \`a\\|b\`  | 3     |
| 4    | 5      |

> a quote
goes on
> - with a list

~~~python
def f():

    return "\\n"
~~~

    indented

    code

$$
a_1 + b_2
$$

Underlined
---

***

[^1]: Said *below*.

[later]: https://example.org/later "Later"
`;

/** Every attribute that Markdown may have, and nothing else. */
const attributes = /^(class|dir|href|title|scope|start|tabindex|role|type|disabled|checked|aria-label|aria-busy)$/;

describe('Markdown', () => {
  let browser: BrowserPage;
  let page: BrowserPage['page'];

  before(async () => {
    browser = await BrowserPage.open({
      entry: 'test/browser/pages/markdown.ts',
      styles: ['src/webview/markdown/markdown.css'],
    });
    page = browser.page;
  });

  after(() => browser.close());

  afterEach(() => {
    assert.deepEqual(browser.foreignRequests, []);
    assert.deepEqual(browser.troubles, []);
  });

  const whole = (text: string) =>
    page.evaluate(async (markdown) => markdownPage.dom(await markdownPage.whole(markdown)), text);
  const streamed = (text: string, cuts: readonly number[]) =>
    page.evaluate(async (args) => markdownPage.dom(await markdownPage.stream(args.text, args.cuts)), { text, cuts });

  it('has the elements of everything that models write', async () => {
    const html = await whole(everything);
    for (const part of [
      '<h3 dir="auto">Title with <em>emphasis</em></h3>',
      '<strong>bold</strong>',
      '<code>code</code>',
      '<del>deleted</del>',
      '<code class="math">$x_1 * y_2$</code>',
      '<code class="math">\\(a_b\\)</code>',
      '<a href="https://example.org/a?b=1" title="https://example.org/a?b=1">a link</a>',
      '<a href="https://example.org/bare" title="https://example.org/bare">https://example.org/bare</a>',
      '&lt;b&gt;tags&lt;/b&gt;',
      '<a href="https://example.org/later" title="https://example.org/later">reference</a>',
      'footnote<sup>1</sup>',
      '<br>',
      '<ol start="3"><li>',
      '<input type="checkbox" disabled="" checked="" aria-label="done">',
      '<th scope="col" class="center">center</th>',
      '<td class="center"><code>a|b</code></td>',
      '<p dir="auto">a quote\ngoes on</p><ul>',
      'def f():\n\n    return "\\n"</code>',
      'indented\n\ncode</code>',
      '$$\na_1 + b_2\n$$',
      '<h4 dir="auto">Underlined</h4><hr>',
      '<p dir="auto" class="footnote"><sup>1</sup> Said <em>below</em>.</p>',
    ]) {
      assert.ok(html.includes(part), `${part} is not in ${html}`);
    }
  });

  it('is the same in the end, wherever a stream was cut', async () => {
    assert.equal(
      await streamed(
        everything,
        [...everything].map((_, index) => index),
      ),
      await whole(everything),
    );
    const pieces = [
      ...everything.split(/(?<=\n\n)/),
      ...attacks,
      '```',
      '\n',
      '  ',
      '- ',
      '> ',
      '\r\n',
      '𝒳',
      '$$',
      '|',
    ];
    const text = fc.array(fc.constantFrom(...pieces), { minLength: 1, maxLength: 12 }).map((parts) => parts.join(''));
    const cuts = fc.array(fc.nat(2000), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(text, cuts, async (markdown, places) => {
        const sorted = places.filter((place) => place <= markdown.length).sort((a, b) => a - b);
        assert.equal(await streamed(markdown, sorted), await whole(markdown));
      }),
      { numRuns: 300 },
    );
  });

  it('is the same in the end where lines are too long for one piece', async () => {
    const line = `${'word *emphasis* 😀'.repeat(900)}\r\n${'😀'.repeat(5000)}`;
    for (const text of [line, `> - ${line}`, `\`\`\`js\n${line}\n\`\`\``, `# ${line}`, `|a|\n|-|\n|${line}|`]) {
      const cuts = [1, 3999, 4000, 4001, 8000, 15_000, 20_001].filter((cut) => cut < text.length);
      assert.equal(await streamed(text, cuts), await whole(text));
    }
  });

  it('loses and adds no character of code', async () => {
    const source = `${'\tif (a) {\n\n    "b";\n}\n'.repeat(300)}end`;
    const text = `\`\`\`go\n${source}\n\`\`\`\n`;
    const shown = await page.evaluate(async (markdown) => {
      const view = await markdownPage.stream(markdown, [5, 50, 500, 5000]);
      const element = markdownPage.element(view);
      markdownPage.actions.length = 0;
      for (const button of element.querySelectorAll('button')) button.click();
      return { code: element.querySelector('code')?.textContent, actions: markdownPage.actions };
    }, text);
    assert.equal(shown.code, source);
    assert.deepEqual(shown.actions, [
      ['copy', source],
      ['apply', source, 'go'],
      ['insert', source],
      ['newFile', source, 'go'],
    ]);
  });

  it('leaves what is settled alone: the same elements, and the selection in them', async () => {
    const kept = await page.evaluate(async (text) => {
      const view = markdownPage.newView();
      const element = markdownPage.element(view);
      const seen: Element[] = [];
      const settledAt = text.indexOf('> a quote');
      for (let end = 1; end < text.length - 1; end++) {
        view.update(text.slice(0, end), false);
        if (end === settledAt) {
          seen.push(...element.querySelectorAll('*'));
          document.getSelection()?.selectAllChildren(element.querySelector('pre code') ?? element);
        }
      }
      const all = new Set(element.querySelectorAll('*'));
      return {
        seen: seen.length,
        lost: seen.filter((one) => !all.has(one)).length,
        selected: document.getSelection()?.toString(),
      };
    }, everything);
    assert.ok(kept.seen > 40);
    assert.equal(kept.lost, 0);
    assert.equal(kept.selected, 'const answer = 42; // of code');
  });

  it('shows a paragraph, a code block and a list item while they grow, and no marks that may become something else', async () => {
    const shown = await page.evaluate(() => {
      const view = markdownPage.newView();
      const states = [
        'Some wo',
        'Some words\n\n-',
        'Some words\n\n- it',
        'Some words\n\n- item\n\n``',
        'Some words\n\n- item\n\n```js\ncon',
      ];
      return states.map((text) => {
        view.update(text, false);
        const copy = markdownPage.element(view).cloneNode(true) as HTMLElement;
        for (const header of copy.querySelectorAll('.codeHeader')) header.remove();
        return copy.textContent;
      });
    });
    assert.deepEqual(shown, ['Some wo', 'Some words', 'Some wordsit', 'Some wordsitem', 'Some wordsitemcon']);
  });

  it('begins anew with a text that is another one, and goes on after an end', async () => {
    const [other, more] = await page.evaluate(() => {
      const view = markdownPage.newView();
      view.update('one\n\ntwo', false);
      view.update('three', true);
      const first = markdownPage.dom(view);
      view.update('three and a half\n\n`four`', true);
      return [first, markdownPage.dom(view)];
    });
    assert.equal(other, await whole('three'));
    assert.equal(more, await whole('three and a half\n\n`four`'));
  });

  it('colours code once it is complete and nothing else is to be done', async () => {
    await page.evaluate(async () => {
      await markdownPage.whole('```ts\nconst a = "x"; // y\n```\n\n```klingon\nx\n```');
    });
    await page.locator('.hljs-comment').waitFor({ timeout: 60_000 });
    const texts = await page.locator('code').allTextContents();
    assert.deepEqual(texts, ['const a = "x"; // y', 'x']);
    assert.equal(await page.locator('.hljs-keyword').textContent(), 'const');
  });

  it('hands a link to the host, by mouse and by keyboard, and opens nothing itself', async () => {
    await page.evaluate(async () => {
      await markdownPage.whole(
        '[web](https://EXAMPLE.org/a) <mail@example.org> [`code`](http://example.org) [idn](https://аpple.com)',
      );
      markdownPage.actions.length = 0;
    });
    const links = page.locator('.markdown a');
    assert.equal(await links.count(), 4);
    await links.nth(0).click();
    await links.nth(1).click();
    await links.nth(2).focus();
    await page.keyboard.press('Enter');
    await links.nth(3).click({ button: 'left', modifiers: ['ControlOrMeta'] });
    const opened = await page.evaluate(() => markdownPage.actions);
    const punycode = 'https://xn--pple-43d.com/';
    assert.deepEqual(opened, [
      ['openLink', 'https://example.org/a'],
      ['openLink', 'mailto:mail@example.org'],
      ['openLink', 'http://example.org/'],
      ['openLink', punycode],
    ]);
    assert.equal(await links.nth(3).getAttribute('title'), punycode);
  });

  describe('against hostile answers', () => {
    it('has some hundreds of them', () => assert.ok(attacks.length > 350, String(attacks.length)));

    it('runs nothing, loads nothing, and has no attribute that is not its own', async () => {
      for (const attack of attacks) {
        const found = await page.evaluate(async (text) => {
          const half = Math.floor(text.length / 2);
          const element = markdownPage.element(await markdownPage.stream(text, [half, text.length - 1]));
          const all = [element, ...element.querySelectorAll('*')];
          return {
            names: [...new Set(all.map(({ localName }) => localName))],
            attributes: [...new Set(all.flatMap((one) => one.getAttributeNames()))],
            links: [...element.querySelectorAll('a')].map((link) => link.protocol),
            nested: element.querySelectorAll('a a').length,
            text: element.textContent,
            pwned: 'pwned' in globalThis,
          };
        }, attack);
        const told = JSON.stringify({ attack, found });
        for (const name of found.names)
          assert.match(
            name,
            /^(div|span|p|h[3-6]|ul|ol|li|input|blockquote|pre|code|button|table|t[hdr]|thead|tbody|a|em|strong|del|sup|br|hr)$/,
            told,
          );
        for (const name of found.attributes) assert.match(name, attributes, told);
        for (const protocol of found.links) assert.match(protocol, /^(https?|mailto):$/, told);
        assert.equal(found.nested, 0, told);
        assert.equal(found.pwned, false, told);

        assert.doesNotMatch(found.text, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/, told);
      }
    });

    it('shows in code and links what nobody would see', async () => {
      const html = await whole('`a\u200bb` [c\u2063d](https://example.org/\u200d)\n\n```\ne\u{e0041}f\u202eg\n```');
      for (const shown of ['a[U+200B]b', 'c[U+2063]d', 'e[U+E0041]f[U+202E]g']) assert.ok(html.includes(shown), html);
    });

    it('copies code without what a terminal would obey', async () => {
      const copied = await page.evaluate(async () => {
        const view = await markdownPage.whole('```sh\necho \u001b[31mred\u001b[0m \u001b[201~x\u0007\n```');
        markdownPage.actions.length = 0;
        markdownPage.element(view).querySelector('button')?.click();
        return markdownPage.actions;
      });
      assert.deepEqual(copied, [['copy', 'echo red ␛[201~x␇']]);
    });

    it('takes the text of an image for a text, with its address', async () => {
      const html = await whole('![alt](https://evil.invalid/x.png) ![](data:image/png;base64,AAAA)');
      assert.ok(html.includes('class="image">alt (https://evil.invalid/x.png)</a>'), html);
      assert.ok(html.includes('<span class="image">image (data:image/png;base64,AAAA)</span>'), html);
    });

    for (const [name, text] of Object.entries(monsters)) {
      it(`stays usable with ${name}`, async () => {
        const { turns, depth, missing } = await page.evaluate(async (markdown) => {
          const view = markdownPage.newView();
          const element = markdownPage.element(view);
          let turns = 0;
          const step = Math.ceil(markdown.length / 20);
          for (let end = step; end < markdown.length; end += step) {
            view.update(markdown.slice(0, end), false);
            // Other work gets its turn, however much is left.
            await new Promise((resolve) => setTimeout(resolve));
            turns++;
          }
          view.update(markdown, true);
          while (element.hasAttribute('aria-busy')) {
            await new Promise((resolve) => setTimeout(resolve));
            turns++;
          }
          let depth = 0;
          for (let node = [...element.querySelectorAll('*')].at(-1); node && node !== element; depth++) {
            node = node.parentElement ?? undefined;
          }
          return { turns, depth, missing: element.textContent.length === 0 };
        }, text);
        assert.ok(turns >= 18, `${turns} turns`);
        assert.ok(depth < 100, `${depth} deep`);
        assert.equal(missing, false);
      });
    }
  });
});
