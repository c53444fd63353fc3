import * as vscode from 'vscode';
import type { Calibration } from '../../core/fit/calibration.ts';
import type { CalibrationFile } from '../../core/fit/calibrationFile.ts';
import { differencesText, loadText } from '../../core/fit/calibrationText.ts';
import { errorText } from '../../core/util/errorText.ts';

interface LoadItem extends vscode.QuickPickItem {
  /** Undefined: all of them. */
  readonly forgets?: Calibration;
}

const title = 'A2IA: Measured Loads';

/** The command A2IA: Show Measured Loads: what loads of this machine took beyond their plans, the newest first. What is chosen is forgotten. */
export async function showMeasuredLoads(file: CalibrationFile): Promise<void> {
  const { entries } = await file.read();
  if (entries.length === 0) {
    void vscode.window.showInformationMessage(
      'A2IA: no load was measured yet. One is when a server of this machine has a single model on its only GPU, and A2IA looks at GPU memory.',
    );
    return;
  }
  const items: readonly LoadItem[] = [
    ...entries.toReversed().map((one): LoadItem => ({
      label: one.of,
      description: loadText(one),
      detail: differencesText(one),
      forgets: one,
    })),
    { label: '', kind: vscode.QuickPickItemKind.Separator },
    { label: '$(trash) Forget All', description: file.path },
  ];
  const placeHolder = 'Plans are corrected by these. Choose one to forget what its model’s loads took.';
  const chosen = await vscode.window.showQuickPick(items, { title, placeHolder, matchOnDescription: true });
  if (!chosen) return;
  try {
    await file.forget(chosen.forgets?.of);
  } catch (error) {
    void vscode.window.showErrorMessage(`A2IA: ${file.path} cannot be written. ${errorText(error)}`);
    return;
  }
  const what = chosen.forgets ? `the loads of ${chosen.forgets.of} are` : 'all measured loads are';
  void vscode.window.showInformationMessage(`A2IA: ${what} forgotten. The next one is measured anew.`);
}
