// What happened in the conference, taken home: the audit record, people, chat and questions, as the server writes them.

import { byId } from '../ui/byid.js';
import { mayExport } from '../ui/download.js';
import { chooseReport } from '../ui/reportfiles.js';

/** @typedef {import('../podium.js').Podium} Podium */

/**
 * @param {Podium} podium
 * @param {string} token
 */
export function showExports(podium, token) {
  const button = byId('export', HTMLButtonElement);
  button.addEventListener('click', () => chooseReport(button, podium.room?.conference ?? '', token));
  const ask = () =>
    mayExport(podium).then((may) => {
      button.hidden = !may;
    });
  podium.addEventListener('event', (message) => {
    const { event } = /** @type {CustomEvent} */ (message).detail;
    if (event.type === 'role.assigned' && event.person === podium.room?.you) void ask();
  });
  podium.addEventListener('resync', () => void ask());
  void ask();
}
