import * as vscode from 'vscode';
import type { Draft } from '../core/chat/promptMessages.ts';
import { partAttachment, textAttachment, type TextAttachment } from './chat/context/attached.ts';

const historyKey = 'a2ia.askHistory';
const historyLength = 50;
/** About 4,000 tokens: more than this is not sent unless it was selected. */
const wholeFileLimitChars = 12_000;

export interface QuestionItem extends vscode.QuickPickItem {
  /** The question that it stands for; undefined: what is in the box. */
  readonly past?: string;
}

/** The box in which a question is typed. Remembers past questions, and the one that was not sent. */
export class AskInput {
  readonly #memory: vscode.Memento;
  #draft = '';

  constructor(memory: vscode.Memento) {
    this.#memory = memory;
  }

  /** Undefined when the user leaves the box; what was typed is there again next time. */
  async show(who: string): Promise<Draft | undefined> {
    let found = editorContext();
    const box = vscode.window.createQuickPick<QuestionItem>();
    box.placeholder = `Ask ${who}`;
    let included = true;
    const showContext = () => {
      box.title = titleFor(found, included);
      box.buttons = found.attachment ? [included ? leaveOut : takeAlong] : [];
    };
    // Extensions hear of an editor and a selection later than the user sees them, and the box can be open by then.
    const followEditor = () => {
      found = editorContext();
      showContext();
    };
    const following = [
      vscode.window.onDidChangeActiveTextEditor(followEditor),
      vscode.window.onDidChangeTextEditorSelection(followEditor),
    ];
    const listQuestions = () => {
      const past = this.#history().filter((question) => question !== box.value);
      box.items = [...(box.value.trim() ? [typedItem(box.value)] : []), ...past.map(pastItem)];
    };
    box.onDidChangeValue((value) => {
      this.#draft = value;
      listQuestions();
    });
    box.onDidTriggerButton(() => {
      included = !included;
      showContext();
    });
    box.value = this.#draft;
    showContext();
    listQuestions();
    try {
      const text = await accepted(box);
      if (!text) return undefined;
      this.#draft = '';
      // A question is not lost because it cannot be remembered.
      await this.#remember(text).catch(() => undefined);
      return { text, attachments: included && found.attachment ? [found.attachment] : [] };
    } finally {
      vscode.Disposable.from(...following, box).dispose();
    }
  }

  async #remember(question: string): Promise<void> {
    if (question.length > 2000) return;
    const others = this.#history().filter((past) => past !== question);
    await this.#memory.update(historyKey, [question, ...others].slice(0, historyLength));
  }

  #history(): readonly string[] {
    return this.#memory.get<readonly string[]>(historyKey, []);
  }
}

/** Always shown and always first, so that Enter sends what was typed and not what was asked once. */
export function typedItem(value: string, icon = 'comment'): QuestionItem {
  return { label: value.slice(0, 300), iconPath: new vscode.ThemeIcon(icon), alwaysShow: true };
}

export function pastItem(past: string): QuestionItem {
  return { label: past, iconPath: new vscode.ThemeIcon('history'), past };
}

const leaveOut: vscode.QuickInputButton = {
  iconPath: new vscode.ThemeIcon('eye-closed'),
  tooltip: 'Ask without this context',
};
const takeAlong: vscode.QuickInputButton = {
  iconPath: new vscode.ThemeIcon('eye'),
  tooltip: 'Take the context along',
};

/** What was typed or chosen; undefined when the box was left. */
export function accepted(box: vscode.QuickPick<QuestionItem>): Promise<string | undefined> {
  return new Promise((resolve) => {
    box.onDidAccept(() => {
      // The list can be some letters behind the box, so what was typed is read there.
      const text = (box.activeItems[0]?.past ?? box.value).trim();
      // Nothing typed, nothing chosen: the box stays, its placeholder says what is wanted.
      if (text) resolve(text);
    });
    box.onDidHide(() => resolve(undefined));
    box.show();
  });
}

interface FoundContext {
  readonly attachment?: TextAttachment;
  readonly leftOut?: string;
}

/** The selection, else the file, of the editor the user is in. */
function editorContext(): FoundContext {
  const editor = vscode.window.activeTextEditor;
  if (!editor || !['file', 'vscode-remote', 'untitled', 'vscode-vfs'].includes(editor.document.uri.scheme)) return {};
  const { document, selection } = editor;
  const name = vscode.workspace.asRelativePath(document.uri);
  const { languageId } = document;
  if (!selection.isEmpty) return { attachment: partAttachment('selection', document, selection) };
  // An answer is not a question's context.
  if (document.isUntitled && languageId === 'markdown') return {};
  const text = document.getText();
  if (text.trim() === '') return {};
  if (text.length > wholeFileLimitChars) return { leftOut: `${name} is long: select the part you mean` };
  const uri = document.uri.toString();
  return { attachment: textAttachment({ source: 'file', label: name, languageId, text, uri }) };
}

function titleFor(found: FoundContext, included: boolean): string {
  if (found.attachment && included) {
    const { label, text } = found.attachment;
    return `A2IA: Ask with ${label} (about ${Math.ceil(text.length / 3.5)} tokens)`;
  }
  return found.leftOut ? `A2IA: Ask (${found.leftOut})` : 'A2IA: Ask';
}
