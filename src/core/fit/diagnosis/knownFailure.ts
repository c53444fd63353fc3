import type { LoadFacts, Phase, ServerKind } from './loadFacts.ts';
import type { RemedyId } from './remedies.ts';

/** A text that a server ends with, and what it means. The tables of these are what logs are read by and what docs/out-of-memory.md is made of. */
export interface KnownFailure {
  readonly id: string;
  readonly servers: readonly ServerKind[];
  /** Other programs print it too, so that it says nothing about whose log this is. */
  readonly isOfOthersToo?: true;
  /** In a few words, for a heading. */
  readonly title: string;
  /** As servers print it, of every wording that is known. */
  readonly texts: readonly string[];
  /** Pieces of text that are searched for first; a line without any of them is not looked at further. */
  readonly marks: readonly string[];
  readonly pattern: RegExp;
  /** Numbers in the text itself. */
  readonly read?: (found: RegExpExecArray, facts: LoadFacts) => void;
  /** Only when the program was there. */
  readonly phase?: Phase;
  /** `wrapper`: says that something failed, not what. `general`: what, but not where. `hint`: no failure by itself. */
  readonly weight: 'specific' | 'general' | 'wrapper' | 'hint';
  readonly isMemory: boolean;
  /** What was not fulfilled, without numbers: `weights > memory of the GPU`. */
  readonly inequality?: string;
  /** The same with what this log gives. */
  readonly condition?: (facts: LoadFacts) => Condition;
  /** Ends the sentence "…, because". */
  readonly because: string | ((facts: LoadFacts) => string);
  /** The best first. */
  readonly remedies: readonly RemedyId[];
  /** What people try and what cannot help. */
  readonly inVain?: string;
}

/** Everything that was needed together was more than there was. */
export interface Condition {
  readonly need: readonly Amount[];
  readonly have: Amount;
}

export interface Amount {
  readonly label: string;
  /** Absent: the log does not say. */
  readonly bytes?: number;
  readonly tokens?: number;
  /** Not printed: by the model's shape or from what was printed. */
  readonly isComputed?: true;
}

export function amount(label: string, bytes: number | undefined, isComputed = false): Amount {
  return {
    label,
    ...(bytes === undefined ? {} : { bytes }),
    ...(isComputed && bytes !== undefined ? { isComputed } : {}),
  };
}

/** Without the parts of which nothing is known, unless that leaves none. */
export function condition(need: readonly Amount[], have: Amount): Condition {
  const known = need.filter(({ bytes, tokens }) => bytes !== undefined || tokens !== undefined);
  return { need: known.length > 0 ? known : need.slice(0, 1), have };
}
