/** `512`, `32k`, `1M`: tokens as a label on a scale, where multiples of 1,024 are what people count in. */
export function tokensLabel(tokens: number): string {
  if (tokens < 1024) return String(tokens);
  return tokens < 1024 ** 2 ? `${Math.floor(tokens / 1024)}k` : `${Math.floor(tokens / 1024 ** 2)}M`;
}
