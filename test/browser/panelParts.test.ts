import assert from 'node:assert/strict';
import { Panel } from '../support/panelPage.ts';
import {
  answer,
  budget,
  composerView,
  exchange,
  panelState,
  panelStates,
  question,
  streaming,
} from '../support/panelStates.ts';
import { openPages } from './openPages.ts';

describe('The other parts of the chat panel', () => {
  const openPanel = openPages(Panel);

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
    await panel.change({ list: { ...list, deleted: [] } });
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
    assert.equal((await panel.next('undoDelete')).id, 'gone0');
    // Those that were deleted before can be had back as well.
    await page.getByRole('button', { name: 'Undo: “Prices of yesterday” was deleted.' }).press('Enter');
    assert.equal((await panel.next('undoDelete')).id, 'gone1');
    await page.keyboard.press('Escape');
    await panel.next('closeList');
    await panel.change({ list: undefined });
    await page.getByRole('button', { name: 'Conversations' }).waitFor();
  });

  it('let a notice be dismissed, whatever its button does', async () => {
    const panel = await openPanel(panelStates['notice'] ?? panelState());
    await panel.page.getByRole('button', { name: 'Show File' }).press('Enter');
    await panel.next('noticeButton');
    await panel.page.getByRole('button', { name: 'Dismiss' }).press('Enter');
    await panel.next('dismissNotice');
    await panel.change({ notice: { text: 'The disk is full.', buttonLabel: undefined } });
    const buttons = panel.page.getByRole('region', { name: 'Notice' }).getByRole('button');
    assert.equal(await buttons.count(), 1);
    await panel.change({ notice: undefined });
    await panel.page.getByRole('region', { name: 'Notice' }).waitFor({ state: 'hidden' });
  });

  it('say how much a question is too long, also where there is no room at all', async () => {
    const panel = await openPanel(panelState());
    const summary = panel.page.locator('.budget summary');
    const shown = async (more: Partial<typeof budget>) => {
      await panel.change({ composer: composerView({ budget: { ...budget, attachmentTokens: 0, ...more } }) });
      return summary.innerText();
    };
    assert.equal(await shown({ draftTokens: 0 }), '5.3k tokens free');
    assert.equal(await shown({ draftTokens: 644 }), '644 of 5.3k free tokens');
    assert.equal(await shown({ draftTokens: 6328 }), '1k tokens too many');
    assert.equal(await shown({ draftTokens: 100, historyTokens: 8000 }), '932 tokens too many');
    assert.equal(await shown({ draftTokens: 0, historyTokens: 8000 }), '832 tokens too many');
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
