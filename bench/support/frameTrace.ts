import type { CDPSession, Page } from 'playwright-core';

interface TraceEvent {
  readonly name: string;
  readonly ph: string;
  readonly pid: number;
  readonly tid: number;
  /** Microseconds. */
  readonly ts: number;
  readonly dur?: number;
  /** Of these, in which the thread had a processor: the same on a busy machine. */
  readonly tdur?: number;
  readonly args?: { readonly name?: string };
}

/** What the page's main thread does for each frame that the browser draws, by Chrome's own tracing. */
export class FrameTrace {
  readonly #session: CDPSession;

  static async start(page: Page): Promise<FrameTrace> {
    const session = await page.context().browser()?.newBrowserCDPSession();
    if (!session) throw new Error('The browser cannot be traced.');
    await session.send('Tracing.start', {
      transferMode: 'ReportEvents',
      traceConfig: { includedCategories: ['toplevel', 'devtools.timeline', 'disabled-by-default-devtools.timeline'] },
    });
    return new FrameTrace(session);
  }

  private constructor(session: CDPSession) {
    this.#session = session;
  }

  /** In processor time, frame by frame: all tasks from one frame to the next. Frames for which nothing was done are not among them. */
  async stop(): Promise<readonly number[]> {
    const events: TraceEvent[] = [];
    this.#session.on('Tracing.dataCollected', ({ value }) => events.push(...(value as unknown as TraceEvent[])));
    const complete = new Promise<void>((resolve) => this.#session.once('Tracing.tracingComplete', () => resolve()));
    await this.#session.send('Tracing.end');
    await complete;
    await this.#session.detach();
    return frameTimes(events);
  }
}

function frameTimes(events: readonly TraceEvent[]): readonly number[] {
  const mains = events.filter(({ name, args }) => name === 'thread_name' && args?.name === 'CrRendererMain');
  const ofThreads = mains.map(({ pid, tid }) => events.filter((event) => event.pid === pid && event.tid === tid));
  // The workbench has the busiest of them.
  const tasksOf = (thread: readonly TraceEvent[]) => thread.filter(({ name, ph }) => name === 'RunTask' && ph === 'X');
  const busy = (thread: readonly TraceEvent[]) => tasksOf(thread).reduce((sum, { tdur = 0 }) => sum + tdur, 0);
  const [main = []] = ofThreads.sort((one, other) => busy(other) - busy(one));
  const starts = main
    .filter(({ name }) => name === 'Commit')
    .map(({ ts }) => ts)
    .sort((one, other) => one - other);
  const spentUs = new Map<number, number>();
  let frame = 0;
  for (const { ts, tdur = 0 } of tasksOf(main).sort((one, other) => one.ts - other.ts)) {
    while (frame < starts.length && (starts[frame] ?? 0) < ts) frame++;
    spentUs.set(frame, (spentUs.get(frame) ?? 0) + tdur);
  }
  return [...spentUs.values()].map((us) => us / 1000);
}
