import { schemeNamed, type Scheme } from './checkpoint.ts';
import { catalogueNames, knownModel } from './catalogue.ts';
import type { FitModel } from './fitRequest.ts';
import { mixtureNamed, weightsAs } from './ggufMixtures.ts';
import type { ModelFacts, WeightBytes } from './modelFacts.ts';
import { familyOf } from './otherModels.ts';

/** A model of the catalogue, with the file type or the scheme that its name states. Undefined: the catalogue does not know it. */
export function modelNamed(name: string): FitModel | undefined {
  const facts = knownModel(name);
  if (!facts) return undefined;
  const scheme = schemeOfName(name);
  const trained = scheme ? undefined : trainedFor4Bits(name, facts);
  const fileType = trained ? 'Q4_0' : fileTypeNamed(name);
  return {
    name,
    facts,
    ...(trained ? { weights: trained } : {}),
    ...(fileType === undefined ? {} : { fileType }),
    ...(scheme === undefined ? {} : { scheme }),
  };
}

/** `qwen2.5:7b-instruct-q4_K_M` → `Q4_K_M`. */
export function fileTypeNamed(name: string): string | undefined {
  const match = /(?:^|[-_.:])(I?Q\d(?:_[A-Z0-9]{1,3})*|BF16|FP16|F16|FP32|F32|MXFP4)(?=$|[-_.])/i.exec(name);
  return match?.[1]?.toUpperCase().replace(/^FP(\d)/, 'F$1');
}

/** Google's files of models that were trained for 4 bits have all matrices in Q4_0. */
function trainedFor4Bits(name: string, facts: ModelFacts): WeightBytes | undefined {
  const mixture = /(^|[-_.:])qat\b/i.test(name) ? mixtureNamed('Q4_0') : undefined;
  return mixture && weightsAs({ ...mixture, pure: true }, facts);
}

/** Only what says more than 16 bits, which a checkpoint has when nothing is said. */
function schemeOfName(name: string): Scheme | undefined {
  const scheme = /(^|[-_/.])(awq|gptq|w4a16|w8a8|int8|fp8|nvfp4|mxfp4|bnb|nf4|4bit)\b/i.test(name)
    ? schemeNamed(name)
    : undefined;
  return scheme?.kind === 'plain' || scheme?.kind === 'gguf' ? undefined : scheme;
}

/** Names of the catalogue that somebody may have meant, for a name that it does not know. */
export function namesLike(name: string): readonly string[] {
  const family = familyOf(name.toLowerCase().replace(/^.*\//, ''));
  const size = /(\d+(?:\.\d+)?)b\b/i.exec(name)?.[1];
  const related = catalogueNames.filter((known) => familyOf(known) === family);
  const sameSize = related.filter((known) => size !== undefined && known.includes(`${size}b`));
  return (sameSize.length > 0 ? sameSize : related).slice(-5);
}
