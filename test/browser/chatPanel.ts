import type { FrameLocator, Locator } from 'playwright-core';

/** The chat panel of a window, and what is in it, named as a person sees it. */
export class ChatPanel {
  readonly frame: FrameLocator;

  /** `frame`: `chat` of a workbench. */
  constructor(frame: FrameLocator) {
    this.frame = frame;
  }

  get input(): Locator {
    return this.frame.getByRole('textbox', { name: 'Question', exact: true });
  }

  get questions(): Locator {
    return this.frame.locator('article.question');
  }

  get answers(): Locator {
    return this.frame.locator('article.answer');
  }

  get lastAnswer(): Locator {
    return this.answers.last();
  }

  /** Under the last answer, once it says this. */
  facts(text: string | RegExp): Locator {
    return this.lastAnswer.locator('.facts', { hasText: text });
  }

  button(name: string | RegExp): Locator {
    return this.frame.getByRole('button', typeof name === 'string' ? { name, exact: true } : { name });
  }

  /** Of what goes along with the next question. */
  chip(label: string | RegExp): Locator {
    return this.frame.locator('.composer .chip', { hasText: label });
  }

  get proposals(): Locator {
    return this.frame.locator('.proposals').getByRole('button');
  }

  get notice(): Locator {
    return this.frame.getByRole('region', { name: 'Notice' });
  }

  /** An entry of the list of conversations. */
  conversation(title: string | RegExp): Locator {
    return this.frame.locator('.conversation', { hasText: title });
  }

  /** By the composer and Enter. */
  async send(question: string): Promise<void> {
    await this.input.fill(question);
    await this.input.press('Enter');
  }
}
