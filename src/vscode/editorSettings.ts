import * as vscode from 'vscode';
import {
  describeProblem,
  parseSettings,
  type ParsedSettings,
  type SettingProblem,
  type SettingReader,
  type Settings,
} from '../core/settings/settings.ts';
import { errorText } from '../core/util/errorText.ts';

/**
 * The settings as VS Code resolves them (workspace before user), read when they are needed, so that a change counts from the next request on.
 * A wrong value is told once, and again only when it changes.
 */
export class EditorSettings {
  readonly #told = new Set<string>();

  current(): Settings {
    const { settings, problems } = this.parsed();
    for (const problem of problems) this.#tell(problem);
    return settings;
  }

  /** With what is wrong in them and how they were written, for a report that tells it itself. */
  parsed(): ParsedSettings & { readonly given: SettingReader } {
    const configuration = vscode.workspace.getConfiguration();
    const given: SettingReader = (key) => setValue(configuration, key);
    return { ...parseSettings(given), given };
  }

  #tell(problem: SettingProblem): void {
    const sentence = describeProblem(problem);
    if (this.#told.has(sentence)) return;
    this.#told.add(sentence);
    const open = 'Open Setting';
    void vscode.window.showWarningMessage(`A2IA: ${sentence} The default is used instead.`, open).then((choice) => {
      if (choice === open) void openSetting(problem.key);
    });
  }
}

/** Undefined where only the default applies: core tells a choice from a default. */
function setValue(configuration: vscode.WorkspaceConfiguration, key: string): unknown {
  const found = configuration.inspect(key);
  const isSet =
    found?.globalValue !== undefined ||
    found?.workspaceValue !== undefined ||
    found?.workspaceFolderValue !== undefined;
  // `get` and not the inspected value: only it respects Restricted Mode and the scopes.
  return isSet ? configuration.get(key) : undefined;
}

export function openSetting(key: string): Thenable<unknown> {
  return vscode.commands.executeCommand('workbench.action.openSettings', key);
}

/**
 * Writes settings where the user is: into the workspace if one is open, else (or when that cannot be written) into the user settings.
 * @throws Error with VS Code's own sentence when neither can be written
 */
export async function writeSettings(values: Readonly<Record<string, unknown>>): Promise<void> {
  const configuration = vscode.workspace.getConfiguration();
  const write = async (target: vscode.ConfigurationTarget) => {
    for (const [key, value] of Object.entries(values)) await configuration.update(key, value, target);
  };
  if (!vscode.workspace.workspaceFolders?.length) return write(vscode.ConfigurationTarget.Global);
  try {
    await write(vscode.ConfigurationTarget.Workspace);
  } catch (error) {
    await write(vscode.ConfigurationTarget.Global);
    const reason = errorText(error);
    const now = vscode.workspace.getConfiguration();
    const overruled = Object.keys(values).filter((key) => now.inspect(key)?.workspaceValue !== undefined);
    const stillWins = overruled.length > 0 ? ` Until then the workspace’s own ${overruled.join(', ')} wins.` : '';
    void vscode.window.showWarningMessage(
      `A2IA: the workspace’s settings could not be written, so the user settings were changed. ${reason}${stillWins}`,
    );
  }
}

/**
 * Writes what a person wants everywhere into the user settings, and where the workspace has its own value, which would win, into the workspace.
 * @throws Error with VS Code's own sentence when they cannot be written
 */
export async function writeUserSettings(values: Readonly<Record<string, unknown>>): Promise<void> {
  const configuration = vscode.workspace.getConfiguration();
  for (const [key, value] of Object.entries(values)) {
    const isOfWorkspace = configuration.inspect(key)?.workspaceValue !== undefined;
    const { Workspace, Global } = vscode.ConfigurationTarget;
    await configuration.update(key, value, isOfWorkspace ? Workspace : Global);
  }
}
