import { MarkdownView } from '../../../src/webview/markdown/markdownView.ts';

/** What tests do with Markdown in a page: they call these by `page.evaluate`. */
export interface MarkdownPage {
  readonly actions: (readonly string[])[];
  newView(): MarkdownView;
  /** Without the colours of code, which come later. */
  dom(view: MarkdownView): string;
  /** Renders the text up to each of the cuts, then all of it. */
  stream(text: string, cuts: readonly number[]): Promise<MarkdownView>;
  whole(text: string): Promise<MarkdownView>;
  element(view: MarkdownView): HTMLElement;
}

const elements = new WeakMap<MarkdownView, HTMLElement>();
const actions: (readonly string[])[] = [];

function newView(): MarkdownView {
  const element = document.createElement('div');
  document.body.replaceChildren(element);
  const view = new MarkdownView(element, {
    copy: (text) => actions.push(['copy', text]),
    insert: (text) => actions.push(['insert', text]),
    newFile: (text, language) => actions.push(['newFile', text, language]),
    apply: (text, info) => actions.push(['apply', text, info]),
    openLink: (href) => actions.push(['openLink', href]),
  });
  elements.set(view, element);
  return view;
}

function element(view: MarkdownView): HTMLElement {
  const found = elements.get(view);
  if (!found) throw new Error('There is no such view.');
  return found;
}

function dom(view: MarkdownView): string {
  const copy = element(view).cloneNode(true) as HTMLElement;
  for (const code of copy.querySelectorAll('.codeBlock code')) code.replaceChildren(code.textContent ?? '');
  copy.normalize();
  return copy.outerHTML;
}

async function rendered(view: MarkdownView): Promise<MarkdownView> {
  while (element(view).hasAttribute('aria-busy')) await new Promise((resolve) => setTimeout(resolve));
  return view;
}

async function stream(text: string, cuts: readonly number[]): Promise<MarkdownView> {
  const view = newView();
  for (const cut of cuts) view.update(text.slice(0, cut), false);
  view.update(text, true);
  return rendered(view);
}

function whole(text: string): Promise<MarkdownView> {
  return stream(text, []);
}

declare global {
  var markdownPage: MarkdownPage;
}
globalThis.markdownPage = { actions, newView, dom, stream, whole, element };
