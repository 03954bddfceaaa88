/** Short sentences at the foot of the page that go away by themselves; screen readers are told politely. */

import { h, icon } from './dom.js';

const ICONS = { ok: 'check', warn: 'alert', danger: 'alert', info: 'info' };
const MOST = 4;

/** @type {HTMLElement | null} */
let region = null;

/**
 * @param {string} text
 * @param {{kind?: 'ok' | 'warn' | 'danger' | 'info', action?: {label: string, run: () => void}, ms?: number, signal?: AbortSignal}} [options] `signal`: what it is about is over
 */
export function toast(text, { kind = 'info', action, ms = action ? 10_000 : 5_000, signal } = {}) {
  if (!region) {
    region = h('div', { class: 'toasts', role: 'status', aria: { live: 'polite' }, data: { testid: 'toasts' } });
    document.body.append(region);
  }
  // An open modal dialog hides everything outside it: a toast belongs where the person is looking.
  const dialogs = document.querySelectorAll('dialog[open]');
  (dialogs[dialogs.length - 1] ?? document.body).append(region);
  const last = region.lastElementChild;
  if (last?.querySelector('span')?.textContent === text) last.remove();
  while (region.childElementCount >= MOST) region.firstElementChild?.remove();
  const node = h('div', { class: `toast toast-${kind}`, data: { testid: 'toast' } }, icon(ICONS[kind]), h('span', { class: 'grow' }, text));
  const done = () => node.remove();
  if (action) {
    const run = () => {
      done();
      action.run();
    };
    node.append(h('button', { class: 'btn btn-sm', type: 'button', on: { click: run } }, action.label));
  }
  region.append(node);
  window.setTimeout(done, ms);
  signal?.addEventListener('abort', done);
}
