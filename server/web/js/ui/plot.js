// Plots of our own: how many over time, and bars with names. What they show stands in their label as a sentence, and in
// full in the files beside them. Words and numbers are text of the page around the drawing, so that they keep their size
// however narrow it is.

import { h } from './dom.js';

const SVG = 'http://www.w3.org/2000/svg';
// The drawing's own measures: it is stretched over whatever place there is.
const WIDTH = 1000;
const HEIGHT = 100;

/**
 * @param {string} tag @param {Record<string, string | number>} attributes @param {(Node | string)[]} children
 */
function s(tag, attributes, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
  node.append(...children);
  return node;
}

/** With a style: the policy of the pages allows those that a script sets, and none in attributes. @template {HTMLElement} T @param {T} node @param {string} name @param {string} value */
export function styled(node, name, value) {
  node.style.setProperty(name, value);
  return node;
}

/**
 * How many there were at each moment.
 * @param {[number, number][]} changes when (ms since 1970), and by how many it changes then
 * @param {number} until where the plot ends
 * @param {string} label
 */
export function overTime(changes, until, label) {
  const sorted = [...changes].sort((a, b) => a[0] - b[0]);
  const from = sorted[0]?.[0] ?? until - 1;
  let count = 0;
  /** @type {[number, number][]} */
  const steps = sorted.map(([at, by]) => [at, (count += by)]);
  const most = Math.max(1, ...steps.map(([, value]) => value));
  const x = (/** @type {number} */ at) => ((at - from) / Math.max(1, until - from)) * WIDTH;
  const y = (/** @type {number} */ value) => HEIGHT - (value / most) * HEIGHT;
  let line = `M0 ${HEIGHT}`;
  for (const [at, value] of steps) line += `H${x(at).toFixed(1)}V${y(value).toFixed(1)}`;
  line += `H${WIDTH}`;
  const clock = new Intl.DateTimeFormat(undefined, until - from > 86_400_000 ? { dateStyle: 'short' } : { timeStyle: 'short' });
  const marks = [0, Math.ceil(most / 2), most].filter((one, index, all) => all.indexOf(one) === index);
  const drawing = s(
    'svg',
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', 'aria-hidden': 'true' },
    ...marks.map((value) => s('line', { class: 'plot-grid', x1: 0, x2: WIDTH, y1: y(value), y2: y(value) })),
    s('path', { class: 'plot-area', d: `${line}V${HEIGHT}Z` }),
    s('path', { class: 'plot-line', d: line }),
  );
  return h(
    'div',
    { class: 'plot', role: 'img', 'aria-label': label },
    h('div', { class: 'plot-marks' }, ...marks.map((value) => styled(h('span', {}, String(value)), 'top', `${y(value)}%`))),
    drawing,
    h('div', { class: 'plot-ends' }, h('span', {}, clock.format(from)), h('span', {}, clock.format(until))),
  );
}

/**
 * Bars with a name above and the value at the right.
 * @param {{ name: string, value: number, text: string }[]} rows
 * @param {string} label
 */
export function bars(rows, label) {
  const most = Math.max(1, ...rows.map(({ value }) => value));
  return h(
    'div',
    { class: 'plot-bars', role: 'img', 'aria-label': label },
    rows.map(({ name, value, text }) =>
      h(
        'div',
        { class: 'plot-row' },
        h('span', { class: 'plot-name' }, name),
        h('span', { class: 'plot-value num' }, text),
        h('span', { class: 'plot-track' }, value > 0 ? styled(h('i'), 'width', `${(value / most) * 100}%`) : null),
      ),
    ),
  );
}

/**
 * One bar of parts that are the whole together.
 * @param {{ kind: string, share: number }[]} parts `kind`: what a part is drawn as (css/sheet.css)
 * @param {string} label
 */
export const shares = (parts, label) =>
  h(
    'span',
    { class: 'plot-shares', role: 'img', 'aria-label': label, title: label },
    parts.filter(({ share }) => share > 0).map(({ kind, share }) => styled(h('i', { data: { kind } }), 'flex-grow', String(share))),
  );

/** What the parts of such bars mean. @param {[string, string][]} kinds each with its word */
export const key = (kinds) =>
  h('div', { class: 'plot-key' }, kinds.map(([kind, word]) => h('span', {}, h('i', { data: { kind }, aria: { hidden: true } }), word)));
