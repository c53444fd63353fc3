/** How a model is asked to write an edit: all of the code anew, or only blocks of what to look for and what to put there. */
export type EditFormat = 'whole' | 'searchReplace';

/** How often answers in a format could be offered, and how often not. */
export interface Tally {
  readonly good: number;
  readonly bad: number;
}

export type FormatRecord = Readonly<Partial<Record<EditFormat, Tally>>>;

export interface FormatChoice {
  /** Lines that are asked about. */
  readonly lines: number;
  /** Of the model's weights, as far as the server tells. */
  readonly sizeBytes?: number;
  /** By a provider rather than on somebody's own machine. */
  readonly isHosted: boolean;
  /** What this model has done so far. */
  readonly record: FormatRecord;
}

/** Writing so few lines anew is as fast as naming them, and no model loses them. */
const fewLines = 40;
/** About 20 billion parameters at four bits: smaller ones seldom repeat to the letter what they want to replace. */
const strongBytes = 12e9;
const triesBeforeJudging = 3;

/** What a model has shown counts more than what its size lets expect. */
export function chooseFormat({ lines, sizeBytes, isHosted, record }: FormatChoice): EditFormat {
  if (lines <= fewLines) return 'whole';
  const isStrong = isHosted || (sizeBytes ?? 0) >= strongBytes;
  const [expected, other]: readonly [EditFormat, EditFormat] = isStrong
    ? ['searchReplace', 'whole']
    : ['whole', 'searchReplace'];
  return failureRate(record[expected]) > 0.5 && failureRate(record[other]) <= failureRate(record[expected])
    ? other
    : expected;
}

function failureRate(tally: Tally = { good: 0, bad: 0 }): number {
  const tries = tally.good + tally.bad;
  return tries < triesBeforeJudging ? 0 : tally.bad / tries;
}

/** The record with one more answer; old ones fade, since servers and models change behind the same name. */
export function withOutcome(record: FormatRecord, format: EditFormat, isGood: boolean): FormatRecord {
  const { good, bad } = record[format] ?? { good: 0, bad: 0 };
  const fade = good + bad >= 20 ? 0.5 : 1;
  return { ...record, [format]: { good: good * fade + (isGood ? 1 : 0), bad: bad * fade + (isGood ? 0 : 1) } };
}
