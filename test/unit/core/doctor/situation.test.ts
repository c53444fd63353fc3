import assert from 'node:assert/strict';
import { defaultGateway, detectSituation, surroundingHosts } from '../../../../src/core/doctor/situation.ts';

const wslKernel = 'Linux version 5.15.153.1-microsoft-standard-WSL2 (gcc 11.2.0) #1 SMP';
/** As the kernel writes it: 172.20.0.1 for everything, and a route of the link itself. */
const routes = `Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t0014AC00\t00000000\t0001\t0\t0\t0\t00F0FFFF\t0\t0\t0
eth0\t00000000\t010014AC\t0003\t0\t0\t0\t00000000\t0\t0\t0
`;

interface Case {
  readonly title: string;
  readonly remoteName?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, string>>;
  readonly kind: string;
  readonly where: string;
}

const cases: readonly Case[] = [
  { title: 'nothing special', kind: 'local', where: 'this machine' },
  { title: 'SSH in the editor', remoteName: 'ssh-remote', kind: 'ssh', where: 'the remote machine box (by SSH)' },
  {
    title: 'a shell by SSH',
    environment: { SSH_CONNECTION: '10.0.0.2 50000 10.0.0.1 22' },
    kind: 'ssh',
    where: 'the remote machine box (by SSH)',
  },
  {
    title: 'WSL in the editor',
    remoteName: 'wsl',
    environment: { WSL_DISTRO_NAME: 'Ubuntu' },
    kind: 'wsl',
    where: 'WSL (Ubuntu)',
  },
  { title: 'a shell in WSL', files: { '/proc/version': wslKernel }, kind: 'wsl', where: 'WSL' },
  { title: 'a dev container', remoteName: 'dev-container', kind: 'container', where: 'the container box' },
  { title: 'an attached container', remoteName: 'attached-container', kind: 'container', where: 'the container box' },
  { title: 'a codespace', remoteName: 'codespaces', kind: 'container', where: 'the container box' },
  { title: 'Docker', files: { '/.dockerenv': '' }, kind: 'container', where: 'the container box' },
  { title: 'Podman', files: { '/run/.containerenv': '' }, kind: 'container', where: 'the container box' },
  {
    title: 'a container on WSL is a container',
    files: { '/.dockerenv': '', '/proc/version': wslKernel },
    kind: 'container',
    where: 'the container box',
  },
  {
    title: 'a server of the editor, in a browser',
    remoteName: '127.0.0.1:8000',
    kind: 'remote',
    where: 'box, the machine on which the editor’s server runs',
  },
];

describe('Where A2IA runs', () => {
  for (const { title, remoteName, environment = {}, files = {}, kind, where } of cases) {
    it(title, () => {
      const read = (path: string) => files[path];
      const situation = detectSituation({ remoteName, environment, machine: 'box', read });
      assert.deepEqual(situation, { kind, where, machine: 'box' });
    });
  }

  it('finds the default gateway in the kernel’s routes', () => {
    assert.equal(defaultGateway(routes), '172.20.0.1');
    assert.equal(defaultGateway('Iface\tDestination\tGateway\n'), undefined);
    assert.equal(defaultGateway('nonsense'), undefined);
  });

  it('looks for the machine around a container and around WSL, and around nothing else', () => {
    const around = (remoteName: string | undefined) =>
      surroundingHosts(detectSituation({ remoteName, environment: {}, read: () => undefined }), () => routes);
    assert.deepEqual(around('dev-container'), ['host.docker.internal', 'host.containers.internal', '172.20.0.1']);
    assert.deepEqual(around('wsl'), ['172.20.0.1']);
    assert.deepEqual(around('ssh-remote'), []);
    assert.deepEqual(around(undefined), []);
  });
});
