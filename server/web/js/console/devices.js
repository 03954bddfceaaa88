// The devices of somebody's browser, switched from here: their client follows, and reports what it uses then.

import { h } from '../ui/dom.js';
import { formDialog } from '../ui/formdialog.js';
import { field, select } from '../ui/fields.js';

/** @typedef {import('../podium.js').Podium} Podium */
/** @typedef {import('../lib/shapes.js').Person} Person */

/** @type {[import('../types.js').DeviceKind, string][]} */
const KINDS = [
  ['audioinput', 'Microphone'],
  ['videoinput', 'Camera'],
  ['audiooutput', 'Loudspeaker'],
];

/** Whether anything is known of somebody's devices. @param {Podium} podium @param {string} person */
export const hasDevices = (podium, person) => (podium.room?.devices.get(person)?.length ?? 0) > 0;

/**
 * @param {Podium} podium
 * @param {Person} person
 */
export function devicesDialog(podium, person) {
  const devices = podium.room?.devices.get(person.id) ?? [];
  const fields = KINDS.flatMap(([kind, label]) => {
    const some = devices.filter((device) => device.kind === kind);
    if (some.length === 0) return [];
    const chosen = some.find((device) => device.chosen)?.id ?? '';
    const options = some.map((device, index) => [device.id, device.label || `${label} ${index + 1}`]);
    const node = select(`device-${kind}`, [...(chosen ? [] : [['', 'Not in use']]), ...options], chosen);
    return [{ kind, chosen, node, body: field(node, label) }];
  });
  formDialog({
    title: `Devices of ${person.name}`,
    testid: 'devices-dialog',
    confirm: 'Switch',
    body: [h('p', { class: 'dim' }, 'Their browser is told to use another one.'), ...fields.map(({ body }) => body)],
    run: async () => {
      for (const { kind, chosen, node } of fields) {
        if (node.value === chosen) continue;
        await podium.send('devices.select', { target: person.id, kind, device: node.value });
      }
    },
  });
}
