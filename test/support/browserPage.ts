import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import esbuild from 'esbuild';
import type { Browser, Page } from 'playwright-core';
import { ensureBrowser, launchBrowser } from '../../scripts/browser.mjs';
import { createReport } from '../../scripts/lib/report.mjs';

const root = path.join(import.meta.dirname, '../..');
const outdir = path.join(root, 'out', 'browser-page');

export interface BrowserPageOptions {
  /** A program for the page, from the root of the repository: `test/browser/pages/markdown.ts`. It can leave functions on `globalThis` for tests. */
  readonly entry: string;
  /** Style sheets, from the root of the repository. */
  readonly styles?: readonly string[];
  /** CSS that comes before them: what the editor puts into each panel. */
  readonly editorStyle?: string;
  /** HTML of the body. */
  readonly body?: string;
  /** Of the body: `vscode-dark`. */
  readonly bodyClass?: string;
  readonly viewport?: { readonly width: number; readonly height: number };
  /** Left out: one of its own, which ends with the page. */
  readonly browser?: Browser;
  /** Before anything is loaded. */
  readonly prepare?: (page: Page) => Promise<void>;
}

/**
 * A page as the editor shows a panel: bundled as the panel is, under the panel's content security policy, in a real browser. Whatever it asks for that is not
 * its own is noted and refused.
 */
export class BrowserPage {
  readonly page: Page;
  /** Addresses that the page asked for, beyond its own program, chunks and style sheets. */
  readonly foreignRequests: string[] = [];
  /** What the content security policy had to refuse, and errors that nobody caught. */
  readonly troubles: string[] = [];
  readonly #close: () => Promise<void>;

  private constructor(page: Page, close: () => Promise<void>) {
    this.page = page;
    this.#close = close;
  }

  static async open({
    entry,
    styles = [],
    editorStyle = '',
    body = '',
    bodyClass = '',
    viewport = { width: 400, height: 800 },
    browser: shared,
    prepare,
  }: BrowserPageOptions): Promise<BrowserPage> {
    const files = new Map([['/editor.css', editorStyle], ...(await bundled([entry, ...styles]))]);
    const nonce = randomBytes(16).toString('base64');
    const server = createServer(({ url = '/', headers }, response) => {
      const file = files.get(url);
      if (file !== undefined) {
        response.setHeader('Content-Type', url.endsWith('.css') ? 'text/css' : 'text/javascript');
        return void response.end(file);
      }
      if (url !== '/') return void response.writeHead(404).end();
      response.setHeader('Content-Type', 'text/html; charset=utf-8');
      response.setHeader('Content-Security-Policy', policy(`http://${headers.host}`, nonce));
      response.end(html(files, `${path.basename(entry, '.ts')}.js`, nonce, body, bodyClass));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    let browser: Browser | undefined;
    let page: Page | undefined;
    const close = async () => {
      await (shared ? page?.close() : browser?.close());
      server.closeAllConnections();
      server.close();
    };
    try {
      browser = shared ?? (await startBrowser());
      // So that a picture shows what is there, and not half of what appears.
      page = await browser.newPage({ viewport, reducedMotion: 'reduce' });
      const opened = new BrowserPage(page, close);
      await opened.#watch(origin, files);
      await prepare?.(page);
      await page.goto(`${origin}/`);
      return opened;
    } catch (error) {
      await close();
      throw error;
    }
  }

  close(): Promise<void> {
    return this.#close();
  }

  async #watch(origin: string, files: ReadonlyMap<string, string>): Promise<void> {
    const own = new Set(['/', '/favicon.ico', ...files.keys()].map((file) => origin + file));
    await this.page.route('**', (route) => {
      const url = route.request().url();
      if (own.has(url)) return route.continue();
      this.foreignRequests.push(url);
      return route.abort();
    });
    this.page.on('pageerror', (error) => this.troubles.push(error.message));
    this.page.on('console', (message) => {
      if (message.type() === 'error' && !message.location().url.endsWith('/favicon.ico'))
        this.troubles.push(message.text());
    });
    this.page.on('dialog', (dialog) => this.troubles.push(`dialog: ${dialog.message()}`));
    this.page.on('popup', (popup) => this.troubles.push(`popup: ${popup.url()}`));
    this.page.on('download', (download) => this.troubles.push(`download: ${download.url()}`));
  }
}

export async function startBrowser(): Promise<Browser> {
  return launchBrowser({ executablePath: await ensureBrowser(createReport(process.stderr)) });
}

const bundles = new Map<string, Promise<ReadonlyMap<string, string>>>();

/** By the path under which they are served; bundled once, however many pages show it. */
function bundled(entryPoints: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const key = entryPoints.join();
  const known = bundles.get(key) ?? bundle(entryPoints);
  bundles.set(key, known);
  return known;
}

async function bundle(entryPoints: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const { outputFiles } = await esbuild.build({
    absWorkingDir: root,
    entryPoints: [...entryPoints],
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'browser',
    target: 'chrome138',
    entryNames: '[name]',
    chunkNames: '[name]-[hash]',
    outdir,
    write: false,
    logLevel: 'warning',
  });
  return new Map(outputFiles.map(({ path: file, text }) => [`/${path.relative(outdir, file)}`, text]));
}

function policy(source: string, nonce: string): string {
  return [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    `style-src ${source}`,
    `font-src ${source}`,
    `img-src ${source} data:`,
    "require-trusted-types-for 'script'",
  ].join('; ');
}

function html(
  files: ReadonlyMap<string, string>,
  script: string,
  nonce: string,
  body: string,
  bodyClass: string,
): string {
  const styles = [...files.keys()].filter((name) => name.endsWith('.css'));
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>A2IA</title>
${styles.map((name) => `<link rel="stylesheet" href="${name}">`).join('\n')}
</head>
<body class="${bodyClass}">
${body}
<script type="module" nonce="${nonce}" src="/${script}"></script>
</body>
</html>`;
}
