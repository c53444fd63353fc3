import * as vscode from 'vscode';
import { largestTextBytes } from '../../../core/chat/fileContent.ts';
import { refuse, textAttachment, type Attached, type Offer } from './attached.ts';
import { tooLarge } from './readFile.ts';

/**
 * The selection of the terminal, and its last command with what it printed.
 *
 * VS Code has no stable API for a terminal's text. Listening to every command from the start (`onDidStartTerminalShellExecution`) would read along in
 * terminals nobody asks about, and know nothing of what ran before the chat was opened. The terminal's own copy commands know both, so the text goes
 * through the clipboard, which has its text back a moment later.
 */
export function terminalOffers(isNamed: boolean): readonly Offer[] {
  const { activeTerminal } = vscode.window;
  if (!activeTerminal && !isNamed) return [];
  const name = activeTerminal?.name ?? 'no terminal is open';
  return [
    {
      id: 'terminal selection',
      label: '@terminal selection',
      detail: name,
      attach: () =>
        attachCopied(
          'workbench.action.terminal.copySelection',
          'Terminal selection',
          'Nothing is selected in the terminal. Select the lines you mean in it.',
        ),
    },
    {
      id: 'terminal last command',
      label: '@terminal last command',
      detail: name,
      attach: () =>
        attachCopied(
          'workbench.action.terminal.copyLastCommandAndLastCommandOutput',
          'Last command in the terminal',
          'The terminal does not know what its last command printed: nothing was run yet, or its shell integration is off. Select the lines you mean in it.',
        ),
    },
  ];
}

async function attachCopied(command: string, what: string, whyNothing: string): Promise<Attached> {
  const terminal = vscode.window.activeTerminal;
  if (!terminal) return refuse('No terminal is open.');
  try {
    const text = await copied(command);
    if (text.trim() === '') return refuse(whyNothing);
    const bytes = Buffer.byteLength(text);
    if (bytes > largestTextBytes) return tooLarge(what, bytes);
    return textAttachment({ source: 'terminal', label: `${what} (${terminal.name})`, languageId: '', text });
  } catch {
    return refuse(
      'The terminal’s text could not be read: VS Code may not use the clipboard here. Copy it and paste it.',
    );
  }
}

/** The clipboard is one for all: what two read at once would be mixed. */
let reading: Promise<unknown> = Promise.resolve();

/** What the command puts into the clipboard; empty when it puts nothing there. */
function copied(command: string): Promise<string> {
  const text = reading.then(() => throughClipboard(command));
  reading = text.catch(() => undefined);
  return text;
}

async function throughClipboard(command: string): Promise<string> {
  const { clipboard } = vscode.env;
  const before = await clipboard.readText();
  // What is copied can be what is there already.
  const marker = `a2ia ${crypto.randomUUID()}`;
  await clipboard.writeText(marker);
  let put = marker;
  try {
    await vscode.commands.executeCommand(command);
    put = await clipboard.readText();
    return put === marker ? '' : put;
  } finally {
    // Somebody may have copied something meanwhile.
    if ((await clipboard.readText()) === put) await clipboard.writeText(before);
  }
}
