/** What a language service says of a place, as VS Code passes it on. */
export interface ServiceDiagnostic {
  readonly source?: string | undefined;
  /** As a number or a name, whatever the service has. */
  readonly code?: string | number | undefined;
  readonly message: string;
}

/**
 * Whether it is about syntax, and not about types, names or taste. No service says so in a field of its own; what they have instead is a range of codes or a
 * name. A service that is not known here counts where its words say it.
 */
export function isSyntaxDiagnostic({ source = '', code, message }: ServiceDiagnostic): boolean {
  const number = Number(code);
  const name = String(code ?? '');
  switch (source.toLowerCase()) {
    // diagnosticMessages.json of TypeScript: 1xxx are of the parser, 17xxx of JSX that is not closed.
    case 'ts':
    case 'js':
      return (number >= 1000 && number < 2000) || number === 17002 || number === 17008 || number === 17014;
    // ErrorCode of vscode-json-languageservice: what its scanner and its parser say.
    case 'json':
    case 'jsonc':
      return number >= 0x101 && number < 0x300;
    // ParseError of vscode-css-languageservice; its rules of taste have names without that.
    case 'css':
    case 'scss':
    case 'less':
      return name.startsWith('css-');
    // Every check of Pyright's has the name of its setting; what the parser says has none.
    case 'pylance':
    case 'pyright':
    case 'basedpyright':
      return code === undefined;
    // IProblem.Syntax of JDT is a bit.
    case 'java':
      return (number & 0x40000000) !== 0;
    case 'rust-analyzer':
      return name === 'syntax-error';
    // gopls
    case 'syntax':
      return true;
    default:
      return wordsOfSyntax.test(message) || /^(?:syntax-error|invalid-syntax|E999|SC1\d{3})$/.test(name);
  }
}

const wordsOfSyntax =
  /\b(?:syntax ?error|parsing error|parse error|unexpected (?:token|end of|indent|eof)|unterminated|unclosed|unmatched)\b/i;
