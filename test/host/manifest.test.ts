import assert from 'node:assert/strict';
import * as vscode from 'vscode';

interface Manifest {
  readonly contributes: {
    readonly commands: readonly { readonly command: string }[];
    readonly keybindings: readonly { readonly command: string; readonly key: string; readonly mac: string }[];
  };
}

describe('The manifest in a real VS Code', () => {
  it('has a handler for every command', async () => {
    const extension = vscode.extensions.getExtension('a2ia.a2ia');
    assert.ok(extension);
    await extension.activate();
    const registered = new Set(await vscode.commands.getCommands(true));
    const { contributes } = extension.packageJSON as Manifest;
    for (const { command } of contributes.commands) assert.ok(registered.has(command), command);
  });

  it('shadows none of VS Code’s own key bindings', async () => {
    const extension = vscode.extensions.getExtension('a2ia.a2ia');
    await vscode.commands.executeCommand('workbench.action.openDefaultKeybindingsFile');
    const text = vscode.window.activeTextEditor?.document.getText() ?? '';
    assert.match(text, /"workbench\.action\.quickOpen"/, 'the list of default key bindings is there');
    const { contributes } = extension?.packageJSON as Manifest;
    for (const { key, command } of contributes.keybindings) {
      const sameKey = [...text.matchAll(/"key": "([^"]+)",\s*"command": "([^"]+)"/g)].filter(
        // Two of ours may share a key, one in the editor and one in a view.
        ([, other, otherCommand]) => other === key && otherCommand !== command && !otherCommand?.startsWith('a2ia.'),
      );
      assert.deepEqual(
        sameKey.map(([, , otherCommand]) => otherCommand),
        [],
        `${key} of ${command}`,
      );
    }
    await vscode.commands.executeCommand('workbench.action.closeActiveEditor');
  });
});
