import assert from 'node:assert/strict';
import { isSavingPower, type PowerHost } from '../../../../src/core/completion/powerSaving.ts';

const programs = [/^pmset -g$/, /^powershell\.exe -NoProfile .*::EnergySaverStatus$/];
const host = (platform: NodeJS.Platform, said: string): PowerHost => ({
  platform,
  readFile: (path) =>
    path === '/sys/firmware/acpi/platform_profile' ? Promise.resolve(said) : Promise.reject(new Error('not there')),
  run: (program, args) =>
    programs.some((known) => `${program} ${args.join(' ')}`.match(known))
      ? Promise.resolve(said)
      : Promise.reject(new Error('not there')),
});
const fails: PowerHost = {
  platform: 'linux',
  readFile: () => Promise.reject(new Error('ENOENT')),
  run: () => Promise.reject(new Error('ENOENT')),
};

describe('whether power is to be saved', () => {
  const cases: readonly [platform: NodeJS.Platform, said: string, isSaving: boolean][] = [
    ['linux', 'low-power\n', true],
    ['linux', 'balanced\n', false],
    ['linux', 'performance\n', false],
    ['darwin', 'Currently in use:\n standby              1\n lowpowermode         1\n', true],
    ['darwin', 'Currently in use:\n lowpowermode         0\n', false],
    ['win32', 'On\r\n', true],
    ['win32', 'Off\r\n', false],
    ['win32', 'Disabled\r\n', false],
    ['freebsd', 'low-power', false],
  ];
  for (const [platform, said, isSaving] of cases) {
    it(`${platform}, ${said.trim().split('\n').at(-1)?.trim()}: ${isSaving}`, async () =>
      assert.equal(await isSavingPower(host(platform, said)), isSaving));
  }

  it('is not known where nobody says it', async () => {
    assert.equal(await isSavingPower(fails), false);
    assert.equal(await isSavingPower({ ...fails, platform: 'darwin' }), false);
    assert.equal(await isSavingPower({ ...fails, platform: 'win32' }), false);
  });
});
