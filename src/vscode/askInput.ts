import * as vscode from 'vscode';
import type { ContextPiece } from '../core/chat/prompts.ts';

export interface Question {
  readonly text: string;
  readonly context: readonly ContextPiece[];
}

const historyKey = 'a2ia.askHistory';
const historyLength = 50;
/** About 4,000 tokens: more than this is not sent unless it was selected. */
const wholeFileLimitChars = 12_000;

/** The box in which a question is typed. Remembers past questions, and the one that was not sent. */
export class AskInput {
  readonly #memory: vscode.Memento;
  #draft = '';

  constructor(memory: vscode.Memento) {
    this.#memory = memory;
  }

  /** Undefined when the user leaves the box; what was typed is there again next time. */
  async show(who: string): Promise<Question | undefined> {
    const found = editorContext();
    const box = vscode.window.createQuickPick();
    box.title = titleFor(found, true);
    box.placeholder = `Ask ${who}`;
    box.matchOnDescription = false;
    let included = found.piece !== undefined;
    const withButtons = () => {
      box.title = titleFor(found, included);
      box.buttons = found.piece ? [included ? leaveOut : takeAlong] : [];
    };
    const listQuestions = () => {
      const past = this.#history().map((label) => ({ label, iconPath: new vscode.ThemeIcon('history') }));
      const typed = box.value.trim()
        ? [{ label: box.value, iconPath: new vscode.ThemeIcon('comment'), alwaysShow: true }]
        : [];
      box.items = [...typed, ...past.filter(({ label }) => label !== box.value)];
    };
    box.onDidChangeValue((value) => {
      this.#draft = value;
      listQuestions();
    });
    box.onDidTriggerButton(() => {
      included = !included;
      withButtons();
    });
    box.value = this.#draft;
    withButtons();
    listQuestions();
    try {
      const text = await accepted(box);
      if (!text) return undefined;
      this.#draft = '';
      await this.remember(text);
      return { text, context: included && found.piece ? [found.piece] : [] };
    } finally {
      box.dispose();
    }
  }

  async remember(question: string): Promise<void> {
    if (question.length > 2000) return;
    const others = this.#history().filter((past) => past !== question);
    await this.#memory.update(historyKey, [question, ...others].slice(0, historyLength));
  }

  #history(): readonly string[] {
    return this.#memory.get<readonly string[]>(historyKey, []);
  }
}

const leaveOut: vscode.QuickInputButton = {
  iconPath: new vscode.ThemeIcon('eye-closed'),
  tooltip: 'Ask without this context',
};
const takeAlong: vscode.QuickInputButton = {
  iconPath: new vscode.ThemeIcon('eye'),
  tooltip: 'Take the context along',
};

function accepted(box: vscode.QuickPick<vscode.QuickPickItem>): Promise<string | undefined> {
  return new Promise((resolve) => {
    box.onDidAccept(() => {
      const text = (box.activeItems[0]?.label ?? box.value).trim();
      // Nothing typed, nothing chosen: the box stays, its placeholder says what is wanted.
      if (text) resolve(text);
    });
    box.onDidHide(() => resolve(undefined));
    box.show();
  });
}

interface FoundContext {
  readonly piece?: ContextPiece;
  readonly leftOut?: string;
}

/** The selection, else the file, of the editor the user is in. */
export function editorContext(): FoundContext {
  const editor = vscode.window.activeTextEditor;
  if (!editor || !['file', 'vscode-remote', 'untitled', 'vscode-vfs'].includes(editor.document.uri.scheme)) return {};
  const { document, selection } = editor;
  const name = vscode.workspace.asRelativePath(document.uri);
  const { languageId } = document;
  if (!selection.isEmpty) {
    const lines =
      selection.start.line === selection.end.line
        ? `line ${selection.start.line + 1}`
        : `lines ${selection.start.line + 1} to ${selection.end.line + 1}`;
    return { piece: { label: `${name}, ${lines}`, languageId, text: document.getText(selection) } };
  }
  // An answer is not a question's context.
  if (document.isUntitled && languageId === 'markdown') return {};
  const text = document.getText();
  if (text.trim() === '') return {};
  if (text.length > wholeFileLimitChars) return { leftOut: `${name} is long: select the part you mean` };
  return { piece: { label: name, languageId, text } };
}

function titleFor(found: FoundContext, included: boolean): string {
  if (found.piece && included) {
    return `A2IA: Ask with ${found.piece.label} (about ${Math.ceil(found.piece.text.length / 3.5)} tokens)`;
  }
  return found.leftOut ? `A2IA: Ask (${found.leftOut})` : 'A2IA: Ask';
}
