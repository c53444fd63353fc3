/** Colours of terminal output: of no use here. Every other escape sequence is shown. */

const colours = /\u001b\[[0-9;:]*m/g;

const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** Marks that reorder text, and those that nobody sees, as far as no language and no emoji needs them in prose. */
const reordering = /[\u202a-\u202e\u2066-\u2069]/g;
const invisible =
  /[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0e\ufeff\uffa0\ufff9-\ufffb\u{e0000}-\u{e0fff}]/gu;

/**
 * One line of an answer without anything that a terminal would obey: colours go, other controls become the pictures that Unicode has for them (`␛`), so that
 * what is shown can be copied without harm.
 */
export function withoutControls(line: string): string {
  return line.replace(colours, '').replace(controls, (control) => {
    const code = control.charCodeAt(0);
    if (code === 0x7f) return '␡';
    return code < 0x20 ? String.fromCharCode(0x2400 + code) : '\ufffd';
  });
}

/** For prose: what turns the direction of text is shown by its number. */
export function visibleText(text: string): string {
  return text.replace(reordering, byNumber);
}

/** For code and addresses, where every character counts: whatever nobody sees is shown by its number, `[U+200B]`. */
export function visibleCode(text: string): string {
  return text.replace(invisible, byNumber);
}

function byNumber(character: string): string {
  return `[U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}]`;
}

const named: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  nbsp: '\u00a0',
  copy: '©',
  reg: '®',
  deg: '°',
  plusmn: '±',
  times: '×',
  divide: '÷',
  micro: 'µ',
  hellip: '…',
  ndash: '–',
  mdash: '—',
  lsquo: '‘',
  rsquo: '’',
  ldquo: '“',
  rdquo: '”',
  bull: '•',
  middot: '·',
  larr: '←',
  uarr: '↑',
  rarr: '→',
  darr: '↓',
  le: '≤',
  ge: '≥',
  ne: '≠',
  infin: '∞',
  euro: '€',
};

/** The character references that models write; others stay as they are. */
export function withoutReferences(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|([a-z]{2,6}));/g, (whole, decimal, hex, name) => {
    if (typeof name === 'string') return Object.hasOwn(named, name) ? (named[name] ?? whole) : whole;
    const code = typeof decimal === 'string' ? Number(decimal) : Number.parseInt(String(hex), 16);
    const isCharacter = code >= 0x20 && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff);
    return isCharacter ? withoutControls(String.fromCodePoint(code)) : '\ufffd';
  });
}
