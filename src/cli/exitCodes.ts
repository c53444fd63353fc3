export const exitCodes = { finished: 0, failed: 1, wrongUsage: 2, stopped: 130 } as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];
