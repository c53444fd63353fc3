import type { Grammar, StringRule } from './grammars.ts';

/** Something that has no counterpart, or no end. */
export interface ScanFault {
  readonly type: 'bracket' | 'string' | 'comment' | 'hereDocument';
  readonly sign: string;
  /** From 0. */
  readonly line: number;
}

export interface ScannedLine {
  /** Without comments, and without what stands in strings: of those only the quotes are left. */
  readonly code: string;
  /** It begins within brackets, a string or a comment. */
  readonly isContinued: boolean;
}

export interface Scan {
  readonly faults: readonly ScanFault[];
  readonly lines: readonly ScannedLine[];
}

type Frame =
  | { readonly type: 'bracket'; readonly sign: string; readonly close: string; readonly line: number }
  | { readonly type: 'string'; readonly sign: string; readonly rule: StringRule; readonly line: number }
  | { readonly type: 'comment'; readonly sign: string; readonly close: string; readonly line: number };

const closers: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}' };

/** Reads code as a sequence of brackets, strings and comments. About linear in its length, as lines are: each of them is looked back upon. */
export function scan(lines: readonly string[], grammar: Grammar): Scan {
  return new Scanner(grammar).read(lines);
}

class Scanner {
  readonly #grammar: Grammar;
  readonly #frames: Frame[] = [];
  readonly #faults: ScanFault[] = [];
  /** The words of here-documents that begin after this line. */
  #awaited: { readonly word: string; readonly line: number }[] = [];
  #line = 0;
  #text = '';
  #at = 0;
  #code = '';

  constructor(grammar: Grammar) {
    this.#grammar = grammar;
  }

