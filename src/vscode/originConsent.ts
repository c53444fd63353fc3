import * as vscode from 'vscode';
import { schema } from '../core/settings/schema.ts';
import { isLoopback } from '../core/util/loopback.ts';
import { normalizeUrl } from '../core/settings/settings.ts';

const memoryKey = 'a2ia.agreedOrigins';

/**
 * A repository can bring settings along, and with them an address that prompts would go to. Before the first request to a machine that only the workspace
 * names, the user is asked; the answer is remembered for this workspace and that origin.
 */
export class OriginConsent {
  readonly #memory: vscode.Memento;
  /** One question at a time for an origin, however many requests wait for it. */
  readonly #asked = new Map<string, Promise<boolean>>();

  /** `memory`: the workspace's own. */
  constructor(memory: vscode.Memento) {
    this.#memory = memory;
  }

  mayContact(origin: string): Promise<boolean> {
    const setting = this.#openSettingFor(origin);
    if (setting === undefined) return Promise.resolve(true);
    const pending = this.#asked.get(origin) ?? this.#ask(origin, setting);
    this.#asked.set(origin, pending);
    return pending.finally(() => this.#asked.delete(origin));
  }

  mustAsk(origin: string): boolean {
    return this.#openSettingFor(origin) !== undefined;
  }

  /** The setting about which the user has to be asked. */
  #openSettingFor(origin: string): string | undefined {
    if (isLoopback(new URL(origin).hostname) || this.#agreed().includes(origin)) return undefined;
    return workspaceSettingFor(origin);
  }

  async #ask(origin: string, setting: string): Promise<boolean> {
    const send = 'Send';
    const reply = await vscode.window.showWarningMessage(
      `Send prompts to ${origin}?`,
      {
        modal: true,
        detail: `The settings of this workspace name that address (${setting}). Your questions, and the code that goes along with them, are sent there.`,
      },
      send,
    );
    if (reply !== send) return false;
    await this.#memory.update(memoryKey, [...this.#agreed(), origin]);
    return true;
  }

  #agreed(): readonly string[] {
    return this.#memory.get<readonly string[]>(memoryKey, []);
  }
}

/** The setting by which the workspace, and not the user, names this origin. */
function workspaceSettingFor(origin: string): string | undefined {
  const configuration = vscode.workspace.getConfiguration();
  const urls = schema.filter(({ type }) => type === 'url').map(({ key }) => ({ key, ...configuration.inspect(key) }));
  const isByUser = urls.some(({ globalValue, defaultValue }) => [globalValue, defaultValue].some(isAt(origin)));
  if (isByUser) return undefined;
  return urls.find((url) => [url.workspaceValue, url.workspaceFolderValue].some(isAt(origin)))?.key;
}

/** By the same reading that requests go by. */
function isAt(origin: string): (value: unknown) => boolean {
  return (value) => {
    const url = typeof value === 'string' ? normalizeUrl(value) : undefined;
    return url !== undefined && new URL(url).origin === origin;
  };
}
