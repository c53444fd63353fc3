import * as vscode from 'vscode';
import type { EditorSource } from './context/editorSource.ts';

/** At each cursor of the editor that was used last, in place of what is selected there, as one undo step. Undefined, else why not. */
export async function insertAtCursor(text: string, editors: EditorSource): Promise<string | undefined> {
  const last = editors.editor;
  if (!last) return 'No text editor is open. Open the file that the code belongs to.';
  const { document, selections } = last;
  // Only an editor that is on the screen can be edited, and its cursor seen.
  const viewColumn = last.viewColumn ?? vscode.ViewColumn.Active;
  const editor = await vscode.window.showTextDocument(document, { viewColumn });
  editor.selections = selections;
  editor.revealRange(editor.selection);
  const { version } = document;
  const done = await editor.edit((edit) => {
    for (const selection of selections) edit.replace(selection, text);
  });
  // VS Code calls it done, too, where the document is read-only.
  return done && document.version > version
    ? undefined
    : `${vscode.workspace.asRelativePath(document.uri)} cannot be changed: it may be read-only.`;
}

/** Not saved: its name and place are the user's to say. */
export async function openNewFile(content: string, language: string): Promise<void> {
  const known = await vscode.languages.getLanguages();
  const wanted = aliases.get(language.toLowerCase()) ?? language.toLowerCase();
  const document = await vscode.workspace.openTextDocument({
    content,
    ...(known.includes(wanted) ? { language: wanted } : {}),
  });
  await vscode.window.showTextDocument(document, { preview: false });
}

/** What models write after a fence, where VS Code calls it otherwise. */
const aliases: ReadonlyMap<string, string> = new Map([
  ['bash', 'shellscript'],
  ['c++', 'cpp'],
  ['c#', 'csharp'],
  ['cs', 'csharp'],
  ['docker', 'dockerfile'],
  ['golang', 'go'],
  ['js', 'javascript'],
  ['jsx', 'javascriptreact'],
  ['kt', 'kotlin'],
  ['md', 'markdown'],
  ['ps1', 'powershell'],
  ['py', 'python'],
  ['rb', 'ruby'],
  ['rs', 'rust'],
  ['sh', 'shellscript'],
  ['shell', 'shellscript'],
  ['ts', 'typescript'],
  ['tsx', 'typescriptreact'],
  ['yml', 'yaml'],
  ['zsh', 'shellscript'],
]);

/** Of a scheme that cannot run anything, and only because the user clicked. Undefined, else why not. */
export async function openLink(href: string): Promise<string | undefined> {
  let url: URL;
  try {
    url = new URL(href);
  } catch {
    return 'That link leads nowhere: it is no whole address.';
  }
  if (!['http:', 'https:', 'mailto:'].includes(url.protocol)) {
    return `A link to ${url.protocol} is not opened: only http, https and mailto are.`;
  }
  await vscode.env.openExternal(vscode.Uri.parse(url.href, true));
  return undefined;
}
