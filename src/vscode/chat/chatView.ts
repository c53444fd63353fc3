import type * as vscode from 'vscode';
import { parsePanelMessage, type PanelMessage } from '../../protocol/messages.ts';
import { showWebviewPage } from '../webviewPage.ts';
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
  showWebviewPage(webview, extensionUri, { title: 'A2IA Chat', script: 'chat', style: 'chatStyle' });
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
