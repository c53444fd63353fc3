import * as vscode from 'vscode';
import type { Offer } from './attached.ts';

interface OfferItem extends vscode.QuickPickItem {
  readonly offer: Offer;
}

/** A list of its own for a kind of which there are too many to offer; undefined when the user leaves it. */
export function pickOffer(
  title: string,
  search: (text: string, signal: AbortSignal) => Promise<readonly Offer[]>,
): Promise<Offer | undefined> {
  const box = vscode.window.createQuickPick<OfferItem>();
  let searching = new AbortController();
  const look = async (text: string) => {
    searching.abort();
    const { signal } = (searching = new AbortController());
    box.busy = true;
    // Typed on, or a language extension failed: there is nothing to show.
    const offers = await search(text, signal).catch(() => []);
    if (signal.aborted) return;
    box.busy = false;
    box.items = offers.map((offer) => ({
      label: offer.label.slice(offer.label.indexOf(' ') + 1),
      description: offer.detail,
      // The search has its own idea of what matches.
      alwaysShow: true,
      offer,
    }));
  };
  return new Promise<Offer | undefined>((resolve) => {
    box.title = title;
    box.placeholder = 'Type a part of the name';
    box.onDidChangeValue((text) => void look(text));
    box.onDidAccept(() => {
      // Enter before anything was found: the list stays.
      const [chosen] = box.activeItems;
      if (chosen) resolve(chosen.offer);
    });
    box.onDidHide(() => resolve(undefined));
    box.show();
    void look('');
  }).finally(() => {
    searching.abort();
    box.dispose();
  });
}
