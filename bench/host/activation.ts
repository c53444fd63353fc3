import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import * as vscode from 'vscode';
import {
  copies,
  extensionId,
  extensionKinds,
  type ActivatedCopy,
  type ExtensionKind,
} from '../support/extensionCopies.ts';

/** VS Code goes on with what an activation asked for: the next is not to bear it. */
const settleMs = 100;

export interface Activation {
  /** Until VS Code says that the extension is active. */
  readonly totalMs: number;
  /** Of it, `require` of the extension’s bundle, and its `activate`. */
  readonly loadMs: number;
  readonly activateMs: number;
}

export type Activations = Readonly<Record<ExtensionKind, readonly Activation[]>>;

/** Loaded by VS Code's extension host: activates every copy and writes what it took to the file A2IA_BENCH_RESULT. */
export async function run(): Promise<void> {
  const activations: Record<ExtensionKind, Activation[]> = { A2IA: [], empty: [] };
  for (let index = 0; index < copies; index++) {
    // By turns, and by turns first.
    for (const kind of index % 2 === 0 ? extensionKinds : extensionKinds.toReversed()) {
      activations[kind].push(await measure(extensionId(kind, index)));
    }
  }
  writeFileSync(process.env['A2IA_BENCH_RESULT'] ?? '', JSON.stringify(activations satisfies Activations));
}

async function measure(id: string): Promise<Activation> {
  const extension = vscode.extensions.getExtension<ActivatedCopy>(id);
  if (!extension) throw new Error(`VS Code has no extension ${id}.`);
  if (extension.isActive) throw new Error(`${id} is active already.`);
  const startedAt = performance.now();
  const activated = await extension.activate();
  const totalMs = performance.now() - startedAt;
  await sleep(settleMs);
  activated.dispose();
  const { loadMs, activateMs } = activated;
  return { totalMs, loadMs, activateMs };
}
