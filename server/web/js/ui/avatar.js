/** A person as a coloured circle with their initials: the same person always in the same colour. */

import { h } from './dom.js';

const HUES = 8;

/** @param {string} name @returns {string} one or two letters */
export function initials(name) {
  const words = name.trim().split(/\s+/).filter(Boolean);
  const letters = words.length > 1 ? [words[0], words[words.length - 1]] : words;
  return letters.map((word) => [...word][0] ?? '').join('').toUpperCase() || '?';
}

/** @param {string} id @returns {number} 0 to 7 */
export function hue(id) {
  let sum = 7;
  for (const letter of id) sum = (sum * 31 + letter.charCodeAt(0)) >>> 0;
  return sum % HUES;
}

/** @param {{id: string, name: string}} person @param {string} [size] avatar-sm, -lg or -xl @returns {HTMLElement} */
export function avatar({ id, name }, size = '') {
  return h('span', { class: `avatar ${size}`.trim(), data: { hue: hue(id) }, aria: { hidden: true } }, initials(name));
}
