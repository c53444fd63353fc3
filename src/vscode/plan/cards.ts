import { cudaBytesOfCard } from '../../core/fit/gpus.ts';
import type { OptionView } from '../../protocol/planState.ts';
import { cardOption } from './planWords.ts';

/** What people plan for, by the names that drivers give them. */
const names: readonly string[] = [
  'RTX 3060',
  'RTX 3070',
  'RTX 3080',
  'RTX 3090',
  'RTX 4060',
  'RTX 4060 Ti 16GB',
  'RTX 4070',
  'RTX 4070 Ti SUPER',
  'RTX 4080',
  'RTX 4090',
  'RTX 5060 Ti 16GB',
  'RTX 5070',
  'RTX 5070 Ti',
  'RTX 5080',
  'RTX 5090',
  'RTX 4070 Laptop',
  'RTX 4080 Laptop',
  'RTX 4090 Laptop',
  'RTX 3500 Ada',
  'RTX 5000 Ada Laptop',
  'RTX 4500 Ada',
  'RTX 5000 Ada',
  'RTX 6000 Ada',
  'RTX A4000',
  'RTX A6000',
  'RTX PRO 6000',
  'T4',
  'L4',
  'A10',
  'V100 32GB',
  'L40S',
  'A100 40GB',
  'A100 80GB',
  'H100 80GB',
  'H200',
  'B200',
  'Apple M4 32GB',
  'Apple M4 Max 64GB',
  'Apple M4 Max 128GB',
];

/** The smallest first. */
export const cards: readonly OptionView[] = names
  .flatMap((name) => {
    const bytes = cudaBytesOfCard(name);
    return bytes === undefined ? [] : [{ name, bytes }];
  })
  .sort((one, other) => one.bytes - other.bytes)
  .map(({ name, bytes }) => cardOption(name, bytes));
