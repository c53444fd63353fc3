import assert from 'node:assert/strict';
import type { MessageView } from '../../src/protocol/panelState.ts';
import { allIsHighlighted, Panel } from '../support/panelPage.ts';
import { answer, exchange, lines, panelState, panelStates, question, streaming } from '../support/panelStates.ts';
import { openPages } from './openPages.ts';

function manyMessages(count: number): MessageView[] {
  return Array.from({ length: count }, (_, index) =>
    index % 2 === 0 ? question(`m${index}`, `Question number ${index}`) : answer(`m${index}`, `Answer number ${index}`),
  );
}
describe('The messages of the chat panel', () => {
  const openPanel = openPages(Panel);

  it('say what happened once, to those who listen', async () => {
    const panel = await openPanel(panelState());
    const status = panel.page.getByRole('status');
    await panel.show(panelState([question('q1', 'Why?'), answer('a1', '', { state: { type: 'waiting', what: 'x' } })]));
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
    assert.deepEqual(await panel.next('apply'), { type: 'apply', answerId: 'a1', text: 'ls', info: 'sh' });
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
