import { homedir } from 'node:os';
import path from 'node:path';

/** Where A2IA keeps what belongs to this machine and user, whether the editor or the command line found it. */
export function dataFolder(environment: Readonly<Record<string, string | undefined>>, platform = process.platform) {
  return environment['A2IA_DATA_DIR'] || path.join(userDataFolder(environment, platform), 'a2ia');
}

function userDataFolder(environment: Readonly<Record<string, string | undefined>>, platform: NodeJS.Platform): string {
  if (platform === 'win32') return environment['LOCALAPPDATA'] || path.join(homedir(), 'AppData', 'Local');
  if (platform === 'darwin') return path.join(homedir(), 'Library', 'Application Support');
  return environment['XDG_DATA_HOME'] || path.join(homedir(), '.local', 'share');
}
