import assert from 'node:assert/strict';
import type { MessageView } from '../../src/protocol/panelState.ts';
import { themes } from '../support/editorLook.ts';
import { beyondTheEdge, violations } from '../support/pageChecks.ts';
import { type Panel, PanelBrowser } from '../support/panelPage.ts';
import { answer, budget, chips, panelState, panelStates, question } from '../support/panelStates.ts';

const exchange = [question('q1', 'What does this file do?'), answer('a1', 'It adds prices.')];
const streaming = (text: string) => answer('a1', text, { state: { type: 'streaming' }, facts: {} });
const lines = (count: number) => Array.from({ length: count }, (_, line) => `line ${line}\n\n`).join('');

const mentions = [
  { id: 'm1', label: '@file src/prices.py', detail: 'open in an editor' },
  { id: 'm2', label: '@symbol price', detail: 'src/prices.py' },
  { id: 'm3', label: '@folder src/a/very/long/path/to/a/folder/of/many', detail: 'a detail that is as long as this' },
];

function manyMessages(count: number): MessageView[] {
  return Array.from({ length: count }, (_, index) =>
    index % 2 === 0 ? question(`m${index}`, `Question number ${index}`) : answer(`m${index}`, `Answer number ${index}`),
  );
}

/** In the page: of code that says its language. */
function allIsHighlighted(): boolean {
  const blocks = [...document.querySelectorAll('.codeBlock')];
  return blocks.every((block) => block.querySelector('[class^=hljs-]') || block.textContent.startsWith('text'));
}

function openFold(fold: HTMLDetailsElement): void {
  fold.open = true;
}

