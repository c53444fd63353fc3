/** Of a URL's `hostname`: whether it means the machine that asks. */
export function isLoopback(hostname: string): boolean {
  return /^(127\.|localhost$|\[::1\]$)/.test(hostname);
}
