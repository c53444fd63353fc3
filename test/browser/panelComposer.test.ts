import assert from 'node:assert/strict';
import { Panel } from '../support/panelPage.ts';
import {
  answer,
  chips,
  composerView,
  exchange,
  lines,
  mentions,
  panelState,
  panelStates,
  question,
  streaming,
} from '../support/panelStates.ts';
import { openPages } from './openPages.ts';

describe('The composer of the chat panel', () => {
  const openPanel = openPages(Panel);

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
    await panel.change({ composer: composerView({ draft: 'Too long?' }) });
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

  it('has what was typed in a new conversation after a crash of the host, which begins another one', async () => {
    const panel = await openPanel(panelState());
    const input = panel.page.getByLabel('Question', { exact: true });
    await input.fill('Half a thought');
    await panel.next('draft');
    await panel.page.reload();
    await panel.next('ready');
    await panel.show(panelState([], { conversation: { id: 'another', title: '', messages: [] } }));
    assert.equal(await input.inputValue(), 'Half a thought');
    assert.deepEqual(await panel.next('draft'), { type: 'draft', conversationId: 'another', text: 'Half a thought' });
  });

  it('takes no question for a draft that was asked while the page was hidden', async () => {
    const panel = await openPanel(panelState(exchange));
    const input = panel.page.getByLabel('Question', { exact: true });
    await input.fill('And then?');
    await input.press('Enter');
    await panel.next('send');
    await panel.page.reload();
    await panel.next('ready');
    await panel.show(panelState([...exchange, question('q2', 'And then?'), answer('a2', 'Then.')]));
    assert.equal(await input.inputValue(), '');
  });

  it('says what a question waits for, and lets the waiting be stopped', async () => {
    const panel = await openPanel(panelState());
    const input = panel.page.getByLabel('Question', { exact: true });
    const reading = {
      id: 'r',
      kind: 'file',
      label: 'src',
      tokens: undefined,
      canOpen: false,
      isLeftOut: false,
    } as const;
    await panel.change({ composer: composerView({ attachments: [reading] }) });
    await panel.page.getByRole('button', { name: 'src reading…' }).waitFor();
    await input.fill('What is there?');
    await input.press('Enter');
    await panel.next('send');
    await panel.change({ composer: composerView({ attachments: [reading], isWaiting: true }) });
    await panel.page.getByText('Reading src. Your question is sent then.').first().waitFor();
    await input.press('Enter');
    await input.press('Escape');
    await panel.next('stop');
    assert.equal(panel.posted.filter(({ type }) => type === 'send').length, 1, 'it is on its way already');
    await panel.change({ composer: composerView({ attachments: [reading] }) });
    await panel.page.getByText('Reading src. Your question').first().waitFor({ state: 'hidden' });
    assert.equal(await input.inputValue(), 'What is there?');
    await panel.page.getByRole('button', { name: 'Remove src' }).click();
    assert.equal((await panel.next('removeAttachment')).attachmentId, 'r');
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
    const composer = composerView({ draft: 'Of the second' });
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
    const panel = await openPanel(panelState([], { composer: composerView({ attachments: chips }) }));
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
      const uris = ['file:///project/a.py', 'sftp://host/b.py', 'https://example.com/', 'JavaScript:alert(1)', 'c.py'];
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
