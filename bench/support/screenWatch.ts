import type { CDPSession, Locator, Page } from 'playwright-core';

/** A row of an image in which nothing differs by more than this from the row’s first point is empty. */
const mostDifference = 24;

/** The pictures that the browser really draws, one after the other. */
export class ScreenWatch {
  readonly #session: CDPSession;
  readonly #pictures: string[] = [];

  static async start(page: Page): Promise<ScreenWatch> {
    const session = await page.context().newCDPSession(page);
    const watch = new ScreenWatch(session);
    await session.send('Page.startScreencast', { format: 'jpeg', quality: 80, everyNthFrame: 1 });
    return watch;
  }

  private constructor(session: CDPSession) {
    this.#session = session;
    session.on('Page.screencastFrame', ({ data, sessionId }) => {
      this.#pictures.push(data);
      void session.send('Page.screencastFrameAck', { sessionId });
    });
  }

  async stop(): Promise<readonly string[]> {
    await this.#session.send('Page.stopScreencast');
    await this.#session.detach();
    return this.#pictures;
  }
}

/** Of each picture, how many rows of the element that follow each other are empty, at most. `page` is another one, which decodes them. */
export async function longestGaps(page: Page, pictures: readonly string[], element: Locator): Promise<number[]> {
  const box = await element.boundingBox();
  if (!box) throw new Error('The element is not on screen.');
  const gaps: number[] = [];
  for (const picture of pictures) gaps.push(await page.evaluate(longestGap, { picture, box, mostDifference }));
  return gaps;
}

interface Area {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** In the browser. The scroll bar, at the right, is no content. */
async function longestGap(look: { readonly picture: string; readonly box: Area; readonly mostDifference: number }) {
  const { picture, box, mostDifference } = look;
  const image = await createImageBitmap(await (await fetch(`data:image/jpeg;base64,${picture}`)).blob());
  const width = Math.floor(box.width) - 16;
  const height = Math.floor(box.height);
  const context = new OffscreenCanvas(width, height).getContext('2d');
  if (!context) throw new Error('There is no canvas.');
  context.drawImage(image, -Math.ceil(box.x), -Math.ceil(box.y));
  const { data } = context.getImageData(0, 0, width, height);
  let gap = 0;
  let longest = 0;
  for (let row = 0; row < height; row++) {
    const start = row * width * 4;
    let isEmpty = true;
    for (let at = start; isEmpty && at < start + width * 4; at += 4) {
      isEmpty = Math.abs((data[at] ?? 0) - (data[start] ?? 0)) <= mostDifference;
    }
    gap = isEmpty ? gap + 1 : 0;
    longest = Math.max(longest, gap);
  }
  return longest;
}
