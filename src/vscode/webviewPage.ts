import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';

export interface WebviewPage {
  readonly title: string;
  /** In dist/webview, without ending. */
  readonly script: string;
  readonly style: string;
}

/** Puts a page into a webview. It loads its own script and styles and nothing else, and can make no markup of text. */
export function showWebviewPage(webview: vscode.Webview, extensionUri: vscode.Uri, page: WebviewPage): void {
  const folder = vscode.Uri.joinPath(extensionUri, 'dist', 'webview');
  webview.options = { enableScripts: true, localResourceRoots: [folder] };
  webview.html = pageHtml(webview, folder, page);
}

function pageHtml(webview: vscode.Webview, folder: vscode.Uri, { title, script, style }: WebviewPage): string {
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
<title>${title}</title>
<link rel="stylesheet" href="${uriOf(`${style}.css`)}">
</head>
<body><script type="module" nonce="${nonce}" src="${uriOf(`${script}.js`)}"></script></body>
</html>`;
}
