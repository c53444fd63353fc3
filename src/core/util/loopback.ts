/** Of a URL's `hostname`: whether it means the machine that asks. A name that only begins like one of its addresses (`127.0.0.1.example`) does not. */
export function isLoopback(hostname: string): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname);
}
