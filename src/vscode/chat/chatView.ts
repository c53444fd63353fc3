import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';
import { parsePanelMessage, type PanelMessage } from '../../protocol/messages.ts';
import type { Post } from './panelChannel.ts';

/** What happens in a view. */
export interface ChatViewEvents {
  /** The page is there, or missed something. */
  readonly onReady: (post: Post) => unknown;
  readonly onMessage: (message: PanelMessage) => unknown;
  readonly onVisible: (isVisible: boolean) => unknown;
}

/**
 * Puts the page into a view. Its content goes when the view is hidden and comes back with `ready`: keeping it would cost the memory of a page for as long as
 * the window is open, and a snapshot is quick.
 */
export function connectChatView(view: vscode.WebviewView, extensionUri: vscode.Uri, events: ChatViewEvents): void {
  const { webview } = view;
  const folder = vscode.Uri.joinPath(extensionUri, 'dist', 'webview');
  webview.options = { enableScripts: true, localResourceRoots: [folder] };
  const post: Post = (message) => webview.postMessage(message);
  webview.onDidReceiveMessage((data: unknown) => {
    const message = parsePanelMessage(data);
    if (!message) return;
    if (message.type === 'ready') events.onReady(post);
    else events.onMessage(message);
  });
  view.onDidChangeVisibility(() => events.onVisible(view.visible));
  view.onDidDispose(() => events.onVisible(false));
  webview.html = pageHtml(webview, folder);
  events.onVisible(view.visible);
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
