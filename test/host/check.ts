import * as vscode from 'vscode';
import type { AskResult } from '../../src/vscode/ask.ts';

/**
 * `npm start -- --check`: one question through the real command in a real VS Code. Prints the answer as it grows in the editor.
 * Throws, and so fails the run, when anything in that chain failed.
 */
export async function run(): Promise<void> {
  const backend = process.env['A2IA_CHECK_BACKEND'];
  if (backend) {
    await vscode.workspace.getConfiguration().update('a2ia.backend', backend, vscode.ConfigurationTarget.Global);
  }
  let printedChars = 0;
  let grew = false;
  // Whole lines only: the console of the extension host ends every call with a line end.
  const printNew = (document: vscode.TextDocument) => {
    const text = document.getText();
    grew = true;
    const complete = text.lastIndexOf('\n');
    if (complete <= printedChars) return;
    console.log(text.slice(printedChars, complete));
    printedChars = complete + 1;
  };
  const watching = vscode.workspace.onDidChangeTextDocument(({ document }) => {
    if (document.isUntitled && document.languageId === 'markdown') printNew(document);
  });
  const question = 'Write a Python function that adds two numbers.';
  const result = await vscode.commands.executeCommand<AskResult | undefined>('a2ia.ask', question);
  watching.dispose();
  if (!result) throw new Error('A2IA: Ask gave no result.');
  if (result.outcome !== 'finished') throw new Error(`A2IA: Ask ${result.outcome}. ${result.problem ?? ''}`);
  if (result.text.trim() === '') throw new Error('The model answered with nothing.');
  if (!grew) throw new Error('Nothing was written into the editor.');
  const rate = result.tokensPerSecond === undefined ? 'unknown' : result.tokensPerSecond.toFixed(1);
  console.log(
    `A2IA check: backend ${result.backend ?? '?'}, model ${result.model ?? '?'}, ${rate} tokens/s, VS Code ${vscode.version}`,
  );
}
