import type { CurveView } from '../../protocol/planState.ts';
import { element, sameData } from '../dom.ts';

const svgNamespace = 'http://www.w3.org/2000/svg';
const height = 100;

/** Memory against context: the parts piled up, and the line of what it may take. Drawn anew when something but the context changes. */
export class ContextCurve {
  readonly element = element('div', { class: 'curve', attributes: { 'aria-hidden': 'true' } });
  readonly #plot = element('div', { class: 'curve-plot' });
  readonly #cursor = element('div', { class: 'curve-cursor' });
  readonly #crossing = element('div', { class: 'curve-crossing' });
  #shown: CurveView | null = null;
  #limitAt = 0;

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

  /** Undefined: not even the shortest stays on the GPU. */
  setLargest(fraction: number | undefined): void {
    this.#crossing.hidden = fraction === undefined || fraction >= 1 || this.#shown?.limitBytes == null;
    this.element.style.setProperty('--crossing', `${100 * (fraction ?? 0)}%`);
  }

  #draw({ contextSteps, parts, limitBytes }: CurveView): SVGSVGElement {
    const count = contextSteps.length;
    const tops = contextSteps.map((_, step) => parts.map(({ bytes }) => bytes[step] ?? 0).reduce((a, b) => a + b, 0));
    const most = Math.max(...tops, 1);
    // Beyond twice that nobody looks; what fits would be a thin line.
    const scale = limitBytes === null ? most : Math.max(limitBytes * 1.15, Math.min(most * 1.05, limitBytes * 1.9));
    const x = (step: number): number => (100 * step) / Math.max(1, count - 1);
    const y = (bytes: number): number => height * (1 - Math.min(1, bytes / scale));
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
    if (limitBytes !== null) {
      this.#limitAt = (100 * y(limitBytes)) / height;
      const line = { x1: '0', x2: '100', y1: String(y(limitBytes)), y2: String(y(limitBytes)), class: 'curve-limit' };
      svg.append(svgElement('line', line));
      this.element.style.setProperty('--limit', `${this.#limitAt}%`);
    }
    return svg;
  }
}

function svgElement<Tag extends keyof SVGElementTagNameMap>(
  tag: Tag,
  attributes: Readonly<Record<string, string>>,
): SVGElementTagNameMap[Tag] {
  const made = document.createElementNS(svgNamespace, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}
