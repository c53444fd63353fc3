import { readFileSync } from 'node:fs';
import path from 'node:path';

export const themes = ['dark', 'light', 'darkHighContrast', 'lightHighContrast'] as const;
export type Theme = (typeof themes)[number];

interface ThemeFile {
  readonly bodyClass: string;
  readonly variables: Readonly<Record<string, string>>;
}

export function themeFile(theme: Theme): ThemeFile {
  const file = path.join(import.meta.dirname, '../fixtures/themes', `${theme}.json`);
  return JSON.parse(readFileSync(file, 'utf8')) as ThemeFile;
}

/** What VS Code puts into every webview: the theme, the fonts, and a style that one's own may override. `background`: of the part of the window it is in. */
export function editorStyle(theme: ThemeFile['variables'], background: 'sideBar' | 'editor'): string {
  const fonts = {
    '--vscode-font-family': 'system-ui, "Ubuntu", "Liberation Sans", sans-serif',
    '--vscode-font-weight': 'normal',
    '--vscode-font-size': '13px',
    '--vscode-editor-font-family': '"Liberation Mono", monospace',
    '--vscode-editor-font-weight': 'normal',
    '--vscode-editor-font-size': '14px',
  };
  const variables = Object.entries({ ...fonts, ...theme });
  return `html { ${variables.map(([name, value]) => `${name}: ${value};`).join(' ')} background: var(--vscode-${background}-background); }
    body { background: transparent; color: var(--vscode-editor-foreground); font: var(--vscode-font-weight) var(--vscode-font-size) var(--vscode-font-family); margin: 0; padding: 0 20px; }
    a { color: var(--vscode-textLink-foreground); }
    code { font-family: var(--vscode-editor-font-family); color: var(--vscode-textPreformat-foreground); background: var(--vscode-textPreformat-background); }
    blockquote { background: var(--vscode-textBlockQuote-background); border-color: var(--vscode-textBlockQuote-border); }`;
}

/** In the page, before its script: what VS Code gives a webview. The state outlives a reload. Whoever opens the page exposes `postToHost`. */
export function hostStub(): void {
  const scope = window as unknown as Record<string, unknown> & { postToHost(data: unknown): void };
  scope['acquireVsCodeApi'] = () => ({
    postMessage: (message: unknown) => scope.postToHost(message),
    getState: (): unknown => JSON.parse(sessionStorage.getItem('state') ?? 'null') ?? undefined,
    setState: (state: unknown) => sessionStorage.setItem('state', JSON.stringify(state)),
  });
}

/** Resolves when the page has taken and drawn a message from its host. In the page; `json`: as it travels in VS Code. */
export async function receiveAndDraw(json: string): Promise<void> {
  window.postMessage(JSON.parse(json), '*');
  await new Promise((resolve) => setTimeout(resolve));
  await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
}
