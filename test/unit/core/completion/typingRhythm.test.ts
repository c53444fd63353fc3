import assert from 'node:assert/strict';
import fc from 'fast-check';
import { TypingRhythm } from '../../../../src/core/completion/typingRhythm.ts';
import { fuzz } from './fuzz.ts';

/** After so many keys with these gaps between them. */
function pauseAfter(gapsMs: readonly number[]): number {
  const rhythm = new TypingRhythm();
  let nowMs = 0;
  rhythm.keyPressed(nowMs);
  for (const gapMs of gapsMs) rhythm.keyPressed((nowMs += gapMs));
  return rhythm.pauseMs;
}

const every = (gapMs: number) => Array.from({ length: 20 }, () => gapMs);

describe('the rhythm of typing', () => {
  it('waits longer than the gap between two keys, and longer for who types slowly', () => {
    assert.ok(pauseAfter(every(200)) > 200);
    assert.ok(pauseAfter(every(100)) > 100 && pauseAfter(every(100)) < pauseAfter(every(200)));
    assert.ok(pauseAfter(every(350)) > 350);
  });

  it('takes pauses for pauses', () => assert.equal(pauseAfter([...every(150), 5_000]), pauseAfter(every(150))));

  it('has a pause before it knows anything', () => assert.equal(new TypingRhythm().pauseMs, 300));

  fuzz('never waits for nothing, nor for ever', (options) => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 10_000, noNaN: true }), { maxLength: 60 }), (gapsMs) => {
        const pauseMs = pauseAfter(gapsMs);
        assert.ok(pauseMs >= 120 && pauseMs <= 600, `${pauseMs}`);
      }),
      options,
    );
  });

  /** Keys at five a second as people press them: most gaps are short, some are long. */
  function typing(seed: number, count: number): readonly number[] {
    let state = seed;
    const random = () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
    const sigma = 0.5;
    return Array.from({ length: count }, () => {
      const normal = Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random());
      return 200 * Math.exp(sigma * normal - sigma ** 2 / 2);
    });
  }

  it('makes at most a fifth of the keys a request, at five keys a second', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const rhythm = new TypingRhythm();
      let nowMs = 0;
      let requests = 0;
      const gapsMs = typing(seed * 7919, 600);
      for (const gapMs of gapsMs) {
        rhythm.keyPressed(nowMs);
        if (gapMs > rhythm.pauseMs) requests++;
        nowMs += gapMs;
      }
      assert.ok(requests / gapsMs.length <= 0.2, `${requests} of ${gapsMs.length} with seed ${seed}`);
    }
  });
});