  read(lines: readonly string[]): Scan {
    const scanned: ScannedLine[] = [];
    for (const [line, text] of lines.entries()) {
      this.#line = line;
      this.#text = text;
      const isContinued = this.#frames.length > 0;
      this.#code = '';
      if (!this.#isInHereDocument()) this.#readLine();
      scanned.push({ code: this.#code, isContinued });
    }
    for (const { type, sign, line } of this.#frames.reverse()) this.#faults.push({ type, sign, line });
    for (const { word, line } of this.#awaited) this.#faults.push({ type: 'hereDocument', sign: word, line });
    return { faults: this.#faults, lines: scanned };
  }

  #isInHereDocument(): boolean {
    const [first] = this.#awaited;
    if (!first || first.line === this.#line) return false;
    if (this.#text.trim() === first.word) this.#awaited = this.#awaited.slice(1);
    return true;
  }

  #readLine(): void {
    for (this.#at = 0; this.#at < this.#text.length;) {
      const frame = this.#frames.at(-1);
      if (frame?.type === 'comment') this.#readComment(frame.close);
      else if (frame?.type === 'string') this.#readString(frame.rule);
      else if (!this.#readCode()) break;
    }
    const frame = this.#frames.at(-1);
    // A backslash at its end takes a string to the next line, in every language that has such strings.
    if (frame?.type === 'string' && !frame.rule.manyLines && !this.#text.endsWith('\\')) {
      this.#faults.push({ type: 'string', sign: frame.sign, line: frame.line });
      this.#frames.pop();
    }
  }

  #readComment(close: string): void {
    const { blockComments } = this.#grammar;
    const nested = blockComments.find((comment) => comment.nests && this.#isHere(comment.open));
    if (nested) {
      this.#push({ type: 'comment', sign: nested.open, close: nested.close, line: this.#line });
    } else if (this.#isHere(close)) {
      this.#at += close.length;
      this.#frames.pop();
    } else this.#at++;
  }

  #readString(rule: StringRule): void {
    const { close, escape, inside } = rule;
    if (escape === 'doubled' && this.#isHere(close + close)) this.#at += 2;
    else if (inside && this.#isHere(inside.open) && !(inside.open === '{' && this.#isHere('{{'))) {
      this.#push({ type: 'bracket', sign: inside.open, close: inside.close, line: this.#line });
    } else if (inside?.open === '{' && this.#isHere('{{')) this.#at += 2;
    else if (escape === 'backslash' && this.#isHere('\\')) this.#at += 2;
    else if (this.#isHere(close)) {
      // Of four quotes in a row the last three are the end.
      if (close.length === 3 && this.#text[this.#at + 3] === close[0] && escape !== 'backslash') this.#at++;
      this.#at += close.length;
      this.#code += close;
      this.#frames.pop();
    } else this.#at++;
  }

  /** False: the rest of the line is a comment. */
  #readCode(): boolean {
    const { lineComments, blockComments, shell } = this.#grammar;
    const sign = this.#text[this.#at] ?? '';
    const comment = blockComments.find(({ open }) => this.#isHere(open));
    if (comment) {
      this.#push({ type: 'comment', sign: comment.open, close: comment.close, line: this.#line });
    } else if (lineComments.some((mark) => this.#isHere(mark)) && this.#mayComment(sign)) return false;
    else if (shell && sign === '\\') this.#take(2);
    else if (shell && this.#readShell(sign)) return true;
    else if (this.#readQuote(sign) || this.#readRegularExpression(sign)) return true;
    else if (!shell) this.#readBracket(sign);
    else if (this.#frames.at(-1)?.type === 'bracket') this.#readBracket(sign);
    else this.#take(1);
    return true;
  }

  /** `${#name}`, `$#` and `a#b` have no comment in them. */
  #mayComment(sign: string): boolean {
    const { shell, plainText } = this.#grammar;
    if (sign !== '#' || !(shell || plainText)) return true;
    const isInExpansion = this.#frames.at(-1)?.sign === '${';
    return !isInExpansion && (this.#at === 0 || /[\s;(]/.test(this.#text[this.#at - 1] ?? ''));
  }

  #readShell(sign: string): boolean {
    const rest = this.#text.slice(this.#at, this.#at + 60);
    const isArithmetic = () => this.#frames.at(-1)?.sign === '(' || /\(\([^)]*$/.test(this.#text.slice(0, this.#at));
    const here = sign === '<' && !isArithmetic() ? /^<<-?\s*(['"\\]?)([A-Za-z_]\w*)\1/.exec(rest) : null;
    if (here && !this.#text.startsWith('<<<', this.#at - 1) && !rest.startsWith('<<<')) {
      this.#awaited.push({ word: here[2] ?? '', line: this.#line });
      this.#take(here[0].length);
      return true;
    }
    if (rest.startsWith('<<<')) return this.#take(3);
    const expansion = ['$(', '${'].find((open) => rest.startsWith(open));
    if (!expansion) return false;
    this.#push({ type: 'bracket', sign: expansion, close: closers[expansion[1] ?? ''] ?? '', line: this.#line });
    return true;
  }

  #readQuote(sign: string): boolean {
    const rule = this.#grammar.strings.find(({ open }) => this.#isHere(open));
    if (!rule) return false;
    if (this.#grammar.plainText && !this.#isAtValue()) return this.#take(1);
    if (this.#grammar.shortQuotes && sign === "'") {
      const short = /^'(?:\\(?:u\{[^}]*\}|x..|.)|[^\\'])'/u.exec(this.#text.slice(this.#at, this.#at + 16));
      return this.#take(short?.[0].length ?? 1);
    }
    if (sign === "'" && rule.open === "'" && this.#isApostrophe()) return this.#take(1);
    this.#code += rule.open;
    this.#push({ type: 'string', sign: rule.open, rule, line: this.#line });
    return true;
  }

  /** In a word of text between tags, or between the digits of a number. */
  #isApostrophe(): boolean {
    if (this.#grammar.shell) return false;
    const word = /[\p{L}\p{N}]+$/u.exec(this.#text.slice(Math.max(0, this.#at - 12), this.#at))?.[0];
    return (
      word !== undefined &&
      !/^(?:[LUuRrbBfFtT]|u8|[rR][bBfFtT]|[bBfFtT][rR]|case|return|in|typeof|import|from|else|and|or|not|if|is|yield|print)$/.test(
        word,
      )
    );
  }

  #readRegularExpression(sign: string): boolean {
    if (sign !== '/' || !this.#grammar.regularExpressions) return false;
    const before = this.#code.trimEnd();
    const isAfterValue =
      /[\w$)\]}"'`<]$/.test(before) &&
      !/(?:^|[^\w$.])(?:return|typeof|case|in|of|do|else|yield|await|throw|void|delete|instanceof|new)$/.test(before);
    if (isAfterValue || (before === '' && !this.#isAtValueOfLine())) return this.#take(1);
    const found = /^\/(?![*/>])(?:\\.|\[(?:\\.|[^\]\\])*\]|[^/\\[])+\/[dgimsuvy]*/.exec(this.#text.slice(this.#at));
    if (!found) return this.#take(1);
    this.#at += found[0].length;
    this.#code += '//';
    return true;
  }

  /** A line may begin with a regular expression within an argument list or an array; else it is a division that goes on. */
  #isAtValueOfLine(): boolean {
    return /[([{,]/.test(this.#frames.at(-1)?.sign ?? '(');
  }

  #readBracket(sign: string): void {
    const close = closers[sign];
    if (close !== undefined && (!this.#grammar.plainText || this.#isAtValue())) {
      this.#code += sign;
      this.#push({ type: 'bracket', sign, close, line: this.#line });
      return;
    }
    if (/[)\]}]/.test(sign)) this.#close(sign);
    this.#take(1);
  }

  #close(sign: string): void {
    const open = this.#frames.findLastIndex((frame) => frame.type !== 'bracket' || frame.close === sign);
    const frame = this.#frames[open];
    if (frame?.type !== 'bracket' || frame.close !== sign) {
      if (!this.#grammar.plainText && !this.#grammar.shell) {
        this.#faults.push({ type: 'bracket', sign, line: this.#line });
      }
      return;
    }
    for (const { type, sign: opened, line } of this.#frames.splice(open).slice(1)) {
      if (!this.#grammar.shell) this.#faults.push({ type, sign: opened, line });
    }
  }

  /** Where a value of YAML begins: at the start of a line, or behind a sign of its structure. */
  #isAtValue(): boolean {
    return /(?:^|[[{,]|(?:^|\s)[-?]\s+|:\s+|!\S*\s+|&\S*\s+)\s*$/.test(this.#text.slice(0, this.#at));
  }

  #isHere(text: string): boolean {
    return this.#text.startsWith(text, this.#at);
  }

  #take(count: number): true {
    this.#code += this.#text.slice(this.#at, this.#at + count);
    this.#at += count;
    return true;
  }

  #push(frame: Frame): void {
    this.#frames.push(frame);
    this.#at += frame.sign.length;
  }
}
