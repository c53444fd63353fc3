/** What is looked at, so that a test can say what is there. */
export interface PowerHost {
  readonly platform: NodeJS.Platform;
  /** @throws Error when it cannot be read */
  readFile(path: string): Promise<string>;
  /** What a program prints. @throws Error when it cannot be run */
  run(program: string, args: readonly string[]): Promise<string>;
}

/**
 * Whether the machine is told to save power: Linux's platform profile (which desktops switch with their power mode), macOS's Low Power Mode. Elsewhere nobody
 * tells a program that is not the desktop's own: then it is not. VS Code has an API for it that published extensions may not use (`environmentPower`).
 */
export async function isSavingPower(host: PowerHost): Promise<boolean> {
  try {
    switch (host.platform) {
      case 'linux':
        return (await host.readFile('/sys/firmware/acpi/platform_profile')).trim() === 'low-power';
      case 'darwin':
        return /^\s*lowpowermode\s+1\b/m.test(await host.run('pmset', ['-g']));
      default:
        return false;
    }
  } catch {
    return false;
  }
}
