// Tells a screen reader what has just happened, one sentence after the other.

import { byId } from '../ui/byid.js';

/** @type {string[]} */
const waiting = [];
let timer = 0;
// More than this in one breath is summed up: nobody listens to fifty sentences.
const MOST = 4;

/** @param {string} text */
export function announce(text) {
  waiting.push(text);
  if (timer) return;
  timer = window.setTimeout(() => {
    timer = 0;
    const said =
      waiting.length > MOST ? [`${waiting.length - MOST} more events.`, ...waiting.slice(-MOST)] : [...waiting];
    waiting.length = 0;
    byId('announcer', HTMLElement).textContent = said.join(' ');
  }, 400);
}
