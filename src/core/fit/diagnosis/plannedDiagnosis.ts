import { memoryText } from '../bytesText.ts';
import { knownModel } from '../catalogue.ts';
import type { FitGpu, FitPlan, FitServer } from '../fitRequest.ts';
import { planFit } from '../planFit.ts';
import { conditionText, type Diagnosis } from './diagnosis.ts';
import type { Amount } from './knownFailure.ts';
import type { Remedy } from './remedies.ts';

/** Where a server says only that memory was short: what the model takes by its shape, against what is free now. Undefined: the catalogue does not have it. */
export function plannedDiagnosis(
  name: string,
  server: Extract<FitServer, { readonly kind: 'ollama' }>,
  gpus: readonly FitGpu[],
): Diagnosis | undefined {
  const facts = knownModel(name);
  const isMeasured = gpus.length > 0 && gpus.every(({ freeBytes }) => freeBytes !== undefined);
  if (!facts || facts.doubts.length > 0 || !isMeasured) return undefined;
  const plan = planFit({ model: { name, facts }, server, gpus });
  const { rows, free } = plan;
  const onGpu = rows.filter(({ part }) => part !== 'ram' && part !== 'overhead');
  if (!free || onGpu.length === 0) return undefined;
  const need = onGpu.map(({ label, figure }): Amount => ({ label, bytes: figure.bytes, isComputed: true }));
  const have: Amount = { label: 'free on the GPU', bytes: free.bytes };
  const needed = onGpu.reduce((sum, { figure }) => sum + figure.bytes, 0);
  const isShort = needed > free.bytes;
  return {
    outcome: 'failed',
    server: 'ollama',
    model: name,
    ...(gpus[0] && gpus.length === 1 ? { gpu: gpus[0].name } : {}),
    cause: {
      id: 'planned',
      title: 'The model does not fit into the memory that is free',
      isMemory: true,
      ...(isShort ? { inequality: conditionText({ need, have }), condition: { need, have } } : {}),
      because: isShort ? reason(plan) : 'another program took the memory, or Ollama counted otherwise',
    },
    figures: [
      ...onGpu.map(({ label, figure }) => ({
        label: `${capital(label)} (planned)`,
        text: memoryText(figure.bytes),
        bytes: figure.bytes,
        isComputed: true as const,
      })),
      { label: 'Free on the GPU now', text: memoryText(free.bytes), bytes: free.bytes },
    ],
    remedies: remediesOf(plan),
    remarks: isShort
      ? []
      : [`By its shape the model takes ${memoryText(needed)}, and ${memoryText(free.bytes)} are free on the GPU now.`],
  };
}

/** By the part that is largest: that is where something can be won. */
function reason({ rows, contextTokens }: FitPlan): string {
  const largest = [...rows].sort((one, other) => other.figure.bytes - one.figure.bytes)[0];
  return largest?.part === 'weights'
    ? 'the weights take most of it'
    : `a context of ${contextTokens.toLocaleString('en')} tokens takes most of it`;
}

function remediesOf({ largestContextTokens, contextTokens }: FitPlan): readonly Remedy[] {
  const isShorter = largestContextTokens !== undefined && largestContextTokens < contextTokens;
  const unload: Remedy = {
    id: 'unloadOthers',
    text: 'Unload other models, and close what else uses the GPU.',
    option: 'ollama stop <model>',
    action: 'unload',
  };
  const smaller: Remedy = {
    id: 'smallerFile',
    text: 'Take the model in fewer bits, or a smaller one.',
    action: 'plan',
  };
  if (!isShorter) return [unload, smaller];
  const shorter: Remedy = {
    id: 'context',
    text: `Run the model with a context of ${largestContextTokens.toLocaleString('en')} tokens: that fits on the GPU.`,
    option: `OLLAMA_CONTEXT_LENGTH=${largestContextTokens}`,
    contextTokens: largestContextTokens,
    action: 'shorterContext',
  };
  return [shorter, unload, smaller];
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
