/** What everybody sees while what they send is recorded, and the button of those who may record. */

import { h, icon, setText } from './dom.js';
import { toast } from './toast.js';

/** @typedef {import('../podium.js').Podium} Podium */

/** The sign; it is in the page while a recording runs. @returns {HTMLElement} */
export function recordingSign() {
  return h(
    'span',
    { class: 'badge badge-danger', hidden: true, role: 'status', data: { testid: 'recording' } },
    icon('record'),
    'Recording',
  );
}

/**
 * The button, whose text says what it does now.
 * @param {Podium} podium
 */
export function recordButton(podium) {
  const label = h('span', {}, 'Record');
  const button = h(
    'button',
    {
      class: 'btn btn-quiet btn-sm console-tool',
      type: 'button',
      hidden: true,
      data: { testid: 'record' },
      on: { click: () => run() },
    },
    icon('record', 'icon-sm'),
    label,
  );
  const run = async () => {
    button.disabled = true;
    try {
      await podium.send(podium.room?.recording ? 'recording.stop' : 'recording.start', {});
    } catch (error) {
      toast(error instanceof Error ? error.message : String(error), { kind: 'danger' });
    } finally {
      button.disabled = false;
    }
  };
  /** @param {boolean} may */
  const draw = (may) => {
    button.hidden = !may;
    setText(label, podium.room?.recording ? 'Stop recording' : 'Record');
    button.setAttribute('aria-label', label.textContent ?? '');
  };
  return { button, draw };
}
