import type { CurveView } from '../../protocol/planState.ts';
import { element, sameData } from '../dom.ts';

const svgNamespace = 'http://www.w3.org/2000/svg';
const height = 100;

/** Memory against context: the parts piled up, and the band of what can be used. Drawn anew when something but the context changes. */
export class ContextCurve {
  readonly element = element('div', { class: 'curve', attributes: { 'aria-hidden': 'true' } });
  readonly #plot = element('div', { class: 'curve-plot' });
  readonly #cursor = element('div', { class: 'curve-cursor' });
  readonly #crossing = element('div', { class: 'curve-crossing' });
  #shown: CurveView | null = null;
  /** Of the height, at each position. */
  #heights: readonly number[] = [];

  constructor() {
    this.element.append(this.#plot, this.#cursor, this.#crossing);
  }

  update(curve: CurveView | null): void {
    if (sameData(curve, this.#shown)) return;
    this.#shown = curve;
    this.#plot.replaceChildren(...(curve ? [this.#draw(curve)] : []));
  }

  setCursor(fraction: number): void {
    this.element.style.setProperty('--cursor', `${100 * fraction}%`);
  }

  /** Undefined: there is no such point, or nothing to see at it. */
  setLargest(fraction: number | undefined): void {
    this.#crossing.hidden = fraction === undefined || fraction >= 1 || !this.#shown?.limit;
    if (fraction === undefined) return;
    this.#crossing.style.left = `${100 * fraction}%`;
    const step = fraction * (this.#heights.length - 1);
    const before = this.#heights[Math.floor(step)] ?? 0;
    const after = this.#heights[Math.ceil(step)] ?? before;
    this.#crossing.style.bottom = `${100 * (before + (after - before) * (step % 1))}%`;
  }

  #draw({ contextSteps, parts, limit }: CurveView): SVGSVGElement {
    const tops = contextSteps.map((_, step) => parts.map(({ bytes }) => bytes[step] ?? 0).reduce((a, b) => a + b, 0));
    const most = Math.max(...tops, 1);
    // Beyond twice that nobody looks; what fits would be a thin line.
    const scale = limit ? Math.max(limit.highBytes * 1.15, Math.min(most * 1.05, limit.bytes * 1.9)) : most;
    const share = (bytes: number): number => Math.min(1, Math.max(0, bytes / scale));
    const x = (step: number): number => (100 * step) / Math.max(1, contextSteps.length - 1);
    const y = (bytes: number): number => height * (1 - share(bytes));
    this.#heights = tops.map(share);
    const svg = svgElement('svg', { viewBox: `0 0 100 ${height}`, preserveAspectRatio: 'none' });
    let below: readonly number[] = contextSteps.map(() => 0);
    for (const { part, bytes } of parts) {
      const above = below.map((so, step) => so + (bytes[step] ?? 0));
      const forth = above.map((value, step) => `${x(step)},${y(value)}`);
      const back = below.map((value, step) => `${x(step)},${y(value)}`).reverse();
      const area = svgElement('polygon', { points: [...forth, ...back].join(' ') });
      area.dataset['part'] = part;
      svg.append(area);
      below = above;
    }
    if (limit) {
      const [top, middle] = [y(limit.highBytes), y(limit.bytes)];
      const band = { x: 0, y: top, width: 100, height: y(limit.lowBytes) - top, class: 'curve-band' };
      svg.append(svgElement('rect', band));
      svg.append(svgElement('line', { x1: 0, x2: 100, y1: middle, y2: middle, class: 'curve-limit' }));
    }
    return svg;
  }
}

function svgElement<Tag extends keyof SVGElementTagNameMap>(
  tag: Tag,
  attributes: Readonly<Record<string, string | number>>,
): SVGElementTagNameMap[Tag] {
  const made = document.createElementNS(svgNamespace, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  return made;
}
