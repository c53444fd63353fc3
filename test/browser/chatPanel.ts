import type { FrameLocator, Locator, Page } from 'playwright-core';

/** The chat panel of a window, and what is in it, named as a person sees it. */
export class ChatPanel {
  /** The view as VS Code shows it: there only while it is not hidden. */
  readonly view: Locator;
  /** Its page: VS Code puts it into two frames. */
  readonly frame: FrameLocator;

  constructor(page: Page) {
    const view = 'iframe.webview[src*="extensionId=a2ia.a2ia"]';
    this.view = page.locator(view);
    this.frame = page.frameLocator(view).frameLocator('iframe#active-frame');
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

  /** What an empty conversation shows. */
  get welcome(): Locator {
    return this.frame.getByText('Ask your own model');
  }

  /** In the header, once it says this. */
  model(name: string | RegExp): Locator {
    return this.frame.locator('.model-name', { hasText: name });
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
