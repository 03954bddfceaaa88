// What stands in place of the console: before it opens, when it may not, and after it is over.

import { byId } from '../ui/byid.js';
import { h, icon } from '../ui/dom.js';

/** @typedef {{label: string, href?: string, run?: () => void, primary?: boolean, testid: string}} Way */

/**
 * Shows a sentence and the ways on; the console, if it was open, is put away.
 * @param {{title: string, text: string, picture?: string, ways?: Way[]}} what
 */
export function showGate({ title, text, picture = 'console', ways = [] }) {
  for (const dialog of document.querySelectorAll('dialog')) dialog.close();
  const gate = byId('gate', HTMLElement);
  gate.replaceChildren(
    h('span', { class: 'console-gate-icon' }, icon(picture, 'icon-lg')),
    h('h1', { class: 'title', tabindex: '-1' }, title),
    h('p', { class: 'dim' }, text),
    h(
      'div',
      { class: 'row row-s row-wrap' },
      ...ways.map(({ label, href, run, primary, testid }) => {
        const look = { class: `btn ${primary ? 'btn-primary' : ''}`, data: { testid } };
        return href
          ? h('a', { ...look, href }, label)
          : h('button', { ...look, type: 'button', on: { click: () => run?.() } }, label);
      }),
    ),
  );
  gate.hidden = false;
  byId('app', HTMLElement).hidden = true;
  gate.querySelector('h1')?.focus();
}

/** Opens the console. */
export function openGate() {
  byId('gate', HTMLElement).hidden = true;
  byId('app', HTMLElement).hidden = false;
}
