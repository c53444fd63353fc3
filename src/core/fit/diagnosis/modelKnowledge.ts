import { knownModel } from '../catalogue.ts';
import { checkpointBytes, schemeNamed, type Scheme } from '../checkpoint.ts';
import type { ModelFacts } from '../modelFacts.ts';
import { tensorsOf } from '../tensors.ts';
import type { LoadFacts } from './loadFacts.ts';

/** What the shape of a model adds to a log that names it. Undefined wherever the catalogue does not have it: nothing is guessed. */

export function shapeOf({ model }: LoadFacts): ModelFacts | undefined {
  const found = model === undefined ? undefined : knownModel(model);
  return found && found.doubts.length === 0 ? found : undefined;
}

/** Of a checkpoint, on each GPU. */
export function checkpointOf(facts: LoadFacts): { readonly bytes: number; readonly scheme: Scheme } | undefined {
  const shape = shapeOf(facts);
  const scheme = schemeNamed(`${facts.format ?? ''} ${facts.model ?? ''}`) ?? schemeNamed(facts.dtype ?? '');
  if (!shape || !scheme) return undefined;
  return finite({ bytes: checkpointBytes(shape, scheme, parallelism(facts)), scheme });
}

/** The same model with its matrices in four bits. Undefined where it has them already. */
export function fourBitBytes(facts: LoadFacts): number | undefined {
  const shape = shapeOf(facts);
  const now = checkpointOf(facts);
  if (!shape || !now || (now.scheme.kind !== 'plain' && now.scheme.kind !== 'fp8' && now.scheme.kind !== 'int8'))
    return undefined;
  return finite({ bytes: checkpointBytes(shape, { kind: 'awq' }, parallelism(facts)) })?.bytes;
}

/** Which matrix of the model is as large as the allocation that failed: `the gate and up projections of one layer`. In 16 bits only. */
export function matrixOf(facts: LoadFacts): string | undefined {
  const shape = shapeOf(facts);
  const bytes = facts.requested?.bytes;
  if (!shape || bytes === undefined || checkpointOf(facts)?.scheme.kind !== 'plain') return undefined;
  const tensor = parallelism(facts).tensor;
  const fused = new Map<string, number>();
  for (const { role, layer, columns, rows } of tensorsOf(shape)) {
    if (layer !== undefined && layer !== 0) continue;
    const name = matrixNames[role];
    if (name) fused.set(name, (fused.get(name) ?? 0) + (2 * columns * rows) / tensor);
  }
  // The log rounds to hundredths of a MiB, and PyTorch up to 2 MiB.
  return [...fused].find(([, size]) => bytes >= size - 8192 && bytes - size < 2 * 1024 ** 2)?.[0];
}

const matrixNames: Readonly<Record<string, string>> = {
  gate: 'the gate and up projections of one layer',
  up: 'the gate and up projections of one layer',
  down: 'the down projection of one layer',
  expertGate: 'the gate and up projections of all experts of one layer',
  expertUp: 'the gate and up projections of all experts of one layer',
  expertDown: 'the down projections of all experts of one layer',
  tokenEmbedding: 'the token embedding, or the output matrix',
};

function parallelism({ vllm }: LoadFacts) {
  return { tensor: vllm.tensorParallel ?? 1, pipeline: 1 };
}

function finite<Known extends { readonly bytes: number }>(known: Known): Known | undefined {
  return Number.isFinite(known.bytes) ? known : undefined;
}