describe('The chat panel in a page', () => {
  let browser: PanelBrowser;
  let open: Panel[] = [];

  async function openPanel(...args: Parameters<PanelBrowser['open']>): Promise<Panel> {
    const panel = await browser.open(...args);
    open.push(panel);
    return panel;
  }

  before(async () => {
    browser = await PanelBrowser.start();
  });
  after(() => browser.stop());
  afterEach(async function () {
    const panels = open;
    open = [];
    if (this.currentTest?.state === 'failed') {
      for (const panel of panels) await panel.screenshot(`failed ${this.currentTest.title.replaceAll('/', ' ')}`);
    }
    for (const panel of panels) await panel.close();
  });

  describe('The composer of the chat panel', () => {
    it('sends with Enter, breaks the line with Shift+Enter, and is empty once the host has the question', async () => {
      const panel = await openPanel(panelState());
      const input = panel.page.getByLabel('Question', { exact: true });
      await input.focus();
      await panel.page.keyboard.type('What');
      await panel.page.keyboard.press('Shift+Enter');
      await panel.page.keyboard.type('now?');
      await panel.page.keyboard.press('Enter');
      assert.deepEqual(await panel.next('send'), { type: 'send', text: 'What\nnow?' });
      assert.equal(await input.inputValue(), 'What\nnow?', 'it stays until the host has it');
      await panel.show(panelState([question('q1', 'What\nnow?'), streaming('')]));
      assert.equal(await input.inputValue(), '');
    });

    it('keeps the text when the host refuses it, and what is typed while it decides', async () => {
      const panel = await openPanel(panelState());
      const input = panel.page.getByLabel('Question', { exact: true });
      await input.fill('Too long?');
      await input.press('Enter');
      await panel.next('send');
      await panel.change({ composer: { draft: 'Too long?', attachments: [], budget } });
      assert.equal(await input.inputValue(), 'Too long?');
      await input.press('Enter');
      await panel.next('send');
      await panel.show(panelState([question('q1', 'Something else')]));
      assert.equal(await input.inputValue(), 'Too long?');
      await input.pressSequentially(' And more');
      await panel.show(panelState([question('q2', 'Too long?')]));
      assert.equal(await input.inputValue(), 'And more');
    });

    it('sends nothing while an answer runs, stops it with Esc, and turns its button', async () => {
      const panel = await openPanel(panelState([question('q1', 'Why?'), streaming('Because')]));
      await panel.page.getByRole('button', { name: 'Stop (Esc)' }).waitFor();
      const input = panel.page.getByLabel('Question', { exact: true });
      await input.fill('And then?');
      await input.press('Enter');
      await panel.page.getByText('An answer is on its way.').first().waitFor();
      await input.press('Escape');
      await panel.next('stop');
      assert.ok(!panel.posted.some(({ type }) => type === 'send'));
      assert.equal(await input.inputValue(), 'And then?');
      await panel.show(panelState(exchange));
      await panel.page.getByRole('button', { name: 'Send (Enter)' }).click();
      assert.equal((await panel.next('send')).text, 'And then?');
    });

    it('leaves Enter to an input method that composes', async () => {
      const panel = await openPanel(panelState());
      const input = panel.page.getByLabel('Question', { exact: true });
      await input.fill('にほん');
      await input.evaluate((element) => {
        const enter = { key: 'Enter', bubbles: true, cancelable: true, isComposing: true };
        element.dispatchEvent(new KeyboardEvent('keydown', enter));
      });
      await input.press('Enter');
      await panel.next('send');
      assert.equal(panel.posted.filter(({ type }) => type === 'send').length, 1);
    });

    it('recalls earlier questions with the arrows, and only where nothing was typed', async () => {
      const panel = await openPanel(panelState([...exchange, question('q2', 'The second'), answer('a2', 'Yes.')]));
      const input = panel.page.getByLabel('Question', { exact: true });
      await input.press('ArrowUp');
      assert.equal(await input.inputValue(), 'The second');
      await input.press('ArrowUp');
      assert.equal(await input.inputValue(), 'What does this file do?');
      await input.press('ArrowDown');
      await input.press('ArrowDown');
      assert.equal(await input.inputValue(), '');
      await input.fill('My own');
      await input.press('ArrowUp');
      assert.equal(await input.inputValue(), 'My own');
    });

    it('tells the host what is typed, and has it again after a reload, a crash of the host included', async () => {
      const panel = await openPanel(panelState());
      const input = panel.page.getByLabel('Question', { exact: true });
      await input.fill('Half a thought');
      const told = { type: 'draft', conversationId: 'conversation-1', text: 'Half a thought' };
      assert.deepEqual(await panel.next('draft'), told);
      await panel.page.reload();
      await panel.next('ready');
      await panel.show(panelState());
      assert.equal(await input.inputValue(), 'Half a thought');
      assert.deepEqual(await panel.next('draft'), told);
    });

    it('tells what was typed last in a conversation when another takes its place', async () => {
      const panel = await openPanel(panelState());
      const typed = 'Not yet told';
      // In one turn of the page, so that the moment after which it would have been told cannot have passed.
      const other = { type: 'change', revision: 2, part: { conversation: { id: 'other', title: '', messages: [] } } };
      await panel.page.evaluate(
        ([text, message]) => {
          const input = document.querySelector('textarea');
          input?.setRangeText(text);
          input?.dispatchEvent(new Event('input', { bubbles: true }));
          window.postMessage(message, '*');
        },
        [typed, other] as const,
      );
      assert.deepEqual(await panel.next('draft'), { type: 'draft', conversationId: 'conversation-1', text: typed });
      await panel.page.waitForFunction(() => document.querySelector('textarea')?.value === '');
    });

    it('shows the draft of each conversation, and what the host puts there', async () => {
      const panel = await openPanel(panelState());
      const input = panel.page.getByLabel('Question', { exact: true });
      await input.fill('Of the first');
      const composer = { draft: 'Of the second', attachments: [], budget };
      await panel.change({ conversation: { id: 'conversation-2', title: '', messages: [] }, composer });
      assert.equal(await input.inputValue(), 'Of the second');
      await panel.post({ type: 'setDraft', text: 'Explain this.' });
      assert.equal(await input.inputValue(), 'Explain this.');
    });

    it('grows with its text, to a limit', async () => {
      const panel = await openPanel(panelState());
      const input = panel.page.getByLabel('Question', { exact: true });
      const height = async () => (await input.boundingBox())?.height ?? 0;
      const one = await height();
      await input.fill('1\n2\n3');
      assert.ok((await height()) > one + 20);
      await input.fill(lines(200));
      assert.ok((await height()) <= 720 * 0.4 + 1);
    });

    it('offers what follows @, by keys alone', async () => {
      const panel = await openPanel(panelState());
      const input = panel.page.getByLabel('Question', { exact: true });
      await input.pressSequentially('Look at @pri');
      while ((await panel.next('mention')).query !== 'pri');
      await panel.post({ type: 'mentions', query: 'pr', items: [] });
      await panel.post({ type: 'mentions', query: 'pri', items: mentions });
      const list = panel.page.getByRole('listbox', { name: 'What to attach' });
      await list.waitFor();
      await panel.screenshot('mentions');
      await input.press('ArrowDown');
      const active = await input.getAttribute('aria-activedescendant');
      assert.equal(await panel.page.locator(`#${active}`).innerText(), '@symbol price\nsrc/prices.py');
      await input.press('Enter');
      assert.equal((await panel.next('attachMention')).mentionId, 'm2');
      assert.equal(await input.inputValue(), 'Look at ');
      await list.waitFor({ state: 'hidden' });
      assert.ok(!panel.posted.some(({ type }) => type === 'send'));
    });

    it('offers nothing any more when the caret has left what follows @', async () => {
      const panel = await openPanel(panelState());
      const input = panel.page.getByLabel('Question', { exact: true });
      await input.pressSequentially('Mail me @pri');
      await panel.post({ type: 'mentions', query: 'pri', items: mentions });
      const list = panel.page.getByRole('listbox', { name: 'What to attach' });
      await list.waitFor();
      await input.press('Home');
      await list.waitFor({ state: 'hidden' });
      await input.press('Enter');
      assert.equal((await panel.next('send')).text, 'Mail me @pri');
      assert.ok(!panel.posted.some(({ type }) => type === 'attachMention'));
    });

    it('waits for the list of what follows @ when Enter is faster, and sends what nothing follows', async () => {
      const panel = await openPanel(panelState());
      const input = panel.page.getByLabel('Question', { exact: true });
      await input.pressSequentially('@a');
      await input.press('Enter');
      await panel.post({ type: 'mentions', query: 'a', items: [{ id: 'm1', label: '@file a.py', detail: '' }] });
      assert.equal((await panel.next('attachMention')).mentionId, 'm1');
      assert.equal(await input.inputValue(), '');
      await input.pressSequentially('Who is @bob');
      await input.press('Enter');
      assert.ok(!panel.posted.some(({ type }) => type === 'send'));
      await panel.post({ type: 'mentions', query: 'bob', items: [] });
      assert.equal((await panel.next('send')).text, 'Who is @bob');
    });

    it('shows what goes along, opens and removes it by keys', async () => {
      const panel = await openPanel(panelState([], { composer: { draft: '', attachments: chips, budget } }));
      await panel.page.getByRole('button', { name: 'src/prices.py 412 tokens' }).press('Enter');
      assert.equal((await panel.next('openAttachment')).attachmentId, 'chip-1');
      await panel.page.getByRole('button', { name: 'Remove screenshot.png' }).press('Enter');
      assert.equal((await panel.next('removeAttachment')).attachmentId, 'chip-3');
    });

    it('takes pasted files, refuses images that the model does not take, and makes a document of a long text', async () => {
      const panel = await openPanel(panelState());
      const paste = (files: readonly string[], text: string) =>
        panel.page.getByLabel('Question', { exact: true }).evaluate(
          (input, [names, words]) => {
            const clipboardData = new DataTransfer();
            for (const name of names) {
              const type = name.endsWith('.png') ? 'image/png' : 'text/plain';
              const content = name.startsWith('large') ? new Uint8Array(10 * 1024 * 1024 + 1) : 'äb';
              clipboardData.items.add(new File([content], name, { type }));
            }
            if (words) clipboardData.setData('text/plain', words);
            input.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
          },
          [files, text] as const,
        );
      await paste(['notes.txt'], '');
      const file = await panel.next('attachData');
      assert.deepEqual(file, { type: 'attachData', name: 'notes.txt', mediaType: 'text/plain', base64: 'w6Ri' });
      await paste(['picture.png'], '');
      await panel.page.getByText('This model does not take images, so picture.png was left out.').first().waitFor();
      await paste(['large.txt'], '');
      await panel.page.getByText('large.txt was left out: it is larger than 10 MB.').first().waitFor();
      await paste([], 'word '.repeat(2000));
      assert.equal((await panel.next('attachData')).name, 'Pasted text');
      assert.equal(panel.posted.filter(({ type }) => type === 'attachData').length, 2);
    });

    it('takes what is dropped from the explorer', async () => {
      const panel = await openPanel(panelState());
      await panel.page.evaluate(() => {
        const dataTransfer = new DataTransfer();
        const uris = [
          'file:///project/a.py',
          'sftp://host/b.py',
          'https://example.com/',
          'JavaScript:alert(1)',
          'c.py',
        ];
        dataTransfer.setData('resourceurls', JSON.stringify(uris));
        document.body.dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }));
      });
      assert.deepEqual((await panel.next('attachUris')).uris, ['file:///project/a.py', 'sftp://host/b.py']);
    });

    it('says what the next request takes, and offers what could be left out', async () => {
      const panel = await openPanel(panelStates['overBudget'] ?? panelState());
      await panel.page.getByRole('button', { name: /^Leave out screenshot/ }).click();
      assert.equal((await panel.next('applyProposal')).proposalId, 'p2');
      await panel.page.getByRole('button', { name: /of the context window/ }).press('Enter');
      const explanation = panel.page.locator('.budget dl');
      await explanation.waitFor();
      assert.match(
        await explanation.innerText(),
        /Conversation so far\s+5,200[\s\S]*Too much by\s+1,456\s+Context window\s+8,192/,
      );
      await panel.screenshot('budget');
      await panel.page.keyboard.press('Escape');
      await explanation.waitFor({ state: 'hidden' });
      assert.ok(!panel.posted.some(({ type }) => type === 'stop'));
    });
  });

  describe('The messages of the chat panel', () => {
    it('say what happened once, to those who listen', async () => {
      const panel = await openPanel(panelState());
      const status = panel.page.getByRole('status');
      await panel.show(
        panelState([question('q1', 'Why?'), answer('a1', '', { state: { type: 'waiting', what: 'x' } })]),
      );
      assert.equal(await status.innerText(), 'Answering');
      await panel.append('a1', 'Because it is so.');
      assert.equal(await status.innerText(), 'Answering');
      await panel.show(panelState([question('q1', 'Why?'), answer('a1', 'Because it is so.')]));
      assert.equal(await status.innerText(), 'Answer complete, 4 words');
      assert.equal(await panel.page.locator('[aria-live], [role=log], [role=alert]').count(), 0);
    });

    it('have names that say where they stand', async () => {
      const panel = await openPanel(panelState([...exchange, question('q2', 'And?'), answer('a2', 'No.')]));
      await panel.page.getByRole('article', { name: 'Answer 2 of 2 by llama3.2:3b' }).waitFor();
      await panel.page.getByRole('article', { name: 'Question 1 of 2' }).waitFor();
    });

    it('are continued, asked again, copied, and stepped through', async () => {
      const panel = await openPanel(panelStates['cutOff'] ?? panelState());
      const { page } = panel;
      await page.getByRole('button', { name: 'Continue this answer' }).click();
      assert.equal((await panel.next('continue')).answerId, 'a1');
      await page.getByRole('button', { name: 'Retry', exact: true }).click();
      assert.equal((await panel.next('retry')).otherModel, false);
      await page.getByRole('button', { name: 'Retry with another model' }).click();
      assert.equal((await panel.next('retry')).otherModel, true);
      await page.getByRole('button', { name: 'Copy answer' }).click();
      assert.match((await panel.next('copy')).text, /^It reads a list/);
      await panel.show(panelStates['finished'] ?? panelState());
      assert.equal(await page.getByRole('button', { name: 'Continue this answer' }).count(), 0);
      await page.getByRole('button', { name: 'Previous answer' }).first().click();
      assert.equal((await panel.next('show')).messageId, 'before');
    });

    it('are edited in place, and what was typed stays until the new question is there', async () => {
      const panel = await openPanel(panelState(exchange));
      const { page } = panel;
      await page.getByRole('button', { name: 'Edit and send again' }).press('Enter');
      const editor = page.getByLabel('Edit the question');
      assert.equal(await editor.inputValue(), 'What does this file do?');
      await editor.fill('What does it not do?');
      await panel.change({ conversation: { id: 'conversation-1', title: 'Another', messages: [...exchange] } });
      await panel.screenshot('editing');
      // Held down, it repeats itself.
      await page.keyboard.down('Enter');
      await page.keyboard.down('Enter');
      await page.keyboard.up('Enter');
      assert.deepEqual(await panel.next('edit'), { type: 'edit', questionId: 'q1', text: 'What does it not do?' });
      assert.equal(await editor.inputValue(), 'What does it not do?');
      assert.equal(panel.posted.filter(({ type }) => type === 'edit').length, 1);
      await panel.show(panelState([question('q1b', 'What does it not do?'), answer('a1b', 'Nothing.')]));
      assert.equal(await editor.count(), 0);
    });

    it('are still being edited after the panel was hidden, until they are sent or left as they are', async () => {
      const panel = await openPanel(panelState([...exchange, question('q2', 'And?'), answer('a2', 'No.')]));
      const { page } = panel;
      const editor = page.getByLabel('Edit the question');
      const again = async () => {
        await page.reload();
        await panel.next('ready');
        await panel.show(panelState([...exchange, question('q2', 'And?'), answer('a2', 'No.')]));
      };
      await page.getByRole('button', { name: 'Edit and send again' }).first().press('Enter');
      await editor.fill('Half a change');
      await page.getByRole('button', { name: 'Edit and send again' }).press('Enter');
      await editor.last().fill('And a whole one');
      await again();
      assert.deepEqual(
        await editor.evaluateAll((inputs) => inputs.map((input) => (input as HTMLTextAreaElement).value)),
        ['Half a change', 'And a whole one'],
      );
      await editor.last().press('Enter');
      assert.deepEqual(await panel.next('edit'), { type: 'edit', questionId: 'q2', text: 'And a whole one' });
      await editor.first().press('Escape');
      await again();
      assert.equal(await editor.count(), 0);
    });

    it('keep the focus of one who steps through branches by keys', async () => {
      const branch = (number: number) => ({ number, count: 3, previousId: 'p', nextId: number < 3 ? 'n' : undefined });
      const panel = await openPanel(panelState([question('q1', 'Why?'), answer('a1', 'One', { branch: branch(1) })]));
      await panel.page.getByRole('button', { name: 'Next answer' }).press('Enter');
      await panel.next('show');
      await panel.show(panelState([question('q1', 'Why?'), answer('a2', 'Two', { branch: branch(2) })]));
      await panel.page.keyboard.press('Enter');
      await panel.next('show');
      await panel.show(panelState([question('q1', 'Why?'), answer('a3', 'Three', { branch: branch(3) })]));
      const focused = await panel.page.evaluate(() => document.activeElement?.getAttribute('aria-label'));
      assert.equal(focused, 'Answer 1 of 1 by llama3.2:3b');
    });

    it('offer what helps when an answer failed', async () => {
      const panel = await openPanel(panelStates['failed'] ?? panelState());
      await panel.page.getByText('Nothing listens at').first().waitFor();
      await panel.page.getByText('connect ECONNREFUSED').waitFor();
      await panel.page.getByRole('button', { name: 'Start Ollama' }).click();
      const { answerId, buttonId } = await panel.next('problemButton');
      assert.deepEqual([answerId, buttonId], ['a1', 'start']);
    });

    it('show reasoning when it is opened, as it grows, without moving what is selected', async () => {
      const panel = await openPanel(
        panelState([question('q1', 'Why?'), answer('a1', '', { state: { type: 'streaming' }, reasoning: 'First. ' })]),
      );
      await panel.page.getByText('Thinking…').click();
      const reasoning = panel.page.getByRole('group', { name: 'Reasoning' });
      const node = await reasoning.evaluateHandle((element) => element.firstChild);
      await panel.append('a1', '', 'Second.');
      assert.equal(await reasoning.innerText(), 'First. Second.');
      assert.ok(await reasoning.evaluate((element, first) => element.firstChild === first, node));
    });

    it('offer what can be done with code to whoever is at it, by mouse or keys, and move nothing for it', async () => {
      const panel = await openPanel(panelState([question('q1', 'How?'), answer('a1', '```sh\nls\n```\n\nThen look.')]));
      const { page } = panel;
      const copy = page.getByRole('button', { name: 'Copy this code' });
      const opacity = () => copy.evaluate((element) => getComputedStyle(element).opacity);
      const place = () => page.getByText('Then look.').boundingBox();
      const before = await place();
      assert.equal(await opacity(), '0');
      await page.getByRole('group', { name: 'Code, sh' }).hover();
      assert.equal(await opacity(), '1');
      await page.getByText('Then look.').hover();
      assert.equal(await opacity(), '0');
      await copy.focus();
      assert.equal(await opacity(), '1');
      await page.waitForFunction(allIsHighlighted);
      assert.deepEqual(await place(), before);
      await page.keyboard.press('Enter');
      assert.deepEqual(await panel.next('copy'), { type: 'copy', text: 'ls' });
      await page.keyboard.press('Tab');
      await page.keyboard.press('Enter');
      assert.deepEqual(await panel.next('insert'), { type: 'insert', text: 'ls' });
      await page.keyboard.press('Tab');
      await page.keyboard.press('Enter');
      assert.deepEqual(await panel.next('newFile'), { type: 'newFile', text: 'ls', language: 'sh' });
    });

    it('follow the end while the reader is there, and leave him alone elsewhere', async () => {
      const panel = await openPanel(panelState([question('q1', 'Long?'), streaming(lines(60))]));
      const { page } = panel;
      const main = page.getByRole('main');
      const fromEnd = () => main.evaluate((element) => element.scrollHeight - element.scrollTop - element.clientHeight);
      const latest = page.getByRole('button', { name: 'Jump to latest' });
      assert.ok((await fromEnd()) < 2);
      await panel.append('a1', lines(20));
      assert.ok((await fromEnd()) < 2);
      await main.hover();
      await page.mouse.wheel(0, -400);
      await latest.waitFor();
      const top = await main.evaluate((element) => element.scrollTop);
      await panel.append('a1', lines(20));
      assert.equal(await main.evaluate((element) => element.scrollTop), top);
      await panel.screenshot('elsewhere');
      await latest.click();
      await latest.waitFor({ state: 'hidden' });
      assert.ok((await fromEnd()) < 2);
      await panel.append('a1', lines(20));
      assert.ok((await fromEnd()) < 2);
    });

    it('move nothing above while an answer streams', async () => {
      const panel = await openPanel(
        panelState([question('q1', 'Why?'), answer('a1', '', { state: { type: 'streaming' } })]),
      );
      await panel.append('a1', 'One');
      const places = () =>
        panel.page.evaluate(() =>
          ['.question .bubble', '.message-header', '.markdown', '.composer'].map((selector) => {
            const { x, y } = document.querySelector(selector)?.getBoundingClientRect() ?? { x: 0, y: 0 };
            return [x, y];
          }),
        );
      const before = await places();
      for (let count = 0; count < 5; count++) await panel.append('a1', ' and two\n\nand three');
      await panel.show(panelState([question('q1', 'Why?'), answer('a1', 'One and two\n\nand three')]));
      assert.deepEqual(await places(), before);
    });

    it('come anew when a change was lost', async () => {
      const panel = await openPanel(panelState([question('q1', 'Why?'), streaming('One ')]));
      await panel.append('a1', 'two ');
      panel.loseOne();
      await panel.append('a1', 'four ');
      assert.equal((await panel.next('ready')).revision, 2);
      await panel.append('a1', 'five ');
      await panel.show(panelState([question('q1', 'Why?'), streaming('One two three four five ')]));
      await panel.append('a1', 'six');
      assert.match(await panel.page.getByRole('article').last().innerText(), /One two three four five six/);
    });

    it('are there in thousands: the last at once, those before on demand and without losing the place', async () => {
      const panel = await openPanel(panelState(manyMessages(2000)));
      const { page } = panel;
      const articles = page.getByRole('article');
      assert.equal(await articles.count(), 100);
      await page.getByText('Answer number 1999').waitFor();
      await page.getByRole('article', { name: 'Answer 1000 of 1000' }).waitFor();
      await page.getByRole('main').evaluate((element) => element.scrollTo(0, 0));
      const first = page.getByText('Question number 1900');
      const before = (await first.boundingBox())?.y ?? 0;
      await page.getByRole('button', { name: 'Show earlier (1,900 more)' }).press('Enter');
      assert.equal(await articles.count(), 200);
      const after = (await first.boundingBox())?.y ?? 0;
      assert.ok(Math.abs(after - before) < 3, `moved by ${after - before}`);
    });
  });

  describe('The other parts of the chat panel', () => {
    it('start what was found and take over a suggestion', async () => {
      const panel = await openPanel(panelState());
      await panel.page.getByRole('button', { name: 'Download (100 MB)' }).click();
      assert.equal((await panel.next('foundButton')).buttonId, 'download');
      await panel.page.getByRole('button', { name: 'Find bugs in total()' }).click();
      assert.equal((await panel.next('useSuggestion')).text, 'Are there bugs in total()?');
    });

    it('list conversations: searched, opened, renamed, pinned, exported, deleted and had back by keys', async () => {
      const panel = await openPanel(panelState(exchange));
      const { page } = panel;
      const list = panelStates['list']?.list;
      assert.ok(list);
      await page.getByRole('button', { name: 'Conversations' }).press('Enter');
      await panel.next('openList');
      await panel.change({ list: { ...list, deleted: undefined } });
      const search = page.getByLabel('Search conversations');
      assert.ok(await search.evaluate((element) => element === document.activeElement));
      await page.keyboard.type('p');
      assert.equal((await panel.next('search')).query, 'p');
      await page.keyboard.press('ArrowDown');
      await page.keyboard.press('Enter');
      assert.equal((await panel.next('openConversation')).id, 'c0');
      await page.keyboard.press('F2');
      await page.keyboard.type('New name');
      await page.keyboard.press('Enter');
      assert.deepEqual(await panel.next('rename'), { type: 'rename', id: 'c0', title: 'New name' });
      await page.keyboard.press('Tab');
      await page.keyboard.press('Enter');
      assert.deepEqual(await panel.next('pin'), { type: 'pin', id: 'c0', pinned: false });
      await page.keyboard.press('Tab');
      await page.keyboard.press('Tab');
      await page.keyboard.press('Enter');
      assert.equal((await panel.next('export')).id, 'c0');
      await page.keyboard.press('ArrowDown');
      await page.keyboard.press('Delete');
      assert.equal((await panel.next('delete')).id, 'conversation-1');
      await panel.change({ list });
      assert.equal(await page.getByRole('status').innerText(), '“Rename the parser” was deleted.');
      await page.keyboard.press('Enter');
      assert.equal((await panel.next('undoDelete')).id, 'gone');
      await page.keyboard.press('Escape');
      await panel.next('closeList');
      await panel.change({ list: undefined });
      await page.getByRole('button', { name: 'Conversations' }).waitFor();
    });

    it('are used from the first question to the last without a mouse', async () => {
      const panel = await openPanel(panelState());
      const { page } = panel;
      const { keyboard } = page;
      await panel.post({ type: 'focus', what: 'composer' });
      await keyboard.type('What does this file do?');
      await keyboard.press('Enter');
      await panel.next('send');
      const asked = question('q1', 'What does this file do?');
      await panel.show(panelState([asked, streaming('It')]));
      await keyboard.press('Escape');
      await panel.next('stop');
      await panel.show(panelState([asked, answer('a1', 'It', { state: { type: 'stopped' } })]));
      await panel.post({ type: 'focus', what: 'lastAnswer' });
      await keyboard.press('Tab');
      await keyboard.press('Enter');
      await panel.next('continue');
      await panel.show(panelState([asked, answer('a1', 'It adds prices.')]));
      await keyboard.press('Tab');
      await keyboard.press('Tab');
      await keyboard.press('Enter');
      await panel.next('retry');
      await page.getByRole('main').focus();
      await keyboard.press('Tab');
      await keyboard.press('Enter');
      await keyboard.type('And not?');
      await keyboard.press('Enter');
      assert.equal((await panel.next('edit')).text, 'What does this file do?And not?');
      await keyboard.press('Escape');
      await page.getByRole('button', { name: 'Edit and send again' }).waitFor();
    });

    it('are reached by Tab alone, in the order in which they are read', async () => {
      const panel = await openPanel(panelState(exchange));
      const names: string[] = [];
      for (;;) {
        await panel.page.keyboard.press('Tab');
        const name = await panel.page.evaluate(() => {
          const active = document.activeElement;
          if (!active || active === document.body) return undefined;
          return active.getAttribute('aria-label') ?? active.textContent;
        });
        if (name === undefined) break;
        names.push(name);
      }
      assert.deepEqual(names, [
        'llama3.2:3b ollama, ready. Switch model',
        'The conversation takes 22 % of the context window. Show details',
        'Conversations',
        'New chat',
        'Conversation',
        'Edit and send again',
        'Copy answer',
        'Retry',
        'Retry with another model',
        'Question',
        'Attach (@)',
        '644 of 5.3k free tokens',
        'Send (Enter)',
      ]);
    });
  });

  for (const theme of themes) {
    it(`has no fault that axe finds, in any state, in the theme ${theme}`, async () => {
      const panel = await openPanel(panelState(), { theme, widthPx: 300 });
      const found: string[] = [];
      const check = async (name: string): Promise<void> => {
        for (const width of [420, 300]) {
          await panel.page.setViewportSize({ width, height: 720 });
          await panel.screenshot(`${name}-${theme}-${width}`);
          const beyond = await panel.page.evaluate(beyondTheEdge);
          found.push(...beyond.map((what) => `${name}: at ${width} px beyond the edge: ${what}`));
        }
        found.push(...(await violations(panel.page)).map((violation) => `${name}: ${violation}`));
      };
      for (const [name, state] of Object.entries(panelStates)) {
        await panel.show(state);
        if (name === 'everything') await panel.page.waitForFunction(allIsHighlighted);
        await check(name);
      }
      await panel.show(panelStates['finished'] ?? panelState());
      for (const fold of await panel.page.locator('details').all()) await fold.evaluate(openFold);
      await panel.page.getByRole('button', { name: 'Copy this code' }).focus();
      await check('opened');
      // Whoever goes on closes it.
      await panel.page.locator('.budget summary').press('Escape');
      await panel.page.getByRole('button', { name: 'Edit and send again' }).last().press('Enter');
      await check('editing');
      await panel.page.getByLabel('Question', { exact: true }).fill('@');
      await panel.post({ type: 'mentions', query: '', items: mentions });
      await check('mentions');
      assert.deepEqual(found, []);
    });
  }
});
