import * as vscode from 'vscode';
import { BackendRegistry } from '../../src/core/clients/registry.ts';
import { EditInput } from '../../src/vscode/edit/editInput.ts';
import { Edits } from '../../src/vscode/edit/edits.ts';
import { FormatRecords } from '../../src/vscode/edit/formatRecords.ts';
import { EditorSettings } from '../../src/vscode/editorSettings.ts';
import { StatusBar } from '../../src/vscode/statusBar.ts';
import { createTestHost } from '../support/testHost.ts';

/** Edits as a window has them, that remember nothing. @param disposables what is to be disposed of in the end */
export function createTestEdits(disposables: { dispose(): void }[]): Edits {
  const settings = new EditorSettings();
  const statusBar = new StatusBar(settings.current());
  const log = vscode.window.createOutputChannel('A2IA Test', { log: true });
  const registry = new BackendRegistry(createTestHost());
  const nothing = {
    get: () => undefined,
    keys: () => [],
    update: () => Promise.resolve(),
  } as unknown as vscode.Memento;
  const actions = {
    chooseModel: () => undefined,
    enterKey: () => Promise.resolve(false),
    showLog: () => undefined,
    checkConnection: () => undefined,
    memory: { explain: () => undefined, unloadOthers: () => undefined },
  };
  const input = new EditInput(nothing);
  const edits = new Edits({ registry, settings, statusBar, log, input, records: new FormatRecords(nothing), actions });
  disposables.push(edits, statusBar, log, registry);
  return edits;
}
