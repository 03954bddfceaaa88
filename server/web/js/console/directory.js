// Everybody present, also in a crowd: there the snapshot holds the stage and who asks, and the rest is paged through.
//
// People found on a page are added to the room, so that the events about them apply as to anybody else. Whoever is in
// the room and on no page when all pages are read has left unseen, and is dropped.

/** @typedef {import('../podium.js').Podium} Podium */

const PAGE = 200;
// Between pages, so that a crowd of thousands is read in seconds without a burst.
const PAUSE_MS = 120;
// When the count and the list have differed for this long, the list is read again.
const PATIENCE_MS = 10_000;

export class Directory extends EventTarget {
  #reading = false;
  #again = false;
  #timer = 0;

  /** @param {Podium} podium */
  constructor(podium) {
    super();
    this.podium = podium;
    podium.addEventListener('resync', () => this.read());
    podium.addEventListener('change', () => this.#compare());
  }

  /** Whether pages are still to come. */
  get reading() {
    return this.#reading;
  }

  /** Reads all pages, when the conference is crowded; asked again meanwhile, starts anew afterwards. */
  read() {
    if (this.#reading) {
      this.#again = true;
      return;
    }
    if (this.podium.room?.crowded) void this.#readAll();
  }

  async #readAll() {
    this.#reading = true;
    try {
      const room = this.podium.room;
      const before = new Set(room?.people.keys());
      /** @type {Set<string>} */
      const found = new Set();
      /** @type {string | undefined} */
      let after;
      for (let more = true; more && room;) {
        const page = await this.podium.people(after, PAGE);
        for (const person of page.people) {
          found.add(person.id);
          if (!room.people.has(person.id)) room.add(person);
        }
        const last = page.people.at(-1)?.id;
        // A page that brings nothing new ends it, whatever it says: somebody at a page's edge may have left.
        more = page.more && last !== undefined && last !== after;
        after = last;
        this.dispatchEvent(new CustomEvent('change'));
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      }
      for (const id of before) if (!found.has(id) && id !== room?.you) room?.drop(id);
    } catch {
      // Offline or refused for a moment: the difference between count and list brings us back.
    } finally {
      this.#reading = false;
      this.dispatchEvent(new CustomEvent('change'));
      if (this.#again) {
        this.#again = false;
        this.read();
      }
    }
  }

  #compare() {
    const room = this.podium.room;
    const whole = !room?.crowded || room.people.size === room.count;
    if (whole) {
      clearTimeout(this.#timer);
      this.#timer = 0;
    } else if (!this.#timer && !this.#reading) {
      this.#timer = window.setTimeout(() => {
        this.#timer = 0;
        this.read();
      }, PATIENCE_MS);
    }
  }
}
