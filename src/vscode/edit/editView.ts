import * as vscode from 'vscode';
import { fenceFor } from '../../core/chat/prompts.ts';
import type { Hunk } from '../../core/edit/editSession.ts';

/** What is on screen of an edit: nothing of it is in the document. */
export interface ShownEdit {
  readonly document: vscode.TextDocument;
  readonly hunks: readonly Hunk[];
  /** While the answer comes: where it has its place. */
  readonly writingAt?: vscode.Range;
}

/**
 * An edit as a diff in the editor: what would go is coloured in place, what would come stands below it, in a box of its own between the lines. VS Code has no
 * other way to show text that is not in the document over more than one line, and what is not in the document cannot be saved, formatted or lost in it.
 */
export class EditView {
  readonly #removed = vscode.window.createTextEditorDecorationType({
    isWholeLine: true,
    backgroundColor: new vscode.ThemeColor('diffEditor.removedLineBackground'),
    ...contrastBorder('diffEditor.removedTextBorder', 'dashed', '1px'),
    overviewRulerColor: new vscode.ThemeColor('editorOverviewRuler.deletedForeground'),
    overviewRulerLane: vscode.OverviewRulerLane.Full,
  });
  readonly #gap = vscode.window.createTextEditorDecorationType({
    isWholeLine: true,
    borderStyle: 'solid',
    borderWidth: '0 0 2px 0',
    borderColor: new vscode.ThemeColor('editorGutter.addedBackground'),
    overviewRulerColor: new vscode.ThemeColor('editorOverviewRuler.addedForeground'),
    overviewRulerLane: vscode.OverviewRulerLane.Full,
  });
  readonly #writing = vscode.window.createTextEditorDecorationType({
    isWholeLine: true,
    backgroundColor: new vscode.ThemeColor('editor.rangeHighlightBackground'),
    ...contrastBorder('editor.rangeHighlightBorder', 'solid', '0 0 0 2px'),
  });
  readonly #comments = vscode.comments.createCommentController('a2ia.edit', 'A2IA Edit');
  readonly #shown = new Map<string, ShownEdit>();
  readonly #boxes = new Map<vscode.CommentThread, HunkBox>();
  readonly #following = vscode.Disposable.from(
    vscode.window.onDidChangeVisibleTextEditors(() => {
      for (const shown of this.#shown.values()) {
        this.#decorate(shown);
        this.#showBoxes(shown);
      }
    }),
    vscode.window.onDidChangeTextEditorVisibleRanges(({ textEditor }) => {
      const shown = this.#shown.get(textEditor.document.uri.toString());
      if (shown) this.#showBoxes(shown);
    }),
  );

  show(edit: ShownEdit): void {
    this.#shown.set(edit.document.uri.toString(), edit);
    this.#decorate(edit);
    this.#showBoxes(edit);
  }

  hide(document: vscode.TextDocument): void {
    this.#decorate({ document, hunks: [] });
    this.#showBoxes({ document, hunks: [] });
    this.#shown.delete(document.uri.toString());
  }

  /** The change that is shown in this box. */
  hunkIn(box: unknown): { readonly uri: string; readonly id: number } | undefined {
    const found = [...this.#boxes].find(([thread]) => thread === box);
    return found && { uri: found[0].uri.toString(), id: found[1].id };
  }

  dispose(): void {
    vscode.Disposable.from(this.#following, this.#removed, this.#gap, this.#writing, this.#comments).dispose();
  }

  #decorate({ document, hunks, writingAt }: ShownEdit): void {
    const found = hunks.flatMap((hunk) => {
      const range = rangeOf(document, hunk);
      return range ? [{ hunk, range }] : [];
    });
    const removed = found.filter(({ hunk }) => hunk.oldLines.length > 0).map(({ range }) => range);
    const gaps = found.filter(({ hunk }) => hunk.oldLines.length === 0).map(({ range }) => range);
    for (const editor of vscode.window.visibleTextEditors) {
      if (editor.document !== document) continue;
      editor.setDecorations(this.#removed, removed);
      editor.setDecorations(this.#gap, gaps);
      editor.setDecorations(this.#writing, writingAt ? [writingAt] : []);
    }
  }

  #showBoxes({ document, hunks, writingAt }: ShownEdit): void {
    const uri = document.uri.toString();
    const wanted = hunks.filter(({ place, newLines }) => place.type === 'found' && newLines.length > 0);
    for (const [thread, box] of this.#boxes) {
      if (thread.uri.toString() !== uri || wanted.some(({ id }) => id === box.id)) continue;
      thread.dispose();
      this.#boxes.delete(thread);
    }
    for (const hunk of wanted) {
      const lines = rangeOf(document, hunk);
      if (!lines) continue;
      // VS Code colours the range of a box in its own way, over ours: an empty one has no colour.
      const range = new vscode.Range(lines.end, lines.end);
      const isWriting = writingAt !== undefined;
      const label = isWriting ? 'What comes' : labelOf(hunk, hunks);
      const text = (isWriting ? hunk.newLines.slice(-linesWhileWriting) : hunk.newLines).join('\n');
      const known = [...this.#boxes].find(([thread, box]) => thread.uri.toString() === uri && box.id === hunk.id);
      if (!known && !isNearby(document, range)) continue;
      const thread = known?.[0] ?? this.#comments.createCommentThread(document.uri, range, []);
      if (known?.[1].text !== text) thread.comments = [commentOf(hunk, text, document.languageId)];
      if (thread.label !== label) thread.label = label;
      if (!thread.range?.isEqual(range)) thread.range = range;
      if (!known) {
        thread.canReply = false;
        thread.collapsibleState = vscode.CommentThreadCollapsibleState.Expanded;
      }
      this.#boxes.set(thread, { id: hunk.id, text });
    }
  }
}

/** The last of a change that is still being written, where the model is: VS Code draws them ten times a second, and of 2,000 lines that takes a third of a second. */
const linesWhileWriting = 16;

/** Half a screen. */
const nearbyLines = 20;

/** Each box costs VS Code some ten milliseconds, so there are none but those that one may see soon; one that is there stays, or the text would jump. */
function isNearby(document: vscode.TextDocument, { start: { line } }: vscode.Range): boolean {
  return vscode.window.visibleTextEditors.some(
    (editor) =>
      editor.document === document &&
      editor.visibleRanges.some(({ start, end }) => line >= start.line - nearbyLines && line <= end.line + nearbyLines),
  );
}

/** Themes of high contrast have borders where others have backgrounds, which has no colour there; in others such a border is transparent. */
function contrastBorder(
  color: string,
  borderStyle: string,
  borderWidth: string,
): vscode.ThemableDecorationRenderOptions {
  return { borderStyle, borderWidth, borderColor: new vscode.ThemeColor(color) };
}

interface HunkBox {
  readonly id: number;
  readonly text: string;
}

/** Of its lines now; where lines are only added, of the line that they come after. Undefined where the user has changed them. */
export function rangeOf(document: vscode.TextDocument, { place }: Hunk): vscode.Range | undefined {
  if (place.type !== 'found') return undefined;
  return new vscode.Range(document.positionAt(place.offset), document.positionAt(place.offset + place.length));
}

export function labelOf(hunk: Hunk, hunks: readonly Hunk[]): string {
  return hunks.length > 1 ? `Change ${hunks.indexOf(hunk) + 1} of ${hunks.length}` : 'Change';
}

function commentOf({ oldLines, newLines }: Hunk, text: string, languageId: string): vscode.Comment {
  const fence = fenceFor(text);
  const body = new vscode.MarkdownString(`${fence}${languageId}\n${text}\n${fence}`);
  const name = `+${newLines.length} −${oldLines.length}`;
  return { author: { name }, body, mode: vscode.CommentMode.Preview };
}
