import { Lexer, Marked, type MarkedToken, type Token, type TokenizerAndRendererExtension, type Tokens } from 'marked';
import { visibleCode, visibleText, withoutReferences } from './plainText.ts';

/** Emphasis in emphasis in a link in …: below this it is text. */
const deepest = 16;
/** Some of marked's rules look at all the text behind each mark. With more marks than any writer sets this takes too long, and the text stays as it is. */
const mostWork = 1_000_000;
/** Of an address in the text; all of it stands in the title. */
const longestAddressChars = 80;

/** `[label]: address` lines, by their labels. */
export interface Definitions {
  readonly links: Record<string, { href: string; title: string }>;
  /** Labels that were looked for in vain: when one of them is defined later, the text has to be rendered again. */
  readonly missed: Set<string>;
}

export function noDefinitions(): Definitions {
  return { links: Object.create(null) as Definitions['links'], missed: new Set() };
}

/** As marked looks them up. */
export function labelOf(text: string): string {
  return text.replace(/\s+/g, ' ').trim().toLowerCase();
}

interface MathToken {
  readonly type: 'math';
  readonly raw: string;
}
interface FootnoteToken {
  readonly type: 'footnote';
  readonly raw: string;
  readonly label: string;
}
type InlineToken = MarkedToken | MathToken | FootnoteToken;

/** A `$` opens before a character and closes after one, so that `$5 or $10` is no formula. */
const mathRules = [
  /^\$\$(?!\s)[^$]{1,2000}?\$\$/,
  /^\$(?![\s$])(?:\\[^]|[^\\$\n]){0,500}?(?<!\s)\$(?!\d)/,
  /^\\\((?:(?!\\\))[^]){1,2000}\\\)/,
  /^\\\[(?:(?!\\\])[^]){1,2000}\\\]/,
];

/** Left as it is written, so that emphasis and escapes take nothing out of it. */
const math: TokenizerAndRendererExtension = {
  name: 'math',
  level: 'inline',
  start: (source) => indexOrNone(/\$|\\[([]/.exec(source)),
  tokenizer: (source) => {
    if (source[0] !== '$' && source[0] !== '\\') return undefined;
    for (const rule of mathRules) {
      const raw = rule.exec(source)?.[0];
      if (raw !== undefined) return { type: 'math', raw };
    }
    return undefined;
  },
};

const footnote: TokenizerAndRendererExtension = {
  name: 'footnote',
  level: 'inline',
  start: (source) => indexOrNone(/\[\^/.exec(source)),
  tokenizer: (source) => {
    const match = /^\[\^([^\]\s]{1,60})\]/.exec(source);
    return match ? { type: 'footnote', raw: match[0], label: match[1] } : undefined;
  },
};

// marked takes `undefined` for "nowhere", its types a number or nothing.
function indexOrNone(match: RegExpExecArray | null): number | void {
  return match?.index;
}

const options = new Marked({ gfm: true }).use({ extensions: [math, footnote] }).defaults;

/** Text, emphasis, links and code of one block; at most a few thousand characters. */
export function renderInline(parent: Element, text: string, definitions: Definitions): void {
  const marks = text.match(/[[*_~`<$\\@]/g)?.length ?? 0;
  if (marks * text.length > mostWork) return parent.append(visibleText(withoutReferences(text)));
  for (const [, label = ''] of text.matchAll(/\[([^[\]]{1,200})\]/g)) {
    const name = labelOf(label);
    if (!(name in definitions.links)) definitions.missed.add(name);
  }
  try {
    const lexer = new Lexer(options);
    lexer.tokens.links = definitions.links;
    const content = document.createDocumentFragment();
    renderTokens(content, lexer.inlineTokens(text), { depth: 0, isLink: false });
    parent.append(content);
  } catch (error) {
    // marked calls itself for each level.
    if (!(error instanceof RangeError)) throw error;
    parent.append(visibleText(text));
  }
}

/** How deep, and whether in a link: there every character is shown, and nothing else is a link. */
interface Place {
  readonly depth: number;
  readonly isLink: boolean;
}

function renderTokens(parent: ParentNode, tokens: readonly Token[], place: Place): void {
  for (const token of tokens) renderToken(parent, token as InlineToken, place);
}

function renderToken(parent: ParentNode, token: InlineToken, place: Place): void {
  const shown = place.isLink ? visibleCode : visibleText;
  if (place.depth > deepest) return parent.append(shown(token.raw));
  const deeper = { ...place, depth: place.depth + 1 };
  switch (token.type) {
    case 'strong':
    case 'em':
    case 'del': {
      const element = document.createElement(token.type);
      renderTokens(element, token.tokens, deeper);
      return parent.append(element);
    }
    case 'codespan':
      return parent.append(textElement('code', visibleCode(token.text)));
    case 'math': {
      const element = textElement('code', visibleCode(token.raw));
      element.className = 'math';
      return parent.append(element);
    }
    case 'footnote':
      return parent.append(textElement('sup', shown(token.label)));
    case 'br':
      return parent.append(document.createElement('br'));
    case 'link':
      return renderLink(parent, token, deeper);
    case 'image':
      return renderImage(parent, token, place);
    case 'html':
      // The one tag that models use for lack of another way: line breaks in tables.
      if (/^<br\s*\/?>$/i.test(token.raw)) return parent.append(document.createElement('br'));
      return parent.append(shown(token.raw));
    case 'escape':
      return parent.append(shown(token.text));
    case 'text':
      if (token.tokens) return renderTokens(parent, token.tokens, deeper);
      return parent.append(shown(withoutReferences(token.text)));
    default:
      return parent.append(shown(token.raw));
  }
}

function renderLink(parent: ParentNode, token: Tokens.Link, place: Place): void {
  const anchor = place.isLink ? undefined : anchorTo(token.href);
  renderTokens(anchor ?? parent, token.tokens, { ...place, isLink: true });
  if (anchor) parent.append(anchor);
  // The text does not say where it leads, and nobody can look.
  else if (token.text !== token.href) parent.append(` (${shownAddress(token.href)})`);
}

/** Never loaded: whoever serves it would learn that, and what stands in its address. */
function renderImage(parent: ParentNode, token: Tokens.Image, place: Place): void {
  const target = (place.isLink ? undefined : anchorTo(token.href)) ?? document.createElement('span');
  target.className = 'image';
  target.textContent = `${visibleCode(token.text) || 'image'} (${shownAddress(token.href)})`;
  parent.append(target);
}

/** Undefined for whatever is no address of a web page or of mail. */
function anchorTo(href: string): HTMLAnchorElement | undefined {
  const address = withoutReferences(href);
  if (!/^(?:https?:\/\/|mailto:)/i.test(address) || !URL.canParse(address)) return undefined;
  const anchor = document.createElement('a');
  anchor.href = new URL(address).href;
  // With the host as it is looked up: `xn--…` where letters of other alphabets look like known ones.
  anchor.title = visibleCode(anchor.href);
  return anchor;
}

function shownAddress(href: string): string {
  const shown = visibleCode(withoutReferences(href));
  return shown.length > longestAddressChars ? `${shown.slice(0, longestAddressChars)}…` : shown;
}

function textElement(name: 'code' | 'sup', text: string): HTMLElement {
  const element = document.createElement(name);
  element.textContent = text;
  return element;
}
