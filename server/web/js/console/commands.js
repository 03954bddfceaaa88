// Giving commands, and telling how it went: what is done shows in the table, what is refused as its sentence.

import { patiently } from '../lib/patiently.js';
import { toast } from '../ui/toast.js';
import { refusalText } from '../ui/words.js';
import { announce } from './announcer.js';

/** @typedef {import('../podium.js').Podium} Podium */
/** @typedef {import('../lib/shapes.js').Person} Person */
/** @typedef {import('../lib/shapes.js').MuteSource} MuteSource */
/** @typedef {{type: string, fields: Record<string, any>}} Order */

/** @type {{source: MuteSource, word: string, on: string, off: string, mute: string, unmute: string}[]} */
export const SOURCES = [
  {
    source: 'audio',
    word: 'microphone',
    on: 'mic',
    off: 'mic-off',
    mute: 'Mute microphone',
    unmute: 'Unmute microphone',
  },
  {
    source: 'video',
    word: 'camera',
    on: 'camera',
    off: 'camera-off',
    mute: 'Switch camera off',
    unmute: 'Allow camera',
  },
  {
    source: 'screen',
    word: 'screen share',
    on: 'screen',
    off: 'screen-off',
    mute: 'Hide screen share',
    unmute: 'Allow screen share',
  },
];

// Several at once make a long list short.
const AT_ONCE = 4;

/**
 * Gives one command.
 * @param {Podium} podium
 * @param {string} type
 * @param {Record<string, any>} fields
 * @param {string} done a sentence for screen readers when it is accepted
 * @returns {Promise<boolean>} whether it was accepted
 */
export async function give(podium, type, fields, done) {
  try {
    const { result } = await podium.send(type, fields);
    const receipt = result?.type === 'receipt' ? receiptText(result) : '';
    announce(`${done} ${receipt}`.trim());
    if (receipt) toast(`${done} ${receipt}`, { kind: result?.applied ? 'ok' : 'warn' });
    return true;
  } catch (error) {
    toast(refusalText(error), { kind: 'danger' });
    return false;
  }
}

/**
 * What the media worker has confirmed.
 * @param {{applied?: boolean, silence_ms?: number | null}} receipt
 */
function receiptText({ applied = false, silence_ms: silence }) {
  if (!applied) return 'The media worker has not confirmed it yet.';
  return typeof silence === 'number' ? `Silent within ${Math.max(1, Math.round(silence))} ms.` : '';
}

/**
 * Gives the same kind of command to many people, and sums up what became of it.
 * @param {Podium} podium
 * @param {Order[]} orders
 * @param {(count: string) => string} done the sentence for those that were accepted, as in `Muted 3 people.`
 */
export async function giveMany(podium, orders, done) {
  if (orders.length === 0) {
    toast('There is nobody here this could be done to.', { kind: 'warn' });
    return;
  }
  const rest = [...orders];
  let accepted = 0;
  /** @type {string[]} */
  const refusals = [];
  const work = async () => {
    for (let order = rest.shift(); order; order = rest.shift()) {
      try {
        const { type, fields } = order;
        await patiently(() => podium.send(type, fields));
        accepted += 1;
      } catch (error) {
        refusals.push(refusalText(error));
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  if (accepted) toast(done(people(accepted)), { kind: 'ok' });
  if (refusals.length)
    toast(`${people(refusals.length)} refused: ${[...new Set(refusals)].join(' ')}`, { kind: 'danger' });
}

/** @param {number} count */
export const people = (count) => (count === 1 ? 'one person' : `${count} people`);

/**
 * Switches a source of somebody off, or on again.
 * @param {Podium} podium
 * @param {Person} person
 * @param {MuteSource} source
 */
export function toggle(podium, person, source) {
  const word = SOURCES.find((one) => one.source === source)?.word ?? source;
  const muted = person.muted.includes(source);
  return give(
    podium,
    muted ? 'media.unmute' : 'media.mute',
    { source, target: person.id },
    `${person.name}: ${word} ${muted ? 'unmuted' : 'muted'}.`,
  );
}
