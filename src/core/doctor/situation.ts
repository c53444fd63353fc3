import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';

/** Which machine asks: what `127.0.0.1` means depends on it. */
export interface Situation {
  readonly kind: 'local' | 'ssh' | 'wsl' | 'container' | 'remote';
  /** For a sentence: "this machine", "the remote machine gpu-box (by SSH)". */
  readonly where: string;
  /** What to type where a name of this machine is needed. */
  readonly machine: string;
}

export interface SituationSources {
  /** The editor's `vscode.env.remoteName`; undefined in a local window and on the command line. */
  readonly remoteName?: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly machine?: string;
  /** A file's text; undefined where there is none. */
  readonly read?: (path: string) => string | undefined;
}

/**
 * A container comes before WSL and SSH, since it may be on either and its loopback is its own. The marks: `/.dockerenv` (Docker), `/run/.containerenv`
 * (Podman), `microsoft` in `/proc/version` (WSL), `SSH_CONNECTION` (a shell by SSH).
 */
export function detectSituation(sources: SituationSources): Situation {
  const { remoteName, environment, machine = hostname(), read = readText } = sources;
  const make = (kind: Situation['kind'], where: string): Situation => ({ kind, where, machine });
  const inContainer = ['/.dockerenv', '/run/.containerenv'].some((path) => read(path) !== undefined);
  if (/container$/.test(remoteName ?? '') || remoteName === 'codespaces' || inContainer)
    return make('container', `the container ${machine}`);
  if (remoteName === 'wsl' || /microsoft/i.test(read('/proc/version') ?? '')) {
    const distribution = environment['WSL_DISTRO_NAME'];
    return make('wsl', `WSL${distribution ? ` (${distribution})` : ''}`);
  }
  if (remoteName === 'ssh-remote' || environment['SSH_CONNECTION'])
    return make('ssh', `the remote machine ${machine} (by SSH)`);
  if (remoteName !== undefined) return make('remote', `${machine}, the machine on which the editor’s server runs`);
  return make('local', 'this machine');
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/**
 * Where the machine around this one may be: a container's host, or the Windows around a WSL. Names and addresses to try; none where there is no such machine.
 */
export function surroundingHosts(situation: Situation, read = readText): readonly string[] {
  if (situation.kind !== 'container' && situation.kind !== 'wsl') return [];
  const gateway = defaultGateway(read('/proc/net/route') ?? '');
  const names = situation.kind === 'container' ? ['host.docker.internal', 'host.containers.internal'] : [];
  return gateway ? [...names, gateway] : names;
}

/** From the kernel's table of routes: the line with destination 0, whose gateway is four bytes in hexadecimal, the last one first. */
export function defaultGateway(routes: string): string | undefined {
  for (const line of routes.split('\n').slice(1)) {
    const [, destination, gateway = ''] = line.split('\t');
    if (destination !== '00000000' || !/^[\dA-F]{8}$/i.test(gateway) || gateway === '00000000') continue;
    return [6, 4, 2, 0].map((at) => parseInt(gateway.slice(at, at + 2), 16)).join('.');
  }
  return undefined;
}
