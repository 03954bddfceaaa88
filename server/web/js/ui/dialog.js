/** Dialogs on the browser's own modal element: focus stays inside, Escape closes, focus returns where it was. */

import { h, icon } from './dom.js';

/** @typedef {import('./dom.js').Child} Child */
/** @typedef {{label: string, kind?: 'primary' | 'danger' | 'quiet', value?: any, testid?: string, focus?: boolean}} Action */

/** @type {(() => void)[]} closes each dialog that is open, the newest last */
const open = [];

/**
 * @param {object} options
 * @param {string} options.title
 * @param {Child | Child[]} [options.body]
 * @param {Action[]} [options.actions]
 * @param {string} [options.testid]
 * @param {string} [options.class]
 * @param {AbortSignal} [options.signal] closes it from outside
 * @param {(close: (value: any) => void) => void} [options.opened]
 * @returns {Promise<any>} the value of the chosen action, null when it was closed
 */
export function openDialog({ title, body, actions = [], testid, class: extra = '', signal, opened }) {
  return new Promise((resolve) => {
    const id = `dialog-${Math.random().toString(36).slice(2)}`;
    const node = h('dialog', { class: `dialog ${extra}`.trim(), aria: { labelledby: id }, data: { testid } });
    /** @type {any} */
    let outcome = null;
    const close = (/** @type {any} */ value = null) => {
      outcome = value;
      node.close();
    };
    const dismiss = () => close();
    const buttons = actions.map(({ label, kind, value, testid: hook, focus }) =>
      h('button', {
        class: `btn ${kind ? `btn-${kind}` : ''}`,
        type: 'button',
        autofocus: focus,
        data: { testid: hook },
        on: { click: () => close(value === undefined ? label : value) },
      }, label));
    node.append(
      h('div', { class: 'dialog-head' },
        h('h2', { id }, title),
        h('button', { class: 'btn btn-icon btn-quiet', type: 'button', aria: { label: 'Close' }, on: { click: dismiss } }, icon('x'))),
      h('div', { class: 'dialog-body' }, body),
      ...(buttons.length ? [h('div', { class: 'dialog-foot' }, buttons)] : []),
    );
    // What is dragged inside and let go outside is a click on the dialog too, and has not meant to leave it.
    let pressed = false;
    node.addEventListener('pointerdown', (event) => (pressed = event.target === node));
    node.addEventListener('click', (event) => event.target === node && pressed && dismiss());
    node.addEventListener('close', () => {
      open.splice(open.indexOf(dismiss), 1);
      document.querySelector('.toasts') && document.body.append(/** @type {Element} */ (document.querySelector('.toasts')));
      node.remove();
      resolve(outcome);
    });
    document.body.append(node);
    open.push(dismiss);
    node.showModal();
    signal?.addEventListener('abort', dismiss);
    if (signal?.aborted) dismiss();
    opened?.(close);
  });
}

/** Closes whatever is open, for a page that changes under it. */
export function closeDialogs() {
  for (const dismiss of [...open]) dismiss();
}

/**
 * @param {{title: string, text: string, confirm: string, danger?: boolean, cancel?: string}} options
 * @returns {Promise<boolean>}
 */
export async function ask({ title, text, confirm, danger = false, cancel = 'Cancel' }) {
  const value = await openDialog({
    title,
    body: h('p', { class: 'dim' }, text),
    actions: [
      { label: cancel, value: false },
      { label: confirm, kind: danger ? 'danger' : 'primary', value: true, testid: 'confirm', focus: true },
    ],
    testid: 'ask',
  });
  return value === true;
}

/**
 * @param {{title: string, label: string, value?: string, confirm: string, hint?: string, maxlength?: number, danger?: boolean, lines?: number}} options `lines`: room for a longer text
 * @returns {Promise<string | null>} null when it was closed
 */
export async function askText({ title, label, value = '', confirm, hint, maxlength = 200, danger = false, lines = 1 }) {
  const input = lines > 1
    ? h('textarea', { class: 'textarea', id: 'ask-text', rows: lines, value, maxlength, autofocus: true })
    : h('input', { class: 'input', id: 'ask-text', value, maxlength, autofocus: true, autocomplete: 'off' });
  const chosen = await openDialog({
    title,
    body: h('div', { class: 'field' }, h('label', { for: 'ask-text' }, label), input, hint ? h('p', { class: 'hint' }, hint) : null),
    actions: [
      { label: 'Cancel', value: null },
      { label: confirm, kind: danger ? 'danger' : 'primary', value: true, testid: 'confirm' },
    ],
    testid: 'ask-text',
    opened: (close) => {
      // In a longer text Enter begins a line.
      /** @type {HTMLElement} */ (input).addEventListener('keydown', (event) => event.key === 'Enter' && (lines === 1 || event.ctrlKey || event.metaKey) && close(true));
    },
  });
  return chosen === null ? null : input.value.trim();
}
