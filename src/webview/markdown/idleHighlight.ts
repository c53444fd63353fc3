import type { CodeBlock } from './codeBlock.ts';

/** The highlighter works on a whole block at once: one that is longer stays plain rather than holding everything up. */
const mostChars = 20_000;
const longestLineChars = 1_000;

/** Colours a block that has come to its end, when nothing else is to be done. Until then, and if its language is not known, it is plain. */
export async function highlightWhenIdle(block: CodeBlock): Promise<void> {
  const { source, language, element, code } = block;
  if (language === '' || source.length > mostChars) return;
  if (source.split('\n').some((line) => line.length > longestLineChars)) return;
  await idle();
  const { highlighted } = await import('./highlight.ts');
  do await idle();
  while (isSelected(code) && element.isConnected);
  if (!element.isConnected) return;
  const colours = highlighted(source, language);
  if (colours) code.replaceChildren(colours);
}

/** New elements would take the selection away. */
function isSelected(code: HTMLElement): boolean {
  const selection = document.getSelection();
  return selection?.type === 'Range' && selection.containsNode(code, true);
}

function idle(): Promise<void> {
  return new Promise((resolve) => requestIdleCallback(() => resolve()));
}
