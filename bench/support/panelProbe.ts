/**
 * What is measured inside the pages. These functions are sent to the browser as text: they may use nothing from around them. All times are in milliseconds
 * since 1970, on the clock that Node’s `performance` has as well.
 */

declare global {
  interface Window {
    openingMs?: Promise<number>;
    /** When the last key or click came from the system. */
    inputAtMs?: number;
    /** When the frame was drawn that had the token of this number. */
    tokensAtMs?: number[];
    longTasksMs?: number[];
  }
}

/**
 * In the workbench’s page, before a view is opened with a click: how long it takes until a frame is drawn in which one can type into it. VS Code’s server
 * gives the views’ pages the workbench’s origin, so that it can look into them.
 */
export function timeNextOpening(): void {
  window.openingMs = new Promise((resolve) => {
    const pageIn = (frame: HTMLIFrameElement | null | undefined) => frame?.contentDocument;
    const look = (clickedAtMs: number) => {
      const outer = pageIn(document.querySelector<HTMLIFrameElement>('iframe.webview'));
      const view = pageIn(outer?.querySelector<HTMLIFrameElement>('iframe#active-frame'));
      if (!view?.querySelector('textarea')?.checkVisibility()) return void requestAnimationFrame(() => look(clickedAtMs));
      const drawn = new MessageChannel();
      drawn.port1.onmessage = () => resolve(performance.now() - clickedAtMs);
      drawn.port2.postMessage(undefined);
    };
    addEventListener('click', ({ timeStamp }) => look(timeStamp), { capture: true, once: true });
  });
}

/** When the last of these events came. */
export function noteInput(type: 'click' | 'keydown'): void {
  const note = (event: Event) => (window.inputAtMs = performance.timeOrigin + event.timeStamp);
  addEventListener(type, note, { capture: true });
}

/** Tokens are numbers, each with a space behind it. */
export function watchTokens(): void {
  const tokensAtMs: number[] = (window.tokensAtMs = []);
  const longTasksMs: number[] = (window.longTasksMs = []);
  let isAwaited = false;
  const afterFrame = new MessageChannel();
  afterFrame.port1.onmessage = () => {
    isAwaited = false;
    const drawnAtMs = performance.timeOrigin + performance.now();
    const answer = document.querySelector('.answer:last-child .markdown');
    const last = Number(answer?.lastElementChild?.textContent.trim().split(' ').at(-1));
    for (let number = tokensAtMs.length; number <= last; number++) tokensAtMs.push(drawnAtMs);
  };
  const messages = document.querySelector('.messages');
  if (!messages) throw new Error('The panel has no messages.');
  new MutationObserver(() => {
    if (isAwaited) return;
    isAwaited = true;
    afterFrame.port2.postMessage(undefined);
  }).observe(messages, { childList: true, subtree: true, characterData: true });
  new PerformanceObserver((list) => {
    for (const { name, duration } of list.getEntries()) if (name === 'self') longTasksMs.push(duration);
  }).observe({ type: 'longtask' });
}
