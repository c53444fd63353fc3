/** What reading the graphics hardware needs of the machine. nodeGpuHost.ts is the real one. */
export interface GpuHost {
  readonly platform: NodeJS.Platform;
  /** Milliseconds since 1970. */
  now(): number;
  /**
   * Runs a program to its end, one at a time. What is still running after the limit is killed, and its children with it: this resolves then, whatever they do.
   * Rejects only when `signal` is aborted, with its reason.
   */
  run(program: string, args: readonly string[], signal: AbortSignal): Promise<RunOutcome>;
  /** Undefined where there is no such file, or it cannot be read. */
  readFile(path: string): Promise<string | undefined>;
  /** The names in a folder; none where there is no such folder. */
  listFolder(path: string): Promise<readonly string[]>;
}

export type RunOutcome =
  | { readonly end: 'exited'; readonly exitCode: number; readonly stdout: string; readonly stderr: string }
  | { readonly end: 'notFound' }
  | { readonly end: 'notStarted'; readonly reason: string }
  | { readonly end: 'timedOut' }
  /** It printed more than anybody reads, and was killed. */
  | { readonly end: 'tooMuchOutput' };
