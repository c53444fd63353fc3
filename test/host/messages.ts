import * as vscode from 'vscode';

/** What VS Code was told to say to the user while `work` ran: nobody is there to read it, and no command of VS Code's gives it. */
export async function messagesDuring(work: () => Promise<unknown>): Promise<readonly string[]> {
  const said: string[] = [];
  const window = vscode.window as { -readonly [Name in keyof typeof vscode.window]: (typeof vscode.window)[Name] };
  const { showInformationMessage, showErrorMessage, showWarningMessage } = window;
  const listen = (message: string) => {
    said.push(message);
    return Promise.resolve(undefined);
  };
  Object.assign(window, { showInformationMessage: listen, showErrorMessage: listen, showWarningMessage: listen });
  try {
    await work();
  } finally {
    Object.assign(window, { showInformationMessage, showErrorMessage, showWarningMessage });
  }
  return said;
}
