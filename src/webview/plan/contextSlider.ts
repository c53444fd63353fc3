import type { ControlsView, CurveView, PlanView } from '../../protocol/planState.ts';
import { button, element, setClass, setText } from '../dom.ts';
import { formatCount } from '../wording.ts';
import type { Chooser } from './chooser.ts';
import { ContextCurve } from './contextCurve.ts';

/** The context window: a slider over the memory that each of its positions takes, and the same as a number. */
export class ContextSlider {
  readonly element = element('div', { class: 'context' });
  readonly #slider = element('input', { class: 'context-slider', attributes: { type: 'range', min: '0', step: '1' } });
  readonly #number = element('input', {
    class: 'input context-number',
    attributes: { type: 'text', inputmode: 'numeric', 'aria-label': 'Context in tokens', autocomplete: 'off' },
  });
  readonly #largest: HTMLButtonElement;
  readonly #curve = new ContextCurve();
  readonly #ticks = element('div', { class: 'context-ticks', attributes: { 'aria-hidden': 'true' } });
  readonly #chooser: Chooser;
  #steps: readonly number[] = [];
  #largestTokens: number | null = null;

  constructor(chooser: Chooser) {
    this.#chooser = chooser;
    this.#largest = button({ class: 'link-button' }, () => {
      if (this.#largestTokens !== null) this.#choose(this.#largestTokens);
    });
    const label = element('label', { class: 'context-label', text: 'Context window' });
    label.htmlFor = this.#slider.id = 'context';
    this.#slider.addEventListener('input', () => this.#choose(this.#steps[this.#slider.valueAsNumber] ?? 0));
    this.#number.addEventListener('change', () => this.#chooseTyped());
    const words = element('div', { class: 'context-words' }, label, this.#number, element('span', { text: 'tokens' }));
    words.append(this.#largest);
    this.element.append(words, this.#curve.element, this.#slider, this.#ticks);
  }

  update({ seen, contextSteps }: ControlsView, plan: PlanView | null, curve: CurveView | null): void {
    if (contextSteps.join() !== this.#steps.join()) this.#setSteps(contextSteps);
    this.#curve.update(curve);
    if (!plan) return;
    this.#largestTokens = plan.largestContextTokens;
    const isUsed = plan.contextTokens === plan.largestContextTokens;
    setText(this.#largest, largestText(plan.largestContextTokens));
    this.#largest.hidden = plan.free === null;
    this.#largest.disabled = plan.largestContextTokens === null || isUsed;
    this.#setZones(plan, curve);
    // Whoever drags is ahead of the host: what it says is about an earlier position.
    if (this.#chooser.isSettled(seen)) this.#show(plan.contextTokens);
  }

  #choose(tokens: number): void {
    this.#show(tokens);
    this.#chooser.choose({ contextTokens: tokens });
  }

  /** `32k`, `32 000`, `32,768` */
  #chooseTyped(): void {
    const [, digits, unit] = /^([\d.]+)(k?)$/i.exec(this.#number.value.replaceAll(/[\s,]/g, '')) ?? [];
    const tokens = Math.round(Number(digits) * (unit ? 1024 : 1));
    const most = this.#steps.at(-1) ?? 0;
    if (tokens > 0) this.#choose(Math.min(Math.max(tokens, this.#steps[0] ?? 1), most));
    else this.#show(this.#steps[this.#slider.valueAsNumber] ?? 0);
  }

  #show(tokens: number): void {
    const position = this.#positionOf(tokens);
    this.#slider.value = String(position);
    this.#slider.setAttribute('aria-valuetext', `${formatCount(tokens)} tokens`);
    this.#number.value = formatCount(tokens);
    this.#curve.setCursor(position / Math.max(1, this.#steps.length - 1));
  }

  #setSteps(steps: readonly number[]): void {
    this.#steps = steps;
    this.#slider.max = String(Math.max(0, steps.length - 1));
    const ticks = steps.flatMap((tokens, index) => {
      if (!isPowerOfTwo(tokens)) return [];
      const tick = element('span', { class: 'tick', text: tokensLabel(tokens) });
      // Every other one is left out where there is no room.
      setClass(tick, 'odd', Math.log2(tokens) % 2 === 1);
      tick.style.left = `${(100 * index) / Math.max(1, steps.length - 1)}%`;
      return [tick];
    });
    this.#ticks.replaceChildren(...ticks);
  }

  /** The track is green as far as everything stays on the GPU for certain, and yellow as far as it may. */
  #setZones({ largestContextTokens, free }: PlanView, curve: CurveView | null): void {
    // Before the first position where there is none, so that nothing of the track has that colour.
    const certain = largestContextTokens === null ? -1 : this.#fractionOf(largestContextTokens);
    const last = curve?.verdicts.findLastIndex((verdict) => verdict === 'fits' || verdict === 'tight') ?? -1;
    const possible = Math.max(certain, last < 0 ? -1 : last / Math.max(1, this.#steps.length - 1));
    this.element.style.setProperty('--certain', String(certain));
    this.element.style.setProperty('--possible', String(possible));
    setClass(this.element, 'zoned', free !== null);
    this.#curve.setLargest(largestContextTokens === null ? undefined : certain);
  }

  /** Of the largest step that is not more: then what fits is never shown beyond what fits. */
  #positionOf(tokens: number): number {
    return Math.max(
      0,
      this.#steps.findLastIndex((step) => step <= tokens),
    );
  }

  /** Between two positions by the share of the way. */
  #fractionOf(tokens: number): number {
    const before = this.#positionOf(tokens);
    const low = this.#steps[before] ?? tokens;
    const high = this.#steps[before + 1] ?? low;
    const within = high > low ? Math.max(0, (tokens - low) / (high - low)) : 0;
    return (before + within) / Math.max(1, this.#steps.length - 1);
  }
}

function largestText(tokens: number | null): string {
  return tokens === null ? 'None fits for certain' : `Largest that fits: ${formatCount(tokens)}`;
}

function isPowerOfTwo(tokens: number): boolean {
  return Number.isInteger(Math.log2(tokens));
}

/** `512`, `32k`, `1M`: on a scale, where multiples of 1,024 are what people count in. */
function tokensLabel(tokens: number): string {
  if (tokens < 1024) return String(tokens);
  return tokens < 1024 ** 2 ? `${Math.floor(tokens / 1024)}k` : `${Math.floor(tokens / 1024 ** 2)}M`;
}
