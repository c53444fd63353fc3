import { StepServer } from '../support/stepServer.ts';
import { pictureOfFailure, textWhen, Workbench } from './workbench.ts';

describe('A2IA: Check Connection in a real workbench', () => {
  let workbench: Workbench;
  let server: StepServer;

  before(async () => {
    server = await StepServer.start(['qwen2.5-coder-7b']);
    workbench = await Workbench.open({ 'a2ia.backend': 'vllm', 'a2ia.vllmUrl': server.url });
  });
  after(async () => {
    await workbench.close();
    await server.stop();
  });
  pictureOfFailure(() => workbench);

  const report = () => workbench.page.locator('.editor-instance .view-lines', { hasText: 'A2IA: Connection' });

  it('shows every step of a connection that works', async () => {
    await workbench.runCommand('A2IA: Check Connection');
    // One token, and one more to see whether tools are taken.
    for (const text of ['Hi', 'Hi']) (await server.nextChat()).text(text);
    await textWhen(report(), (text) => text.includes('It works: qwen2.5-coder-7b began to answer'));
    await workbench.notification('vllm: It works').getByRole('button', { name: 'Copy Report' }).waitFor();
    await workbench.page.keyboard.press('Escape');
    await workbench.screenshot('connection-works');
  });

  it('is offered by an error, and shows which step failed with a button for it', async () => {
    await server.stop();
    await workbench.ask('Anybody there?');
    const problem = workbench.notification(/Nothing listens at/);
    await problem.getByRole('button', { name: 'Check Connection' }).click();
    // The editor wraps long lines.
    await textWhen(report(), (text) => /✘ \*\*Connection \(TCP\)\*\*: Nothing\s+listens at/.test(text));
    for (const title of ['Copy Report', 'Check Again', 'Run “vllm”']) {
      await workbench.page.locator('.codelens-decoration a', { hasText: title }).first().waitFor();
    }
    await workbench.screenshot('connection-failed');
  });
});
