const kibibyte = 1024;
const mebibyte = 1024 ** 2;
const gibibyte = 1024 ** 3;

/** Memory of a GPU for people, in the units of nvidia-smi, Ollama's and vLLM's logs: `9.1 GiB`, `640 MiB`, `12 KiB`. Negative sizes keep their sign. */
export function memoryText(bytes: number): string {
  const size = Math.abs(bytes);
  const sign = bytes < 0 ? '−' : '';
  if (size >= 99.95 * gibibyte) return `${sign}${(size / gibibyte).toFixed(0)} GiB`;
  if (size >= 1023.5 * mebibyte) return `${sign}${(size / gibibyte).toFixed(1)} GiB`;
  if (size >= 9.95 * mebibyte) return `${sign}${(size / mebibyte).toFixed(0)} MiB`;
  if (size >= 1023.5 * kibibyte) return `${sign}${(size / mebibyte).toFixed(1)} MiB`;
  return size === 0 ? '0 MiB' : `${sign}${Math.max(1, Math.round(size / kibibyte))} KiB`;
}

/** `8.9–9.4 GiB`; one size where both ends read the same. */
export function memoryRangeText(lowBytes: number, highBytes: number): string {
  const [low, high] = [memoryText(lowBytes), memoryText(highBytes)];
  if (low === high) return low;
  const [amount, unit] = low.split(' ');
  return high.endsWith(` ${unit}`) ? `${amount}–${high}` : `${low}–${high}`;
}

/** `32k` for 32,768, `12k` for 12,544: rounded down, so that nobody asks for more than there is. */
export function tokensText(tokens: number): string {
  return tokens < 1024 ? String(tokens) : `${Math.floor(tokens / 1024)}k`;
}
