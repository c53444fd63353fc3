import * as vscode from 'vscode';

/** Text that arrives faster than this is inserted together: an edit costs the editor some milliseconds. */
const flushIntervalMs = 40;

/**
 * A Markdown document that an answer streams into. The whole answer is one undo step. The user may scroll, type elsewhere in it, split it or hide it
 * meanwhile; it is untitled, so that the editor's own backup keeps a partial answer through a crash.
 */
export class AnswerDocument {
  readonly document: vscode.TextDocument;
  /** Where the next text goes. Moves with the user's own edits. */
  #endOffset: number;
  #pending = '';
  #inFlight: string | undefined;
  #started = false;
  #closed = false;
  #finishing = false;
  #flushing: Promise<void> | undefined;
  readonly #subscriptions: vscode.Disposable[] = [];

  static async open(heading: string, onClosed: () => void): Promise<AnswerDocument> {
    const document = await vscode.workspace.openTextDocument({ language: 'markdown', content: heading });
    await vscode.window.showTextDocument(document, {
      viewColumn: isAnswer(vscode.window.activeTextEditor?.document)
        ? vscode.ViewColumn.Active
        : vscode.ViewColumn.Beside,
      preserveFocus: true,
      preview: false,
    });
    return new AnswerDocument(document, onClosed);
  }

  private constructor(document: vscode.TextDocument, onClosed: () => void) {
    this.document = document;
    this.#endOffset = document.getText().length;
    this.#subscriptions.push(
      vscode.workspace.onDidChangeTextDocument((event) => {
        if (event.document === document) for (const change of event.contentChanges) this.#follow(change);
      }),
      vscode.workspace.onDidCloseTextDocument((closed) => {
        // The event also comes when the document's language is changed.
        if (closed !== document || !document.isClosed) return;
        this.#closed = true;
        onClosed();
      }),
      vscode.window.onDidChangeVisibleTextEditors(() => this.#flushSoon()),
    );
  }

  append(text: string): void {
    this.#pending += text;
    this.#flushSoon();
  }

  /** Writes what is left and ends the undo step. */
  async finish(lastText: string): Promise<void> {
    this.#finishing = true;
    await this.#flushing;
    this.#pending += lastText;
    await this.#insertPending({ undoStopAfter: true });
    // An edit by itself, which needs no editor and which the user's own typing rarely overtakes.
    for (let attempt = 0; this.#pending !== '' && !this.#closed && attempt < 5; attempt++) {
      await this.#write((text) => this.#insertAlone(text));
    }
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
  }

  #flushSoon(): void {
    this.#flushing ??= this.#flush().finally(() => {
      this.#flushing = undefined;
    });
  }

  /** Ends when nothing is pending or the document is hidden: more text, or its being shown again, starts it anew. */
  async #flush(): Promise<void> {
    while (this.#pending !== '' && !this.#closed && !this.#finishing && this.#editors().length > 0) {
      await this.#insertPending({ undoStopAfter: false });
      await new Promise((resolve) => setTimeout(resolve, flushIntervalMs));
    }
  }

  async #insertPending({ undoStopAfter }: { undoStopAfter: boolean }): Promise<void> {
    const editors = this.#editors();
    const [editor] = editors;
    // Only a visible editor can edit without an undo step of its own. While the document is hidden, text waits.
    if (!editor) return;
    const following = editors
      .filter((candidate) => isAtEnd(candidate))
      .map((one) => ({ editor: one, top: topOf(one) }));
    const options = { undoStopBefore: !this.#started, undoStopAfter };
    if (!(await this.#write((text) => editor.edit((edit) => this.#insert(edit, text), options)))) return;
    this.#started = true;
    const end = this.document.positionAt(this.#endOffset);
    // Who has scrolled up meanwhile is not taken back.
    for (const { editor: one, top } of following) if (topOf(one) >= top) one.revealRange(new vscode.Range(end, end));
  }

  /** False, and the text is pending again, when the document moved on between the call and the edit, or its editor went away. */
  async #write(apply: (text: string) => Thenable<boolean>): Promise<boolean> {
    const text = this.#pending;
    this.#pending = '';
    this.#inFlight = text;
    const done = await apply(text).then(
      (applied) => applied,
      () => false,
    );
    this.#inFlight = undefined;
    if (!done) this.#pending = text + this.#pending;
    return done;
  }

  #editors(): readonly vscode.TextEditor[] {
    return vscode.window.visibleTextEditors.filter((editor) => editor.document === this.document);
  }

  #insert(edit: vscode.TextEditorEdit, text: string): void {
    // Offsets are counted in the text as the server sent it.
    edit.setEndOfLine(vscode.EndOfLine.LF);
    edit.insert(this.document.positionAt(this.#endOffset), text);
  }

  #insertAlone(text: string): Thenable<boolean> {
    const edit = new vscode.WorkspaceEdit();
    edit.insert(this.document.uri, this.document.positionAt(this.#endOffset), text);
    return vscode.workspace.applyEdit(edit);
  }

  #follow(change: vscode.TextDocumentContentChangeEvent): void {
    const isOurs = change.rangeLength === 0 && change.rangeOffset === this.#endOffset && change.text === this.#inFlight;
    const changeEnd = change.rangeOffset + change.rangeLength;
    if (isOurs || changeEnd < this.#endOffset) this.#endOffset += change.text.length - change.rangeLength;
    else if (change.rangeOffset < this.#endOffset) this.#endOffset = change.rangeOffset;
  }
}

/** A question that is asked from an answer is answered where that one stands, not in one more column. */
function isAnswer(document: vscode.TextDocument | undefined): boolean {
  return document?.isUntitled === true && document.languageId === 'markdown';
}

function topOf(editor: vscode.TextEditor): number {
  return editor.visibleRanges[0]?.start.line ?? 0;
}

/** Whether the user looks at the last lines: then the view follows, otherwise it stays where the user reads. */
function isAtEnd(editor: vscode.TextEditor): boolean {
  const lastVisible = editor.visibleRanges.at(-1)?.end.line ?? 0;
  return lastVisible >= editor.document.lineCount - 2;
}
