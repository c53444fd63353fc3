import { amount, condition } from './knownFailure.ts';
import { gpuMemory, type LoadFacts } from './loadFacts.ts';
import { checkpointOf } from './modelKnowledge.ts';

/** What stands on the two sides of vLLM’s inequalities, as far as a log tells it. */

export function budget({ vllm, devices }: LoadFacts) {
  const { utilization, budgetBytes } = vllm;
  const totalBytes = [...devices.values()].find((one) => one.totalBytes !== undefined)?.totalBytes;
  const bytes =
    budgetBytes ?? (totalBytes !== undefined && utilization !== undefined ? totalBytes * utilization : undefined);
  return amount(
    utilization === undefined ? 'vLLM’s share' : `${utilization} of the GPU`,
    bytes,
    budgetBytes === undefined,
  );
}

export function freeAtStart(facts: LoadFacts) {
  return amount('free at the start', gpuMemory(facts).freeBytes);
}

export function left(facts: LoadFacts) {
  return amount('what was still free', facts.leftBytes);
}

export function total(facts: LoadFacts) {
  const { totalBytes } = gpuMemory(facts);
  return totalBytes === undefined ? undefined : amount('memory of the GPU', totalBytes);
}

export function inUse(facts: LoadFacts) {
  const { totalBytes } = gpuMemory(facts);
  const { processBytes, allocatedBytes } = facts.vllm;
  const isWhole = totalBytes !== undefined && facts.leftBytes !== undefined;
  return amount('in use', isWhole ? totalBytes - (facts.leftBytes ?? 0) : (processBytes ?? allocatedBytes));
}

export function weights(facts: LoadFacts) {
  return amount(
    'weights',
    facts.vllm.weightsBytes ?? checkpointOf(facts)?.bytes,
    facts.vllm.weightsBytes === undefined,
  );
}

/** What was loaded when it ended is no size of the weights. */
export function weightsToLoad(facts: LoadFacts) {
  const computed = checkpointOf(facts)?.bytes;
  if (computed !== undefined) return amount('weights', computed, true);
  const { allocatedBytes, processBytes } = facts.vllm;
  const loaded = allocatedBytes ?? processBytes;
  return loaded === undefined || !facts.requested
    ? amount('weights', undefined)
    : amount('the part of the weights that was reached', loaded + facts.requested.bytes);
}

export function budgetCondition(facts: LoadFacts) {
  const { activationBytes, nonTorchBytes, graphBytes, weightsBytes } = facts.vllm;
  const isGraphCounted = graphBytes !== undefined && facts.vllm.eager !== true;
  return condition(
    [
      amount('weights', weightsBytes ?? checkpointOf(facts)?.bytes, weightsBytes === undefined),
      amount('activations', activationBytes),
      amount('process', nonTorchBytes),
      ...(isGraphCounted ? [amount('CUDA graphs', graphBytes)] : []),
    ],
    budget(facts),
  );
}
