import assert from 'node:assert/strict';
import { exact, sum, between } from '../../../../src/core/fit/figure.ts';
import { cudaBytesOfCard, isHeadlessCard } from '../../../../src/core/fit/gpus.ts';
import { freeFigure, inequality } from '../../../../src/core/fit/inequality.ts';

const gibibyte = 1024 ** 3;

describe('Memory of cards by their names', () => {
  // What CUDA reports, in GiB.
  for (const [name, gib] of [
    ['NVIDIA GeForce RTX 3060 12GB', 11.76],
    ['NVIDIA RTX 3500 Ada Generation Laptop GPU', 11.6],
    ['NVIDIA GeForce RTX 4090', 23.55],
    ['NVIDIA GeForce RTX 4080', 15.7],
    ['rtx4090', 23.55],
    ['2x 3090 Ti', 23.6],
    ['NVIDIA GeForce RTX 3060 Laptop GPU', 5.8],
    ['24 GB class GPU (22.05 GiB, L4)', 22.05],
    ['NVIDIA A10 (22.5 GB)', 22.5],
    ['NVIDIA A100-SXM4-40GB', 39.4],
    ['NVIDIA H100 80GB HBM3', 79.2],
    ['NVIDIA H100 NVL', 93.1],
    ['Tesla T4', 14.75],
    ['NVIDIA L4 24GB', 22.1],
    ['NVIDIA L40S', 44.5],
    ['NVIDIA A10G', 22.1],
    ['NVIDIA H200', 139.8],
    ['NVIDIA B200', 178.35],
    ['NVIDIA RTX PRO 6000 Blackwell Workstation Edition', 94.97],
    ['NVIDIA GH200 480GB', 95.6],
    // A size in the name counts more: these were sold with 11 GB.
    ['NVIDIA GeForce RTX 2080 Ti 22GB', 21.67],
  ] as const) {
    it(`is ${gib} GiB for ${name}`, () => {
      const actual = (cudaBytesOfCard(name) ?? 0) / gibibyte;
      assert.ok(Math.abs(actual - gib) / gib < 0.015, `${actual}`);
    });
  }

  it('is two thirds of a small Mac’s memory, and three quarters of a large one’s', () => {
    assert.equal(cudaBytesOfCard('Apple Silicon 24 GB'), 16 * gibibyte);
    assert.equal(cudaBytesOfCard('Apple M3 Max 128 GB'), 96 * gibibyte);
  });

  it('is not made up', () => {
    for (const name of ['', 'GPU', 'NVIDIA GeForce RTX 9990', 'card with 0 GB'])
      assert.equal(cudaBytesOfCard(name), undefined, name);
  });

  it('is taken by a desktop only where a screen can be', () => {
    assert.equal(isHeadlessCard('NVIDIA L4'), true);
    assert.equal(isHeadlessCard('NVIDIA GeForce RTX 4090'), false);
    const totalBytes = 24 * gibibyte;
    assert.ok(freeFigure({ totalBytes, isHeadless: true }).lowBytes > freeFigure({ totalBytes }).lowBytes);
    assert.deepEqual(freeFigure({ totalBytes, freeBytes: gibibyte }), exact(gibibyte, 'free before the load'));
  });
});

describe('An inequality', () => {
  const have = between(90, 100, 110, 'assumed', '');

  it('holds only if it does whatever the unknowns are', () => {
    assert.equal(inequality('', exact(90, ''), have).holds, 'yes');
    assert.equal(inequality('', exact(95, ''), have).holds, 'maybe');
    assert.equal(inequality('', exact(110, ''), have).holds, 'maybe');
    assert.equal(inequality('', exact(111, ''), have).holds, 'no');
    assert.equal(inequality('', exact(95, ''), have).slackBytes, 5);
  });

  it('adds what is known to what is not, and says so', () => {
    const both = sum([exact(10, ''), have], 'both');
    assert.deepEqual(both, { bytes: 110, lowBytes: 100, highBytes: 120, origin: 'assumed', because: 'both' });
    assert.equal(sum([], '').origin, 'exact');
  });
});
