// Giving commands, and telling how it went: what is done shows in the table, what is refused as its sentence.

import { PodiumError } from '../podium.js';
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
    await podium.send(type, fields);
    announce(done);
    return true;
  } catch (error) {
    toast(refusalText(error), { kind: 'danger' });
    return false;
  }
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

// A stage full of people, muted and taken down at once, is done in a few seconds even at the server's rate.
const TRIES = 6;
const WAIT_MS = 500;

/**
 * Does it again, a little later, when the server says that this was too much at once.
 * @template T
 * @param {() => Promise<T>} run
 * @returns {Promise<T>}
 */
export async function patiently(run) {
  for (let tries = 1; ; tries += 1) {
    try {
      return await run();
    } catch (error) {
      if (!(error instanceof PodiumError) || error.code !== 'rate_limited' || tries === TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, WAIT_MS * tries));
    }
  }
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
