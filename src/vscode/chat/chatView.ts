import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';
import { parsePanelMessage, type PanelMessage } from '../../protocol/messages.ts';
import type { Post } from './panelChannel.ts';

/** Of the panel, what a view needs. */
export interface PanelOfView {
  readonly channel: { begin(post: Post): void };
  receive(message: PanelMessage): unknown;
  setVisible(isVisible: boolean): void;
}

/**
 * Puts the page into a view, and then makes its panel: the page loads in its own process meanwhile, and what it says waits. Its content goes when the view is
 * hidden and comes back with `ready`: keeping it would cost the memory of a page for as long as the window is open, and a snapshot is quick.
 */
export async function showChatPage(
  view: vscode.WebviewView,
  extensionUri: vscode.Uri,
  makePanel: () => Promise<PanelOfView>,
): Promise<void> {
  const { webview } = view;
  const folder = vscode.Uri.joinPath(extensionUri, 'dist', 'webview');
  webview.options = { enableScripts: true, localResourceRoots: [folder] };
  webview.html = pageHtml(webview, folder);
  const made = makePanel();
  // In their order, however long it takes until there is a conversation. That there will be none is said below.
  const then = (work: (panel: PanelOfView) => unknown) => void made.then(work, () => undefined);
  const setVisible = (isVisible: boolean) => then((panel) => panel.setVisible(isVisible));
  const post: Post = (message) => webview.postMessage(message);
  webview.onDidReceiveMessage((data: unknown) => {
    const message = parsePanelMessage(data);
    if (message) then((panel) => (message.type === 'ready' ? panel.channel.begin(post) : panel.receive(message)));
  });
  view.onDidChangeVisibility(() => setVisible(view.visible));
  view.onDidDispose(() => setVisible(false));
  setVisible(view.visible);
  await made;
}

function pageHtml(webview: vscode.Webview, folder: vscode.Uri): string {
  const nonce = randomBytes(16).toString('base64');
  const uriOf = (name: string) => webview.asWebviewUri(vscode.Uri.joinPath(folder, name)).toString();
  // Nothing is loaded from elsewhere, no image either: its address could carry away what a model wrote.
  const policy = [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    `style-src ${webview.cspSource}`,
    `font-src ${webview.cspSource}`,
    `img-src ${webview.cspSource} data:`,
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; ');
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<title>A2IA Chat</title>
<link rel="stylesheet" href="${uriOf('chatStyle.css')}">
</head>
<body><script type="module" nonce="${nonce}" src="${uriOf('chat.js')}"></script></body>
</html>`;
}
