/** What is looked at, so that a test can say what is there. */
export interface PowerHost {
  readonly platform: NodeJS.Platform;
  /** @throws Error when it cannot be read */
  readFile(path: string): Promise<string>;
  /** What a program prints. @throws Error when it cannot be run */
  run(program: string, args: readonly string[]): Promise<string>;
}

/** Windows PowerShell, which every Windows has: it takes half a second to start, where Linux reads a file and `pmset` is there at once. */
const energySaver = [
  ...['-NoProfile', '-NonInteractive', '-Command'],
  '[Windows.System.Power.PowerManager,Windows.System.Power,ContentType=WindowsRuntime]::EnergySaverStatus',
];

/** How often it is worth a look: half a second of every five minutes is nothing, of every minute it would be a share of the battery. */
export function powerLookIntervalMs(platform: NodeJS.Platform): number {
  return platform === 'win32' ? 300_000 : 60_000;
}

/**
 * Whether the machine is told to save power: Linux's platform profile (which desktops switch with their power mode), macOS's Low Power Mode, Windows' energy
 * saver (`PowerManager.EnergySaverStatus`, learn.microsoft.com: `On` while it is at work). What cannot be read is no: then nothing is paused. VS Code has an
 * API for it that published extensions may not use (`environmentPower`).
 */
export async function isSavingPower(host: PowerHost): Promise<boolean> {
  try {
    switch (host.platform) {
      case 'linux':
        return (await host.readFile('/sys/firmware/acpi/platform_profile')).trim() === 'low-power';
      case 'darwin':
        return /^\s*lowpowermode\s+1\b/m.test(await host.run('pmset', ['-g']));
      case 'win32':
        return (await host.run('powershell.exe', energySaver)).trim() === 'On';
      default:
        return false;
    }
  } catch {
    return false;
  }
}
