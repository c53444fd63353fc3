import assert from 'node:assert/strict';
import { StepServer } from '../support/stepServer.ts';
import { pictureOfFailure, textWhen, Workbench } from './workbench.ts';

describe('A workspace that names another machine', () => {
  let workbench: Workbench;
  /** Stands where the user's proxy would: what is sent to the other machine comes by here. */
  let proxy: StepServer;

  before(async () => {
    proxy = await StepServer.start(['their-model']);
    workbench = await Workbench.open(
      { 'a2ia.backend': 'vllm', 'a2ia.vllmUrl': 'http://gpu-box.example:8000' },
      { userSettings: { 'http.proxy': proxy.url } },
    );
  });
  after(async () => {
    await workbench.close();
    await proxy.stop();
  });
  pictureOfFailure(() => workbench);

  const dialog = () =>
    workbench.page.locator('.monaco-dialog-box', { hasText: 'Send prompts to http://gpu-box.example' });

  it('is not even looked at when the chat is opened, and asked about when the user wants it', async () => {
    await workbench.runCommand('A2IA: Focus Chat');
    await workbench.chat.frame.getByText('not asked yet').waitFor();
    await workbench.chat.frame.getByText('This workspace names it. Nothing was sent there yet.').waitFor();
    await workbench.screenshot('trust-chat');
    assert.equal(await dialog().count(), 0);
    await workbench.chat.frame.getByRole('button', { name: 'Allow…' }).click();
    await dialog().getByRole('button', { name: 'Cancel' }).click();
    assert.equal(proxy.requestCount, 0);
  });

  it('is asked about with the first question of the chat, which nobody gets on a no', async () => {
    const question = workbench.chat.frame.getByRole('textbox', { name: 'Question' });
    await question.fill('Secret nought?');
    await question.press('Enter');
    await dialog().getByRole('button', { name: 'Cancel' }).click();
    await workbench.chat.frame
      .getByText(/Nothing was sent to http:\/\/gpu-box\.example/)
      .first()
      .waitFor();
    assert.equal(proxy.requestCount, 0);
  });

  it('is asked about before anything is sent, and nothing is on a no', async () => {
    await workbench.ask('Secret one?');
    await dialog().waitFor();
    await workbench.screenshot('trust-origin');
    await dialog().getByRole('button', { name: 'Cancel' }).click();
    await workbench.notification(/Nothing was sent to http:\/\/gpu-box\.example/).waitFor();
    assert.equal(proxy.requestCount, 0);
  });

  it('is sent to after a yes, without a second question', async () => {
    await workbench.ask('Open one?');
    await dialog().getByRole('button', { name: 'Send' }).click();
    const exchange = await proxy.nextChat();
    exchange.text('From far away');
    exchange.finish();
    await textWhen(workbench.answer('Open one?'), (text) => text.includes('vllm, their-model'));
    await workbench.ask('And again?');
    const second = await proxy.nextChat();
    second.finish();
    await textWhen(workbench.answer('And again?'), (text) => text.includes('vllm, their-model'));
    // The chat asks as little as the rest.
    const question = workbench.chat.frame.getByRole('textbox', { name: 'Question' });
    await question.fill('And here?');
    await question.press('Enter');
    const third = await proxy.nextChat();
    third.finish();
    await workbench.chat.model('their-model').waitFor();
  });
});

describe('A workspace in Restricted Mode', () => {
  let workbench: Workbench;
  let theirs: StepServer;
  let own: StepServer;

  before(async () => {
    theirs = await StepServer.start(['their-model']);
    own = await StepServer.start(['own-model']);
    workbench = await Workbench.open(
      {
        'a2ia.backend': 'openai-compatible',
        'a2ia.openaiCompatibleUrl': theirs.url,
        'a2ia.vllmUrl': theirs.url,
        'a2ia.model': 'their-model',
      },
      { restricted: true, userSettings: { 'a2ia.backend': 'vllm', 'a2ia.vllmUrl': own.url } },
    );
  });
  after(async () => {
    await workbench.close();
    await theirs.stop();
    await own.stop();
  });
  pictureOfFailure(() => workbench);

  it('cannot say who answers, at which address, with which model', async () => {
    await workbench.ask('Who are you?');
    const exchange = await own.nextChat();
    assert.equal(exchange.body.model, 'own-model');
    exchange.finish();
    await textWhen(workbench.answer('Who are you?'), (text) => text.includes('vllm, own-model'));
    await workbench.screenshot('restricted-mode');
    assert.equal(theirs.requestCount, 0);
  });
});
