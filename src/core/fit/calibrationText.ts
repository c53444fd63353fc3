import { memoryText } from './bytesText.ts';
import type { Calibration } from './calibration.ts';
import { dateText, type CorrectedPart } from './corrections.ts';

export const plannedServers = { ollama: 'Ollama', 'llama-server': 'llama-server', vllm: 'vLLM' } as const;
const parts: Readonly<Record<CorrectedPart, string>> = {
  weights: 'weights',
  compute: 'compute buffer',
  graphs: 'graphs',
  overhead: 'process',
  pool: 'pool of keys and values',
};

/** `Ollama 0.32.0 on NVIDIA GeForce RTX 3060, 24 November 2026` */
export function loadText({ key, on, ...measured }: Calibration): string {
  const version = key.serverVersion === '' ? '' : ` ${key.server === 'llama-server' ? 'b' : ''}${key.serverVersion}`;
  return `${plannedServers[key.server]}${version} on ${on}, ${dateText(measured)}`;
}

/** `compute buffer 80 MiB more than planned, process 20 MiB less` */
export function differencesText({ bytes }: Pick<Calibration, 'bytes'>): string {
  const told = Object.entries(bytes).map(([part, difference]) => {
    const size = memoryText(Math.abs(difference));
    return `${parts[part as CorrectedPart]} ${size} ${difference < 0 ? 'less' : 'more'}`;
  });
  return told.map((text, index) => (index === 0 ? `${text} than planned` : text)).join(', ');
}
