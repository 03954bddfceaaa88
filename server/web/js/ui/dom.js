/** Elements in one expression, and an icon of the page's sprite. */

/**
 * @typedef {object} Options
 * @property {string} [class]
 * @property {Record<string, (event: any) => void>} [on] listeners by event
 * @property {Record<string, string | number | boolean | null | undefined>} [data] data-… attributes
 * @property {Record<string, string | number | boolean | null | undefined>} [aria] aria-… attributes
 */

/** @typedef {Node | string | number | null | undefined | false} Child */

/**
 * An element. Remaining options are attributes: `true` sets an empty one, `false`, null and undefined none.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Options & Record<string, any>} [options]
 * @param {...(Child | Child[])} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function h(tag, options = {}, ...children) {
  const node = document.createElement(tag);
  const { class: names, on, data, aria, ...attributes } = options;
  if (names) node.className = names;
  for (const [event, listener] of Object.entries(on ?? {})) node.addEventListener(event, listener);
  for (const [name, value] of Object.entries(data ?? {})) set(node, `data-${name}`, value === true ? 'true' : value);
  for (const [name, value] of Object.entries(aria ?? {})) {
    if (value !== null && value !== undefined) node.setAttribute(`aria-${name}`, String(value));
  }
  for (const [name, value] of Object.entries(attributes)) {
    // What a person types lives in the property, not in the attribute.
    if (name === 'value' || name === 'checked') /** @type {any} */ (node)[name] = value;
    else set(node, name, value);
  }
  node.append(...children.flat().filter(isContent));
  return node;
}

/** @param {Child} child @returns {child is Node | string} */
const isContent = (child) => child !== null && child !== undefined && child !== false && child !== '';

/** @param {Element} node @param {string} name @param {unknown} value */
function set(node, name, value) {
  if (value === false || value === null || value === undefined) return;
  node.setAttribute(name, value === true ? '' : String(value));
}

const SVG = 'http://www.w3.org/2000/svg';

/** @param {string} name a symbol of icons.svg @param {string} [extra] further classes @returns {SVGSVGElement} */
export function icon(name, extra = '') {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('class', `icon ${extra}`.trim());
  svg.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS(SVG, 'use');
  use.setAttribute('href', `/static/icons.svg#${name}`);
  svg.append(use);
  return svg;
}

/** Another picture in an existing icon. @param {Element} svg @param {string} name */
export function setIcon(svg, name) {
  const href = `/static/icons.svg#${name}`;
  const use = svg.firstElementChild;
  if (use && use.getAttribute('href') !== href) use.setAttribute('href', href);
}

/** @template {Element} T @param {T} node @returns {T} */
export function clear(node) {
  node.replaceChildren();
  return node;
}

/** Sets a node's text only where it differs, so that a screen reader is not told twice. @param {Element} node @param {string} text */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** @template {HTMLElement} T @param {string} selector @param {new () => T} type @param {ParentNode} [root] @returns {T} */
export function find(selector, type, root = document) {
  const node = root.querySelector(selector);
  if (!(node instanceof type)) throw new Error(`the page lacks ${selector}`);
  return node;
}

/** @template {any[]} A @param {(...args: A) => void} run @param {number} ms @returns {(...args: A) => void} */
export function debounce(run, ms) {
  let timer = 0;
  return (...args) => {
    clearTimeout(timer);
    timer = window.setTimeout(() => run(...args), ms);
  };
}
