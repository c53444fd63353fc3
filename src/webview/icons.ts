import { button, type ElementOptions, setLabel } from './dom.ts';

/** Lines on a grid of 16, drawn with the colour of the text around them. */
const paths = {
  add: 'M8 3v10M3 8h10',
  arrowDown: 'M8 3v10M3.5 8.5 8 13l4.5-4.5',
  attach: 'M4.5 8.5V5a3 3 0 0 1 6 0v6a2 2 0 0 1-4 0V5.5',
  check: 'm3 8.5 3.2 3.2L13 4.5',
  chevronDown: 'm4 6 4 4 4-4',
  chevronLeft: 'm10 4-4 4 4 4',
  chevronRight: 'm6 4 4 4-4 4',
  close: 'm4 4 8 8M12 4l-8 8',
  copy: 'M5.5 5.5V3h7.5v7.5h-2.5M3 5.5h7.5V13H3z',
  edit: 'm3 13 .8-3L11 2.8l2.2 2.2L6 12.2zM9.5 4.3l2.2 2.2',
  error: 'M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zM8 5v4M8 10.6v.9',
  export: 'M8 10V2.5M5 5.2l3-3 3 3M3 9.5V13h10V9.5',
  history: 'M3 4.5h10M3 8h10M3 11.5h6',
  pin: 'M5.5 2.5h5M6.5 2.5v4L4.5 9h7l-2-2.5v-4M8 9v4.5',
  play: 'M5 3.5v9l7-4.5z',
  retry: 'M12.8 8a4.8 4.8 0 1 1-1.5-3.5L13 6M13 2.8V6H9.8',
  send: 'm3 3 10.5 5L3 13l1.6-5zM4.6 8h5',
  stop: 'M4.5 4.5h7v7h-7z',
  switchModel: 'M3 5.5h9M9.5 3 12 5.5 9.5 8M13 10.5H4M6.5 8 4 10.5 6.5 13',
  trash: 'M3 4.5h10M6.5 4.5v-2h3v2M4.5 4.5l.6 9h5.8l.6-9',
  warning: 'M8 2.5 14 13H2zM8 6.5v3M8 10.8v.7',
} as const;

export type IconName = keyof typeof paths;

const svgNamespace = 'http://www.w3.org/2000/svg';

export function icon(name: IconName): SVGSVGElement {
  const svg = document.createElementNS(svgNamespace, 'svg');
  svg.setAttribute('viewBox', '0 0 16 16');
  svg.setAttribute('class', `icon icon-${name}`);
  svg.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS(svgNamespace, 'path');
  path.setAttribute('d', paths[name]);
  svg.append(path);
  return svg;
}

/** A button that is nothing but a picture; its label says what it does, to everybody. */
export function iconButton(
  name: IconName,
  label: string,
  onClick: () => void,
  options: ElementOptions = {},
): HTMLButtonElement {
  const made = button({ ...options, class: `icon-button ${options.class ?? ''}`.trim() }, onClick, icon(name));
  setLabel(made, label);
  return made;
}
