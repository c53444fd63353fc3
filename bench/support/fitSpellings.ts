import type { FitCase } from './fitCases.ts';
import type { Prediction } from './fitPrediction.ts';

/** The same run, told by somebody else: every rewriting keeps the meaning, so that no prediction may change. */
const rewritings: readonly (readonly [what: string, rewrite: (run: FitCase) => FitCase])[] = [
  ['model in capitals', (run) => withText(run, 'model', (text) => text.toUpperCase())],
  ['model with blanks for hyphens', (run) => withText(run, 'model', (text) => text.replaceAll('-', ' '))],
  ['model in a folder', (run) => withText(run, 'model', (text) => inFolder('/data/models', text))],
  ['model by another publisher', (run) => withText(run, 'model', (text) => inFolder('someone', text))],
  ['version with a v', (run) => withText(run, 'backend_version', (text) => text.replace(/\b(?=\d+\.\d)/, 'v'))],
  ['version in a sentence', (run) => withText(run, 'backend_version', sentence)],
  ['card without its maker', (run) => withText(run, 'gpu', (text) => text.replace(/NVIDIA |GeForce /g, ''))],
  ['card in small letters', (run) => withText(run, 'gpu', (text) => text.toLowerCase())],
  ['card without a blank', (run) => withText(run, 'gpu', (text) => text.replace(/RTX (?=\d)/g, 'RTX'))],
  ['file type in small letters', (run) => withText(run, 'quant_or_dtype', (text) => text.toLowerCase())],
  ['file type in short', (run) => withText(run, 'quant_or_dtype', short)],
  [
    'number type as PyTorch says it',
    (run) => withText(run, 'quant_or_dtype', (text) => text.replace(/\b(b?float)/g, 'torch.$1')),
  ],
  ['cache type in capitals', (run) => withText(run, 'kv_cache_type', (text) => text.toUpperCase())],
];

type TextField = 'model' | 'backend_version' | 'gpu' | 'quant_or_dtype' | 'kv_cache_type';

function withText(run: FitCase, field: TextField, rewrite: (text: string) => string): FitCase {
  const text = run[field];
  return text === null ? run : { ...run, [field]: rewrite(text) };
}

/** Not where the text is a description. */
function inFolder(folder: string, text: string): string {
  return /[()]|\bclass\b/.test(text) ? text : `${folder}/${text.replace(/^.*\//, '')}`;
}

function sentence(text: string): string {
  const release = /^b?(\d{4,5})\b/.exec(text)?.[1];
  return release === undefined ? `running version ${text}` : `version: ${text.replace(/^b/, '')}`;
}

function short(text: string): string {
  return text.replace(/_K - (Small|Medium|Large)/, (_, size: string) => `_K_${size[0]}`).replace(/ - [\d.]+ bpw/, '');
}

export interface Spelling {
  readonly what: string;
  readonly runs: number;
  /** Whose prediction is another one, verdict included. */
  readonly changed: readonly string[];
}

/** How many of the runs that a rewriting touches are predicted otherwise after it. */
export function trySpellings(runs: readonly FitCase[], predict: (run: FitCase) => Prediction): readonly Spelling[] {
  const told = runs.map((run) => JSON.stringify(predict(run)));
  return rewritings.map(([what, rewrite]) => {
    const touched = runs.flatMap((run, index) => {
      const rewritten = rewrite(run);
      return JSON.stringify(rewritten) === JSON.stringify(run) ? [] : [{ id: run.id, rewritten, before: told[index] }];
    });
    const changed = touched.filter(({ rewritten, before }) => JSON.stringify(predict(rewritten)) !== before);
    return { what, runs: touched.length, changed: changed.map(({ id }) => id) };
  });
}
