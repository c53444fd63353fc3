import { ggmlBytes, ggmlType } from '../gguf/ggmlTypes.ts';
import { reading, Unusable, type FactsReading } from './factsReading.ts';
import { factsOfTensors, type SizedTensor } from './ggufFacts.ts';
import { architectureName, shapeOfKeys } from './ggufKeys.ts';

/**
 * Ollama's answer to `POST /api/show`. Without `verbose` its arrays are `null`: then one number for each layer is missing, and the answer is refused so
 * that the caller asks again with `verbose`. `fileBytes`: the size that `/api/tags` gives, for tensors of types that Ollama prints as `unknown`.
 */
export function factsOfOllamaShow(answer: unknown, fileBytes?: number): FactsReading {
  return reading(() => {
    const { model_info: info, tensors } = record(answer, 'is not an object');
    const values = record(info, 'has no model_info');
    const architecture = architectureName(values['general.architecture']);
    const missing = missingList(architecture, values);
    if (missing !== undefined) throw new Unusable(`leaves out ${missing}: it has to be asked for with "verbose"`);
    const sized = Array.isArray(tensors) ? sizedTensors(tensors, fileBytes) : undefined;
    const embedding = sized?.rowsOf('token_embd.weight');
    const shape = shapeOfKeys(
      architecture,
      (key) => {
        const value = values[key];
        if (typeof value === 'number' || typeof value === 'boolean') return value;
        return Array.isArray(value) && value.length <= 1024 ? value.map(Number) : undefined;
      },
      embedding ?? tokenCount(values['tokenizer.ggml.tokens']),
    );
    const weights = sized ? factsOfTensors(sized.tensors, shape.layers.length) : { tiedEmbeddings: false };
    return { ...shape, ...weights, origin: 'server' };
  });
}

/** Whether it has to be asked for again with `verbose`: a list is left out, or the tensors are (before the end of 2025). */
export function leavesOut(answer: unknown): boolean {
  if (typeof answer !== 'object' || answer === null) return false;
  const { model_info: info, tensors } = answer as Readonly<Record<string, unknown>>;
  if (typeof info !== 'object' || info === null) return false;
  const values = info as Readonly<Record<string, unknown>>;
  return !Array.isArray(tensors) || missingList(String(values['general.architecture']), values) !== undefined;
}

function missingList(architecture: string, values: Readonly<Record<string, unknown>>): string | undefined {
  return listKeys.find((key) => values[`${architecture}.${key}`] === null);
}

const listKeys = [
  'attention.head_count',
  'attention.head_count_kv',
  'feed_forward_length',
  'attention.sliding_window_pattern',
];

function record(value: unknown, problem: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Unusable(problem);
  return value as Readonly<Record<string, unknown>>;
}

function tokenCount(value: unknown): number | undefined {
  return Array.isArray(value) ? value.length : undefined;
}

interface SizedTensors {
  readonly tensors: readonly SizedTensor[];
  rowsOf(name: string): number | undefined;
}

const mostTensors = 200_000;

/** What the file has beyond the tensors of known types is shared out among the others, by their elements. */
function sizedTensors(list: readonly unknown[], fileBytes: number | undefined): SizedTensors {
  if (list.length > mostTensors) throw new Unusable('has more tensors than any model');
  const tensors = list.map((entry) => {
    const { name, type, shape } = record(entry, 'has a tensor that is no object');
    if (typeof name !== 'string' || typeof type !== 'string' || !isShape(shape))
      throw new Unusable('has a tensor without a shape');
    const known = ggmlType(type);
    const elements = shape.reduce((product, length) => product * length, 1);
    return { name, shape, elements, bytes: known && ggmlBytes(known, elements) };
  });
  const known = tensors.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0);
  const unknown = tensors.reduce((sum, { bytes, elements }) => sum + (bytes === undefined ? elements : 0), 0);
  if (unknown > 0 && fileBytes === undefined)
    throw new Unusable('has tensors of an unknown type, and the size of the file is not known');
  const perElement = unknown > 0 ? Math.max(0, ((fileBytes ?? 0) - known) / unknown) : 0;
  return {
    tensors: tensors.map(({ name, bytes, elements }) => ({ name, bytes: bytes ?? elements * perElement })),
    rowsOf: (name) => tensors.find((tensor) => tensor.name === name)?.shape[1],
  };
}

function isShape(value: unknown): value is readonly number[] {
  return (
    Array.isArray(value) && value.length <= 8 && value.every((length) => Number.isSafeInteger(length) && length >= 0)
  );
}
