// The pieces a form with things to choose is made of, and what is said when one of them is not right.

import { PodiumError } from '../lib/errors.js';
import { h } from './dom.js';
import { refusalText } from './words.js';

/** @typedef {HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement} Control */

/** @param {HTMLElement} control @param {string} label @param {string} [hint] */
export function field(control, label, hint) {
  const id = `${control.id}-hint`;
  if (hint) control.setAttribute('aria-describedby', id);
  return h(
    'div',
    { class: 'field' },
    h('label', { for: control.id }, label),
    control,
    hint ? h('p', { class: 'hint', id }, hint) : null,
  );
}

/**
 * @param {string} id also its `data-testid`
 * @param {string} name what the server calls it: a refusal that names it marks the control
 * @param {string} value
 * @param {Record<string, any>} [more] further attributes
 */
export const textInput = (id, name, value, more = {}) =>
  h('input', { class: 'input', id, name, type: 'text', autocomplete: 'off', ...more, value, data: { testid: id } });

/** @param {string} id @param {string} name @param {string} value @param {Record<string, any>} [more] as `textInput` */
export const textArea = (id, name, value, more = {}) =>
  h('textarea', { class: 'textarea', id, name, ...more, value, data: { testid: id } });

/** @param {string} id @param {number} value @param {number} min @param {number} max */
export const numberInput = (id, value, min, max) =>
  h('input', {
    class: 'input num',
    id,
    type: 'number',
    min: String(min),
    max: String(max),
    value: String(value),
    data: { testid: id },
  });

/** @param {HTMLInputElement} input @param {number} min @param {number} max */
export function within(input, min, max) {
  const number = Number(input.value);
  return input.value.trim() !== '' && Number.isInteger(number) && number >= min && number <= max;
}

/** @param {string} id @param {string[][]} options @param {string} value @param {string} [name] as `textInput` */
export function select(id, options, value, name) {
  const node = h(
    'select',
    { class: 'select', id, name, data: { testid: id } },
    options.map(([key, word]) => h('option', { value: key }, word)),
  );
  node.value = value;
  return node;
}

/** @param {string} id @param {string} label @param {boolean} checked */
export function toggle(id, label, checked) {
  const input = h('input', { type: 'checkbox', checked, data: { testid: id } });
  return { input, label: h('label', { class: 'switch' }, input, h('span', {}, label)) };
}

/**
 * Settings that belong together, under a heading.
 * @param {string} title
 * @param {(Node | null)[]} body
 */
export function group(title, body) {
  return h('fieldset', { class: 'group stack' }, h('legend', {}, title), ...body);
}

/**
 * What is missing in a form, as a sentence, or null; the control is marked and has the focus.
 * @param {HTMLFormElement} form
 * @returns {string | null}
 */
export function missing(form) {
  const controls = controlsOf(form);
  const wrong = controls.find((one) => one.validity.valueMissing || one.validity.typeMismatch || one.validity.badInput);
  mark(controls, wrong);
  if (!wrong) return null;
  const label = wrong.labels?.[0]?.textContent ?? 'This';
  return wrong.validity.valueMissing ? `“${label}” is still empty.` : `“${label}” is not right yet.`;
}

/**
 * Why the server refused a form; the control that it names is marked and has the focus.
 * @param {HTMLFormElement} form
 * @param {unknown} error
 * @returns {string}
 */
export function refusal(form, error) {
  const path = error instanceof PodiumError ? String(error.details.path ?? '').replace(/^\$\.?/, '') : '';
  const controls = controlsOf(form);
  mark(controls, path ? controls.find((one) => one.name === path) : undefined);
  return refusalText(error);
}

/** @param {HTMLFormElement} form @returns {Control[]} */
const controlsOf = (form) => [...form.querySelectorAll('input, textarea, select')].map((one) => /** @type {Control} */ (one));

/** @param {Control[]} controls @param {Control | undefined} wrong */
function mark(controls, wrong) {
  for (const one of controls) one.removeAttribute('aria-invalid');
  wrong?.setAttribute('aria-invalid', 'true');
  wrong?.focus();
}
