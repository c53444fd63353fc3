import * as vscode from 'vscode';

/**
 * What VS Code was told to say to the user while `work` ran: nobody is there to read it, and no command of VS Code's gives it.
 * @param press the button that a user would press; by default none
 */
export async function messagesDuring(
  work: () => Promise<unknown>,
  press: (message: string, buttons: readonly string[]) => string | undefined = () => undefined,
): Promise<readonly string[]> {
  const said: string[] = [];
  const window = vscode.window as { -readonly [Name in keyof typeof vscode.window]: (typeof vscode.window)[Name] };
  const { showInformationMessage, showErrorMessage, showWarningMessage } = window;
  const listen = (message: string, ...more: readonly unknown[]) => {
    said.push(message);
    const buttons = more.filter((item) => typeof item === 'string');
    return Promise.resolve(press(message, buttons));
  };
  Object.assign(window, { showInformationMessage: listen, showErrorMessage: listen, showWarningMessage: listen });
  try {
    await work();
  } finally {
    Object.assign(window, { showInformationMessage, showErrorMessage, showWarningMessage });
  }
  return said;
}
