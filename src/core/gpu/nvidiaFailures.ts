import type { GpuFailure } from './gpuReading.ts';
import type { RunOutcome } from './gpuHost.ts';

export interface Failure {
  readonly kind: GpuFailure;
  readonly message: string;
  readonly hint: string;
}

const failures: Readonly<Record<GpuFailure, Omit<Failure, 'kind'>>> = {
  driverNotLoaded: {
    message: 'NVIDIA’s driver is not loaded.',
    hint: 'Restart the machine. If that does not help, install the driver again: an update of the kernel, Secure Boot or the nouveau driver can keep it from loading.',
  },
  driverMismatch: {
    message: 'NVIDIA’s driver was updated, and the old one still runs.',
    hint: 'Restart the machine.',
  },
  noDevices: {
    message: 'NVIDIA’s driver finds no GPU.',
    hint: 'It may be switched off, passed on to a virtual machine, or not given to this container.',
  },
  noPermission: {
    message: 'This account or container may not use the NVIDIA GPU.',
    hint: 'A container that could before lost its devices: restart it. Elsewhere give the account access to /dev/nvidia*.',
  },
  blocked: {
    message: 'The operating system blocks access to the NVIDIA GPU.',
    hint: 'WSL 1 has none, and WSL 2 needs a current driver in Windows. In a container under WSL set “no-cgroups = false” in /etc/nvidia-container-runtime/config.toml.',
  },
  gpuLost: {
    message: 'A GPU does not answer the driver any more.',
    hint: 'Restart the machine. If it happens again, look at its power supply and its temperature.',
  },
  timedOut: {
    message: 'nvidia-smi did not answer within 5 seconds.',
    hint: 'A driver that hangs answers nobody: if it stays so, restart the machine. A2IA tries again later.',
  },
  unreadable: {
    message: 'nvidia-smi gave no answer that can be read.',
    hint: 'Run nvidia-smi in a terminal to see what it says.',
  },
};

export function failureOf(kind: GpuFailure): Failure {
  return { kind, ...failures[kind] };
}

/** The words of nvidia-smi, on either stream, the more particular ones first. */
const texts: readonly (readonly [pattern: RegExp, kind: GpuFailure])[] = [
  [/Driver\/library version mismatch/i, 'driverMismatch'],
  [/blocked by the operating system/i, 'blocked'],
  [/Insufficient Permissions|NVML: Unknown Error/i, 'noPermission'],
  [/GPU is lost|fallen off the bus|Unable to determine the device handle/i, 'gpuLost'],
  [
    /couldn.t communicate with the NVIDIA driver|couldn.t find libnvidia-ml|NVML: (Driver Not Loaded|Not Found)/i,
    'driverNotLoaded',
  ],
  [/No devices were found|NVML: N\/A/i, 'noDevices'],
];

/** As nvidia-smi's manual gives them: for an answer in words that nobody knows. */
const exitCodes: Readonly<Record<number, GpuFailure>> = {
  4: 'noPermission',
  6: 'noDevices',
  9: 'driverNotLoaded',
  12: 'driverNotLoaded',
  15: 'gpuLost',
  17: 'blocked',
  18: 'driverMismatch',
};

/** Why a run gave no card. */
export function failureOfRun(outcome: Exclude<RunOutcome, { end: 'notFound' }>): Failure {
  switch (outcome.end) {
    case 'timedOut':
      return failureOf('timedOut');
    case 'tooMuchOutput':
      return failureOf('unreadable');
    case 'notStarted':
      return { ...failureOf('unreadable'), message: `nvidia-smi could not be started. ${outcome.reason}` };
    case 'exited': {
      const said = `${outcome.stdout}\n${outcome.stderr}`;
      const kind = texts.find(([pattern]) => pattern.test(said))?.[1] ?? exitCodes[outcome.exitCode];
      if (kind !== undefined) return failureOf(kind);
      const how = outcome.exitCode === 0 ? '' : ` It ended with ${outcome.exitCode}.`;
      return { ...failureOf('unreadable'), message: failures.unreadable.message + how };
    }
  }
}
