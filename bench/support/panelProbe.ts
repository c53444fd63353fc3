/**
 * What is measured inside the pages. These functions are sent to the browser as text: they may use nothing from around them. All times are in milliseconds
 * since 1970, on the clock that Node’s `performance` has as well.
 */

declare global {
  interface Window {
    openingMs?: Promise<number>;
    shownMs?: Promise<number>;
    /** When the last key or click came from the system. */
    inputAtMs?: number;
    /** When the frame was drawn that had this number. */
    numbersAtMs?: number[];
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
      if (!view?.querySelector('textarea')?.checkVisibility())
        return void requestAnimationFrame(() => look(clickedAtMs));
      const drawn = new MessageChannel();
      drawn.port1.onmessage = () => resolve(performance.now() - clickedAtMs);
      drawn.port2.postMessage(undefined);
    };
    addEventListener('click', ({ timeStamp }) => look(timeStamp), { capture: true, once: true });
  });
}

/** In the view’s page, from then on. */
export function noteInput(): void {
  const note = ({ timeStamp }: Event) => (window.inputAtMs = performance.timeOrigin + timeStamp);
  for (const type of ['keydown', 'click']) addEventListener(type, note, { capture: true });
}

/** In the view’s page: an answer of numbers, each with a space behind it, is watched from then on. */
export function watchNumbers(): void {
  const numbersAtMs: number[] = (window.numbersAtMs = []);
  let isAwaited = false;
  const drawn = new MessageChannel();
  drawn.port1.onmessage = () => {
    isAwaited = false;
    const drawnAtMs = performance.timeOrigin + performance.now();
    const answer = document.querySelector('.answer:last-child .markdown');
    const last = Number(answer?.textContent.slice(-20).trim().split(/\s+/).at(-1));
    for (let number = numbersAtMs.length; number <= last; number++) numbersAtMs.push(drawnAtMs);
  };
  const messages = document.querySelector('.messages');
  if (!messages) throw new Error('The panel has no messages.');
  const options = { childList: true, subtree: true, characterData: true };
  const watcher = new MutationObserver(() => {
    if (!isAwaited) drawn.port2.postMessage(undefined);
    isAwaited = true;
  });
  watcher.observe(messages, options);
}

/** In the view’s page: which of its tasks are long. The browser tells of none below 50 ms. */
export function watchLongTasks(): void {
  const longTasksMs: number[] = (window.longTasksMs = []);
  new PerformanceObserver((list) => {
    for (const { name, duration } of list.getEntries()) if (name === 'self') longTasksMs.push(duration);
  }).observe({ type: 'longtask' });
}

/** In the view’s page: how long it takes from the next click on until a frame is drawn with an answer that has this text. */
export function timeNextText(text: string): void {
  window.shownMs = new Promise((resolve) => {
    const look = (clickedAtMs: number) => {
      const answer = document.querySelector('.answer:last-child .markdown');
      if (!answer?.checkVisibility() || !answer.textContent.includes(text)) {
        return void requestAnimationFrame(() => look(clickedAtMs));
      }
      const drawn = new MessageChannel();
      drawn.port1.onmessage = () => resolve(performance.now() - clickedAtMs);
      drawn.port2.postMessage(undefined);
    };
    addEventListener('click', ({ timeStamp }) => look(timeStamp), { capture: true, once: true });
  });
}
