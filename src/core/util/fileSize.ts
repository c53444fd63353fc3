/** For people, as file managers say it: `98 MB`, `4.7 GB`; below ten with a decimal. */
export function fileSize(bytes: number): string {
  const [size, unit] = bytes < 999.5e6 ? [bytes / 1e6, 'MB'] : [bytes / 1e9, 'GB'];
  return `${size.toFixed(size < 9.95 ? 1 : 0)} ${unit}`;
}
