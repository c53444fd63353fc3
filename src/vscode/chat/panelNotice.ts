import * as vscode from 'vscode';
import type { StoreTrouble } from '../../core/chat/conversationStore.ts';
import type { NoticeView } from '../../protocol/panelState.ts';
import type { Button } from '../problems.ts';

interface Notice {
  readonly text: string;
  readonly button: Button | undefined;
}

/** The one thing that is said above the conversation: the latest, until it is dismissed. */
export class PanelNotice {
  readonly #onChange: () => void;
  #shown: Notice | undefined;
  /** That nothing can be written; anything else that is said stays when it can. */
  #ofWriting: Notice | undefined;

  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  get view(): NoticeView | undefined {
    return this.#shown && { text: this.#shown.text, buttonLabel: this.#shown.button?.label };
  }

  say(text: string, button?: Button): void {
    this.#show({ text, button });
  }

  /** Why something did not work; nothing is said when it did. */
  async sayWhyNot(result: Promise<string | undefined>): Promise<void> {
    const why = await result;
    if (why !== undefined) this.say(why);
  }

  dismiss(): void {
    this.#show(undefined);
  }

  press(): void {
    const pressed = this.#shown;
    this.dismiss();
    pressed?.button?.run();
  }

  /** Of the store: said in the panel, since it concerns all of it. */
  storeTrouble(trouble: StoreTrouble): void {
    switch (trouble.type) {
      case 'cannotWrite':
        this.say(trouble.message);
        this.#ofWriting = this.#shown;
        return;
      case 'writesAgain':
        if (this.#shown === this.#ofWriting) this.dismiss();
        return;
      case 'newer':
        return this.say('A newer version of A2IA wrote this conversation. You can read it; what you add is not kept.');
      case 'setAside': {
        // A file manager would show it only where the files are: not of a remote machine.
        const show = () => void vscode.commands.executeCommand('vscode.open', vscode.Uri.file(trouble.keptAs));
        return this.say(
          'The file of a conversation is damaged. What could be read of it is shown, and the file is kept as it was.',
          { label: 'Show File', run: show },
        );
      }
    }
  }

  #show(notice: Notice | undefined): void {
    this.#shown = notice;
    this.#onChange();
  }
}
