import assert from 'node:assert/strict';
import { parsePlanChange, parsePlanMessage, type PlanPageMessage } from '../../../src/protocol/planMessages.ts';

describe('Messages of the plan page', () => {
  it('are taken as they are', () => {
    const messages: readonly PlanPageMessage[] = [
      { type: 'ready' },
      { type: 'choose', number: 1, change: { contextTokens: 8192 } },
      { type: 'choose', number: 2, change: { backend: 'vllm', gpuId: 'RTX 4090', gpuCount: 2, vramGib: 11.6 } },
      { type: 'takeAlternative', number: 3, id: '0' },
      { type: 'copyCommand' },
      { type: 'openFile' },
      { type: 'lookAgain' },
    ];
    for (const message of messages) assert.deepEqual(parsePlanMessage(message), message);
  });

  it('are refused when anything in them is not what it should be', () => {
    const others: readonly unknown[] = [
      undefined,
      'ready',
      [],
      { type: 'constructor' },
      { type: 'ready', more: 1 },
      { type: 'choose', number: 1 },
      { type: 'choose', number: 0, change: {} },
      { type: 'choose', number: 1, change: { contextTokens: -1 } },
      { type: 'choose', number: 1, change: { contextTokens: '8192' } },
      { type: 'choose', number: 1, change: { gpuCount: 65 } },
      { type: 'choose', number: 1, change: { vramGib: Number.NaN } },
      { type: 'choose', number: 1, change: { backend: 'cloud' } },
      { type: 'choose', number: 1, change: { toString: 'x' } },
      { type: 'choose', number: 1, change: { modelId: 'x'.repeat(5000) } },
      { type: 'takeAlternative', number: 1, id: 7 },
    ];
    for (const other of others) assert.equal(parsePlanMessage(other), undefined, JSON.stringify(other));
  });

  it('bring back a choice that was kept, and nothing that only looks like one', () => {
    const kept = { modelId: 'catalogue:qwen3-8b', backend: 'ollama', gpuId: 'machine', vramGib: 12, gpuCount: 1 };
    assert.deepEqual(parsePlanChange(JSON.parse(JSON.stringify(kept))), kept);
    assert.equal(parsePlanChange({ ...kept, vramGib: '12' }), undefined);
    assert.equal(parsePlanChange(null), undefined);
  });
});
