import { memoryText, tokensText } from '../../core/fit/bytesText.ts';
import { plannedServers } from '../../core/fit/calibrationText.ts';
import type { ModelFacts } from '../../core/fit/modelFacts.ts';
import type { OptionView, PlanBackend, PlanFlags } from '../../protocol/planState.ts';
import type { Machine } from './planTarget.ts';

/** Words of the panel's switches. */

export function machineOption(machine: Machine | undefined): OptionView {
  const option = (detail: string): OptionView => ({ id: 'machine', label: 'This machine', detail });
  const reading = machine?.reading;
  switch (reading?.state) {
    case undefined:
      return option(machine ? 'not looked at' : 'looking …');
    case 'gpus': {
      const [first] = reading.gpus;
      const others = reading.gpus.length > 1 ? ` and ${reading.gpus.length - 1} more` : '';
      return option(first ? `${shortName(first.name)}${others}` : 'no GPU');
    }
    case 'asleep':
      return option('GPU asleep');
    case 'none':
      return option('no GPU');
    case 'failed':
      return option('cannot be read');
  }
}

/** `NVIDIA GeForce RTX 3060` → `RTX 3060` */
function shortName(name: string): string {
  return name.replace(/^NVIDIA (GeForce )?/, '');
}

const instead = 'Choose a card or a size to plan for.';

export function remoteNotice(backend: PlanBackend, host: string): string {
  return `${plannedServers[backend]} runs on another machine (${host}), so the GPU of this one is not its own. ${instead}`;
}

/** Why the GPU of this machine gives no figures, and what to do then; empty where it does. */
export function machineNotice(machine: Machine | undefined): string {
  const reading = machine?.reading;
  switch (reading?.state) {
    case undefined:
      return machine ? `The setting a2ia.gpuMemory wants no look at the GPU. ${instead}` : '';
    case 'gpus':
      return reading.gpus.some(({ totalBytes }) => totalBytes !== undefined)
        ? ''
        : `The driver does not say how much memory the GPU has. ${instead}`;
    case 'asleep':
      return `The GPU is switched off to save power, and reading it would wake it. ${instead}`;
    case 'none':
      return `${reading.message} ${instead}`;
    case 'failed':
      return `${reading.message} ${reading.hint}`;
  }
}

const flagNames: Readonly<Record<keyof PlanFlags, string>> = {
  parallel: 'requests at once',
  flashAttention: 'flash attention',
  batchTokens: 'tokens in a batch',
  maxSequences: 'sequences at once',
  maxBatchedTokens: 'tokens in a batch',
  utilization: 'memory utilization',
  tensorParallel: 'GPUs that share each layer',
  eager: 'no CUDA graphs',
};

/** `memory utilization 0.95`, `no CUDA graphs` */
export function flagTexts(flags: PlanFlags = {}): readonly string[] {
  return Object.entries(flags).map(([name, value]) => {
    const words = flagNames[name as keyof PlanFlags];
    if (typeof value === 'boolean') return value ? words : `${words} off`;
    return `${words} ${value}`;
  });
}

/** `RTX 4090 · 23.6 GiB` */
export function cardOption(name: string, bytes: number): OptionView {
  return { id: name, label: name, detail: memoryText(bytes) };
}

/** `36 layers, made for 128k tokens.` */
export function modelDetail({ layers, contextTokens }: Pick<ModelFacts, 'layers' | 'contextTokens'>): string {
  const context = contextTokens === undefined ? '' : `, made for ${tokensText(contextTokens)} tokens`;
  return `${layers.length} layers${context}.`;
}
