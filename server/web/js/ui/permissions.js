// What one may do to whom: asked of the server with `can`, kept until something happens that may change the answer.
//
// Only the people who are looked at are asked about, a few at a time: in a crowd of thousands a moderator's page would
// otherwise be its server's loudest client. An old answer stays in use until the new one is there, so buttons do not
// flicker; the server decides anyway, and its refusal is shown.

import { patiently } from '../lib/patiently.js';

/** @typedef {import('../podium.js').Podium} Podium */
/** @typedef {import('../lib/shapes.js').RoomEvent} RoomEvent */

/** @type {Set<string>} */
const NOTHING = new Set();
/** The key for what one may do without a target. */
const MYSELF = '';
// Eight a second, of the twenty commands a second that the server takes from one connection: the others are for commands.
const PAUSE_MS = 125;
const IN_FLIGHT = 3;
// Events that may change what is possible towards anybody: free places, settings, the mode, the owner, the queue.
const ABOUT_ALL = new Set([
  'stage.taken',
  'stage.left',
  'stage.reordered',
  'conference.settings_changed',
  'conference.mode_changed',
  'conference.owner_changed',
  'conference.started',
  'chat.closed',
  'chat.opened',
]);

/**
 * Whether an answer of `can` permits a command; one without variants permits all of them.
 * @param {Set<string>} commands
 * @param {string} command as `stage.grant`, or with its variant as `media.mute:audio`
 */
export function permits(commands, command) {
  return commands.has(command) || commands.has(command.split(':')[0]);
}

export class Permissions extends EventTarget {
  /** @type {Map<string, {commands: Set<string>, stale: boolean}>} */ #known = new Map();
  /** @type {Set<string>} */ #queue = new Set();
  #inFlight = 0;
  #timer = 0;

  /** @param {Podium} podium */
  constructor(podium) {
    super();
    this.podium = podium;
    podium.addEventListener('event', (message) => this.#happened(/** @type {CustomEvent} */ (message).detail.event));
    podium.addEventListener('resync', () => this.#forgetAll());
  }

  /**
   * Whether the last answer allows a command; false while there is none.
   * @param {string | null} target
   * @param {string} command as `permits` takes it
   */
  allows(target, command) {
    const known = this.#known.get(target ?? MYSELF);
    return known !== undefined && permits(known.commands, command);
  }

  /** The last answer, variants by their full name; empty while there is none. @param {string | null} target */
  of(target) {
    return this.#known.get(target ?? MYSELF)?.commands ?? NOTHING;
  }

  /** Whether any of these people may be given the command. @param {Iterable<string>} targets @param {string} command */
  allowsAny(targets, command) {
    for (const target of targets) if (this.allows(target, command)) return true;
    return false;
  }

  /** These are looked at: ask about those whose answer is missing or old. @param {Iterable<string | null>} targets */
  want(targets) {
    for (const target of targets) {
      const known = this.#known.get(target ?? MYSELF);
      if (!known || known.stale) this.#queue.add(target ?? MYSELF);
    }
    this.#work();
  }

  /**
   * As `allows`, asking first when that is not known for sure: an old yes is good enough to try.
   * @param {string} target
   * @param {string} command
   * @returns {Promise<boolean>}
   */
  async mayBe(target, command) {
    const known = this.#known.get(target);
    if (known && (!known.stale || permits(known.commands, command))) return permits(known.commands, command);
    return permits(await patiently(() => this.fresh(target)), command);
  }

  /**
   * The newest answer about somebody, asked now.
   * @param {string | null} target
   * @returns {Promise<Set<string>>}
   */
  async fresh(target) {
    const { commands } = await this.podium.can(target ?? undefined);
    this.#known.set(target ?? MYSELF, { commands, stale: false });
    return commands;
  }

  #work() {
    if (this.#timer || this.#queue.size === 0 || this.#inFlight >= IN_FLIGHT || this.podium.state !== 'open') return;
    const [target] = this.#queue;
    this.#queue.delete(target);
    this.#inFlight += 1;
    this.fresh(target === MYSELF ? null : target)
      .then(() => this.dispatchEvent(new CustomEvent('change', { detail: { target } })))
      // Gone meanwhile, or offline: the next look at the row asks again.
      .catch(() => this.#known.delete(target))
      .finally(() => {
        this.#inFlight -= 1;
        this.#work();
      });
    this.#timer = window.setTimeout(() => {
      this.#timer = 0;
      this.#work();
    }, PAUSE_MS);
  }

  /** @param {RoomEvent} event */
  #happened(event) {
    if (event.type === 'participant.left' || event.type === 'lobby.left') {
      this.#known.delete(event.person ?? MYSELF);
      this.#queue.delete(event.person ?? MYSELF);
      return;
    }
    if (ABOUT_ALL.has(event.type) || event.person === this.podium.room?.you) this.#forgetAll();
    else this.#forget(event.person);
  }

  #forgetAll() {
    for (const known of this.#known.values()) known.stale = true;
  }

  /** @param {string | undefined} target */
  #forget(target) {
    const known = target === undefined ? undefined : this.#known.get(target);
    if (known) known.stale = true;
  }
}
