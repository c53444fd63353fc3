import type { BackendError } from '../../core/clients/errors.ts';
import type { CompletionChoice } from '../../core/completion/completionChoice.ts';
import { problemSentence } from '../problems.ts';

/** What the user is shown of completion. */
export type CompletionState =
  | CompletionChoice
  /** Nothing was completed yet: who does it is looked for with the first key. */
  | { readonly is: 'idle' }
  | { readonly is: 'looking' }
  | { readonly is: 'failed'; readonly error: BackendError };

export type Pause = 'none' | 'wish' | 'powerSaving';

/** One sentence for the tooltip, the menu and screen readers. */
export function completionSentence(state: CompletionState, pause: Pause): string {
  if (pause === 'wish') return 'Paused until you resume it.';
  if (pause === 'powerSaving') return 'Paused while the machine saves power.';
  switch (state.is) {
    case 'ready':
      return `${state.displayName} on ${state.named.backend} completes code.`;
    case 'cannotFill': {
      const [other] = state.alternatives;
      return `${state.reason} ${other ? `${other.displayName} (${other.backend}) can` : 'Choose another model'}.`;
    }
    case 'mustAsk':
      return `This workspace names ${state.origin}. Nothing is sent there until you allow it.`;
    case 'needsDownload':
      return `${state.displayName} has to be downloaded first.`;
    case 'idle':
      return 'Nothing was completed yet.';
    case 'looking':
      return 'Looking for the model …';
    case 'failed':
      return problemSentence(state.error);
  }
}
