import { createReadStream } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';
import { explainStream } from '../core/fit/diagnosis/diagnosis.ts';
import { explanationLines } from '../core/fit/diagnosis/explanationText.ts';
import type { Command } from './arguments.ts';
import { exitCodes, type ExitCode } from './exitCodes.ts';
import type { Output } from './output.ts';
import { UsageError } from './usageError.ts';

/**
 * What a log or an error text means, read piece by piece: a log may have gigabytes.
 * @throws UsageError for a file that cannot be read, and when nobody gives a text
 */
export async function explain(
  { file, json }: Extract<Command, { readonly name: 'explain' }>,
  input: NodeJS.ReadStream,
  output: Output,
): Promise<ExitCode> {
  if (file === undefined && input.isTTY) {
    throw new UsageError('Name the file of the log, or give it on standard input: a2ia explain < server.log');
  }
  const explanation = await explainStream(textOf(file === undefined ? input : createReadStream(file), file));
  if (json) await output.line(explanation);
  else await output.text(explanationLines(explanation));
  return explanation.diagnosis ? exitCodes.finished : exitCodes.failed;
}

/** In the encoding that PowerShell's `>` writes too. */
async function* textOf(bytes: AsyncIterable<Buffer | string>, file: string | undefined): AsyncGenerator<string> {
  let decoder: StringDecoder | undefined;
  try {
    for await (const chunk of bytes) {
      const piece = Buffer.from(chunk);
      decoder ??= new StringDecoder(piece[0] === 0xff && piece[1] === 0xfe ? 'utf16le' : 'utf8');
      yield decoder.write(piece);
    }
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    throw new UsageError(`${file ?? 'Standard input'} cannot be read (${code}).`);
  }
}
