/** Choosing microphone, camera and speaker: the same lists in the join view and in the settings. */

import { clear, h, icon } from '../ui/dom.js';

/** @typedef {import('../lib/devices.js').Devices} Devices */
/** @typedef {'audio' | 'video' | 'speaker'} Which */

const PARTS = /** @type {const} */ ([
  { which: 'audio', label: 'Microphone', icon: 'mic', none: 'No microphone found' },
  { which: 'video', label: 'Camera', icon: 'camera', none: 'No camera found' },
  { which: 'speaker', label: 'Speaker', icon: 'volume', none: 'The system’s speaker' },
]);

/** Whether this browser can send sound to a chosen speaker. */
const canChooseSpeaker = 'setSinkId' in HTMLMediaElement.prototype;

export class DevicePicker {
  /** @param {(which: Which, id: string) => void} choose */
  constructor(choose) {
    /** @type {Partial<Record<Which, HTMLSelectElement>>} */
    this.selects = {};
    this.node = h('div', { class: 'join-devices' });
    for (const part of PARTS) {
      if (part.which === 'speaker' && !canChooseSpeaker) continue;
      const select = h('select', {
        class: 'select',
        aria: { label: part.label },
        data: { testid: `choose-${part.which}` },
        on: { change: () => choose(part.which, select.value) },
      });
      this.selects[part.which] = select;
      this.node.append(h('div', { class: 'field', title: part.label }, icon(part.icon), select));
    }
  }

  /** @param {Devices} found @param {Record<Which, string | null>} chosen */
  update(found, chosen) {
    for (const { which, label, none } of PARTS) {
      const select = this.selects[which];
      if (!select || select === document.activeElement && select.options.length === found[which].length) continue;
      clear(select);
      select.disabled = found[which].length === 0;
      if (select.disabled) select.append(h('option', { value: '' }, none));
      found[which].forEach((device, index) => {
        select.append(h('option', { value: device.deviceId }, device.label || `${label} ${index + 1}`));
      });
      if (found[which].some(({ deviceId }) => deviceId === chosen[which])) select.value = chosen[which] ?? '';
    }
  }
}
