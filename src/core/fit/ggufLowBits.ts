import type { TensorRole } from './tensors.ts';

/** Base types of the file types of 2 and 3 bits that are made with an importance matrix, as nearly all are. */
export const lowBitBases: Readonly<Record<string, string>> = {
  IQ2_XXS: 'IQ2_XXS',
  IQ2_XS: 'IQ2_XS',
  IQ2_S: 'IQ2_XS',
  IQ2_M: 'IQ2_S',
  IQ3_XXS: 'IQ3_XXS',
  IQ3_XS: 'IQ3_S',
  IQ3_S: 'IQ3_S',
  IQ3_M: 'IQ3_S',
};

export interface LowBitPlace {
  readonly role: TensorRole;
  readonly layer: number;
  readonly layers: number;
  /** At least four queries share a key. */
  readonly fewKeys: boolean;
  readonly experts: number;
}

/** What such a mixture takes for one matrix where that is not its base type; the output and a tied embedding are the caller's. */
export function lowBitType(name: string, place: LowBitPlace): string | undefined {
  if (name.startsWith('IQ2')) return twoBitType(name, place);
  return name.startsWith('IQ3') ? threeBitType(name, place) : undefined;
}

function twoBitType(name: string, { role, layer, layers, fewKeys, experts }: LowBitPlace): string | undefined {
  const isSmall = name === 'IQ2_XXS' || name === 'IQ2_XS';
  const better = isSmall ? 'Q2_K' : 'IQ3_S';
  switch (role) {
    case 'tokenEmbedding':
      return better;
    case 'value':
      return fewKeys || experts >= 4 ? 'Q4_K' : better;
    case 'key':
      return experts === 8 ? 'Q4_K' : undefined;
    case 'attentionOutput':
      return experts === 8 ? 'Q5_K' : isSmall ? undefined : 'IQ3_S';
    case 'down':
    case 'expertDown':
      return layer < Math.floor(layers / 8) ? better : undefined;
    default:
      return undefined;
  }
}

function threeBitType(name: string, { role, layer, layers, fewKeys, experts }: LowBitPlace): string | undefined {
  const eighth = Math.floor(layers / 8);
  switch (role) {
    case 'tokenEmbedding':
      return name === 'IQ3_XXS' ? 'IQ3_S' : undefined;
    case 'value':
      return name === 'IQ3_M' || fewKeys ? 'Q4_K' : undefined;
    case 'query':
    case 'key':
      return { IQ3_XS: 'IQ3_XXS', IQ3_XXS: 'IQ2_S' }[name];
    case 'attentionOutput':
      if (experts === 8) return 'Q5_K';
      return { IQ3_XXS: 'IQ3_S', IQ3_M: 'Q4_K' }[name];
    case 'recurrentQkv':
      return name === 'IQ3_M' ? 'Q4_K' : undefined;
    case 'down':
    case 'expertDown':
      return name === 'IQ3_M' && layer < eighth ? 'Q4_K' : undefined;
    case 'gate':
    case 'up':
    case 'expertGate':
    case 'expertUp':
      return name === 'IQ3_XS' && layer >= eighth && layer < Math.floor((7 * layers) / 8) ? 'IQ3_XXS' : undefined;
    default:
      return undefined;
  }
}
