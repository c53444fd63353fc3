import * as vscode from 'vscode';
import { gpuPressure } from '../../core/gpu/gpuPressure.ts';
import { elsewhere, itemText, type GpuSnapshot } from '../../core/gpu/gpuText.ts';
import { gpuTooltip } from './gpuTooltip.ts';

const colours = {
  none: undefined,
  low: new vscode.ThemeColor('statusBarItem.warningBackground'),
  critical: new vscode.ThemeColor('statusBarItem.errorBackground'),
} as const;

/** `VRAM 9.1/11.6 GiB`. There is no item until it is shown for the first time. */
export class GpuItem {
  #item: vscode.StatusBarItem | undefined;

  show(snapshot: GpuSnapshot): void {
    const item = (this.#item ??= createItem());
    const { reading, server } = snapshot;
    const text = itemText(snapshot);
    item.text = reading.state === 'failed' ? `$(warning) ${text}` : text;
    item.tooltip = gpuTooltip(snapshot);
    const own = elsewhere(snapshot) === undefined ? server : undefined;
    const gpus = reading.state === 'gpus' ? reading.gpus : [];
    item.backgroundColor = colours[gpuPressure(gpus, own)];
    item.accessibilityInformation = { label: `GPU memory: ${text}. Activate for more.`, role: 'button' };
    item.show();
  }

  hide(): void {
    this.#item?.dispose();
    this.#item = undefined;
  }

  dispose(): void {
    this.hide();
  }
}

function createItem(): vscode.StatusBarItem {
  const item = vscode.window.createStatusBarItem('a2ia.gpu', vscode.StatusBarAlignment.Right, 99);
  item.name = 'A2IA GPU Memory';
  item.command = 'a2ia.showGpuMemory';
  return item;
}
