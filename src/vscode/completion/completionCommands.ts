import type * as vscode from 'vscode';
import type { Completion } from './completion.ts';
import type { CompletionMenuParts } from './completionMenu.ts';

export interface CompletionCommands {
  /** As the settings say: on, off, or with another model. */
  readonly follow: () => Promise<void>;
  readonly menu: () => Promise<void>;
  readonly chooseModel: () => Promise<void>;
  readonly pause: () => Promise<void>;
  readonly resume: () => Promise<void>;
}

/** `context.subscriptions` owns what is made. */
export function completionCommands({
  context,
  ...parts
}: Omit<CompletionMenuParts, 'completion'> & { readonly context: vscode.ExtensionContext }): CompletionCommands {
  let made: Completion | undefined;
  context.subscriptions.push({ dispose: () => made?.dispose() });
  const menuParts: CompletionMenuParts = { ...parts, completion: () => made };
  let followed = '';
  const follow = async () => {
    const { Completion } = await import('./completion.ts');
    const settings = parts.settings.current();
    const changed = JSON.stringify(settings);
    // What is on its way is not ended for nothing.
    if (changed === followed) return;
    followed = changed;
    if (settings.completion.mode === 'off') {
      made?.dispose();
      made = undefined;
    } else if (made) made.begin();
    else made = new Completion(parts);
  };
  let following = Promise.resolve();
  return {
    follow: () => (following = follow()),
    menu: async () => (await import('./completionMenu.ts')).showCompletionMenu(menuParts),
    chooseModel: async () => (await import('./completionMenu.ts')).chooseCompletionModel(menuParts),
    pause: () => following.then(() => made?.pauseNow()),
    resume: () => following.then(() => made?.resume()),
  };
}
