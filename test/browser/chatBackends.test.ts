import assert from 'node:assert/strict';
import { answering, dialectOf } from '../support/dialects.ts';
import { ScriptedServer } from '../support/scriptedServer.ts';
import { StepServer } from '../support/stepServer.ts';
import type { ChatPanel } from './chatPanel.ts';
import { pictureOfFailure, Workbench } from './workbench.ts';

const ollama = dialectOf('ollama');

interface SentBody {
  readonly model: string;
  readonly messages: readonly { readonly role: string; readonly content: string }[];
}

describe('The chat between two kinds of servers', () => {
  let workbench: Workbench;
  let panel: ChatPanel;
  /** vLLM, with a large window. */
  let large: StepServer;
  /** Ollama, with a small one. */
  let small: ScriptedServer;

  before(async () => {
    large = await StepServer.start(['large-7b'], { contextTokens: { 'large-7b': 16_384 } });
    small = await ScriptedServer.start(ollama.routes(['small-1b:latest']));
    const loaded = { name: 'small-1b:latest', model: 'small-1b:latest', context_length: 1024 };
    small.on('/api/ps', (exchange) => exchange.json({ models: [loaded] }));
    workbench = await Workbench.open({
      'a2ia.backend': 'vllm',
      'a2ia.vllmUrl': large.url,
      'a2ia.ollamaUrl': small.url,
    });
    panel = workbench.chat;
  });
  after(async () => {
    await workbench.close();
    await large.stop();
    await small.close();
  });
  beforeEach(async () => {
    await workbench.newChat();
    await switchTo('large-7b');
  });
  pictureOfFailure(() => workbench);

  /** By the picker behind the header. */
  async function switchTo(model: string): Promise<void> {
    if ((await panel.model(model).count()) > 0) return;
    await panel.button(/Switch model/).click();
    await workbench.clickRow(model);
    await panel.model(model).waitFor();
  }

  async function answered(question: string, answer: string): Promise<void> {
    await panel.send(question);
    const exchange = await large.nextChat();
    exchange.text(answer);
    exchange.finish();
    await panel.facts('Complete').waitFor();
  }

  const smallAnswers = (text: string) =>
    small.on(ollama.chatPath, answering(ollama, ollama.text(text), ollama.finish()));
  const sentToSmall = () => JSON.parse(small.requestsTo(ollama.chatPath).at(-1)?.body ?? '{}') as SentBody;
  const contents = ({ messages }: SentBody) => messages.slice(1).map(({ content }) => content);

  it('goes on with the other one, which is sent what was said before', async () => {
    smallAnswers('By Ollama.');
    await answered('Who are you?', 'By vLLM.');
    await switchTo('small-1b');
    await panel.send('And now?');
    await panel.lastAnswer.getByText('By Ollama.').waitFor();
    await panel.facts('Complete').waitFor();
    assert.equal(sentToSmall().model, 'small-1b:latest');
    assert.deepEqual(contents(sentToSmall()), ['Who are you?', 'By vLLM.', 'And now?']);
    await switchTo('large-7b');
    await panel.send('And back?');
    const exchange = await large.nextChat();
    assert.deepEqual(contents(exchange.body), ['Who are you?', 'By vLLM.', 'And now?', 'By Ollama.', 'And back?']);
    exchange.finish();
    await panel.facts('Complete').waitFor();
  });

  it('says before anything is sent what does not fit into the window of the other one', async () => {
    smallAnswers('It ends well.');
    await answered('Tell me a story.', 'once upon a time '.repeat(400));
    const requests = small.requestsTo(ollama.chatPath).length;
    await switchTo('small-1b');
    await panel.frame.getByText('This is more than the model reads at once.').waitFor();
    await panel.send('How does it end?');
    await workbench.screenshot('chat-smaller-window', panel.view);
    assert.equal(await panel.input.inputValue(), 'How does it end?');
    await panel.proposals.filter({ hasText: 'Leave out all earlier messages' }).click();
    await panel.proposals.first().waitFor({ state: 'hidden' });
    assert.equal(small.requestsTo(ollama.chatPath).length, requests, 'nothing was sent before the user agreed');
    await panel.input.press('Enter');
    await panel.lastAnswer.getByText('It ends well.').waitFor();
    assert.deepEqual(contents(sentToSmall()), ['How does it end?']);
    // With plenty of room it is offered to send it again, and sent if one wants.
    await switchTo('large-7b');
    await panel.proposals.filter({ hasText: 'Send again what was left out' }).click();
    await panel.send('And how did it begin?');
    const exchange = await large.nextChat();
    assert.match(contents(exchange.body).join('\n'), /Tell me a story\.[^]*once upon a time/);
    exchange.finish();
    await panel.facts('Complete').waitFor();
  });

  it('asks the other one for another answer, beside the first, and says what does not fit', async () => {
    smallAnswers('Another, by Ollama.');
    await answered('A question with many words: '.padEnd(200, 'word '), 'once upon a time '.repeat(400));
    await answered('Which one?', 'This one, by vLLM.');
    const requests = small.requestsTo(ollama.chatPath).length;
    await panel.button('Retry with another model').last().click();
    await workbench.quickInputTitle('A2IA: Retry With Another Model').waitFor();
    await workbench.clickRow('small-1b');
    await panel.frame.getByText('This is more than small-1b:latest reads at once. You can:').waitFor();
    await workbench.screenshot('chat-retry-other-model', panel.view);
    assert.equal(small.requestsTo(ollama.chatPath).length, requests);
    await panel.proposals.filter({ hasText: 'Leave out all earlier messages' }).click();
    await panel.lastAnswer.getByText('Another, by Ollama.').waitFor();
    await panel.lastAnswer.locator('.author', { hasText: 'small-1b:latest' }).waitFor();
    await panel.lastAnswer.getByText('2 of 2').waitFor();
    assert.deepEqual(contents(sentToSmall()), ['Which one?']);
    // The settings stay: the next question goes to whom the header names.
    await panel.model('large-7b').waitFor();
    await panel.button(/previous answer/i).click();
    await panel.lastAnswer.getByText('This one, by vLLM.').waitFor();
  });
});
