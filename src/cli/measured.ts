import { differencesText, loadText } from '../core/fit/calibrationText.ts';
import { ownCalibrationFile } from '../core/fit/calibrationFile.ts';
import { errorText } from '../core/util/errorText.ts';
import { exitCodes, type ExitCode } from './exitCodes.ts';
import type { Output } from './output.ts';

export interface MeasuredOptions {
  readonly json: boolean;
  /** What its loads took is forgotten; empty: what all took. Undefined: nothing is. */
  readonly forget: string | undefined;
}

/** What loads of this machine took beyond their plans, the newest first, and how to have that forgotten. */
export async function measured({ json, forget }: MeasuredOptions, output: Output): Promise<ExitCode> {
  const file = ownCalibrationFile(process.env);
  const { entries } = await file.read();
  if (forget !== undefined) {
    const named = entries.filter(({ of }) => forget === '' || of === forget);
    if (named.length === 0) return nothing(forget, json, output);
    try {
      await file.forget(forget === '' ? undefined : forget);
    } catch (error) {
      const message = `${file.path} cannot be written: ${errorText(error)}`;
      if (json) await output.line({ type: 'error', kind: 'file', message });
      else output.note(`a2ia: ${message}`);
      return exitCodes.failed;
    }
    if (json) await output.line({ type: 'forgotten', loads: named.length });
    else await output.text(`Forgotten: what ${named.length === 1 ? 'a load' : `${named.length} loads`} took.\n`);
    return exitCodes.finished;
  }
  if (json) for (const entry of entries.toReversed()) await output.line({ ...entry });
  else {
    const lines = entries.toReversed().flatMap((one) => [`${one.of}: ${loadText(one)}`, `  ${differencesText(one)}`]);
    await output.text(`${(lines.length > 0 ? [...lines, '', `Kept in ${file.path}`] : [none]).join('\n')}\n`);
  }
  return exitCodes.finished;
}

const none =
  'No load was measured yet. “a2ia gpu” measures a server’s only model on this machine’s only GPU, and so does A2IA in the editor.';

async function nothing(forget: string, json: boolean, output: Output): Promise<ExitCode> {
  const message = forget === '' ? 'No load was measured yet.' : `No load of ${forget} was measured.`;
  if (json) await output.line({ type: 'error', kind: 'notMeasured', message });
  else output.note(`a2ia: ${message} “a2ia measured” lists those that were.`);
  return exitCodes.failed;
}
