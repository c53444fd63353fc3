import assert from 'node:assert/strict';
import { fileSize } from '../../../../src/core/util/fileSize.ts';

describe('fileSize', () => {
  it('says megabytes, and gigabytes from where they read better', () => {
    const sizes = [0, 1_200_000, 9_960_000, 98_000_000, 999_400_000, 999_600_000, 4_700_000_000, 42_000_000_000];
    assert.deepEqual(sizes.map(fileSize), [
      '0.0 MB',
      '1.2 MB',
      '10 MB',
      '98 MB',
      '999 MB',
      '1.0 GB',
      '4.7 GB',
      '42 GB',
    ]);
  });
});
