import * as vscode from 'vscode';
import { isSyntaxDiagnostic } from '../../core/edit/syntax/syntaxDiagnostics.ts';

/** So long a language service may take to read a file anew. */
const watchedMs = 60_000;

/** Looks whether VS Code's own services find errors of syntax in what was accepted. It only says so: taking it back is the user's to decide. */
export class SyntaxWatch {
  readonly #watched = new Map<string, vscode.Disposable>();

  /** To be called before the edit; the function that it gives, after. */
  before(document: vscode.TextDocument): (accepted: readonly vscode.Range[]) => void {
    const known = new Set(syntaxErrors(document).map(({ message }) => message));
    return (accepted) => this.#watch(document, accepted, known);
  }

  dispose(): void {
    for (const watch of this.#watched.values()) watch.dispose();
  }

  #watch(document: vscode.TextDocument, accepted: readonly vscode.Range[], known: ReadonlySet<string>): void {
    const uri = document.uri.toString();
    const { version } = document;
    this.#watched.get(uri)?.dispose();
    const end = () => {
      watch.dispose();
      if (this.#watched.get(uri) === watch) this.#watched.delete(uri);
    };
    const look = () => {
      const found = syntaxErrors(document).find(
        ({ message, range }) => !known.has(message) && accepted.some((place) => place.intersection(range)),
      );
      if (!found) return;
      end();
      void tell(document, version, found);
    };
    const timer = setTimeout(end, watchedMs);
    const watch = vscode.Disposable.from(
      { dispose: () => clearTimeout(timer) },
      vscode.languages.onDidChangeDiagnostics(({ uris }) => {
        if (uris.some((changed) => changed.toString() === uri)) look();
      }),
      // From then on nobody can tell whose error it is, nor where.
      vscode.workspace.onDidChangeTextDocument((change) => {
        if (change.document === document && document.version !== version) end();
      }),
    );
    this.#watched.set(uri, watch);
  }
}

function syntaxErrors({ uri }: vscode.TextDocument): readonly vscode.Diagnostic[] {
  return vscode.languages.getDiagnostics(uri).filter(({ severity, source, code, message }) => {
    const plainCode = typeof code === 'object' ? code.value : code;
    return severity === vscode.DiagnosticSeverity.Error && isSyntaxDiagnostic({ source, code: plainCode, message });
  });
}

async function tell(
  document: vscode.TextDocument,
  version: number,
  { message, range }: vscode.Diagnostic,
): Promise<void> {
  const name = vscode.workspace.asRelativePath(document.uri);
  const said = message.split('\n', 1)[0]?.replace(/\.$/, '') ?? '';
  const sentence = `A2IA: With the edit ${name} has a syntax error in line ${range.start.line + 1}: ${said}.`;
  const button = await vscode.window.showWarningMessage(sentence, 'Undo', 'Show');
  if (button === undefined || document.isClosed) return;
  const editor = await vscode.window.showTextDocument(document, { preview: false });
  if (button === 'Show') {
    editor.selection = new vscode.Selection(range.start, range.start);
    editor.revealRange(range, vscode.TextEditorRevealType.InCenterIfOutsideViewport);
  } else if (document.version === version) await vscode.commands.executeCommand('undo');
  else void vscode.window.showInformationMessage(`A2IA: ${name} was changed since. Undo goes back step by step.`);
}
