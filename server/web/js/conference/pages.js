/**
 * The pictures of slides: fetched with the session's own token, and a few of them kept, so that the next page is there
 * before it is turned to.
 */

import { PodiumError } from '../lib/errors.js';

// The page that is shown, its neighbours, and where one came from.
const KEPT = 8;
const TRIES = 4;
const PAUSE_MS = 700;
const TIMEOUT_MS = 20_000;

/** @typedef {'large' | 'small'} Size */

export class Pages {
  /** Addresses of pictures in the page's memory, the newest last. @type {Map<string, Promise<string>>} */ #kept = new Map();

  /** @param {string} conference @param {() => string | null} token */
  constructor(conference, token) {
    this.conference = conference;
    this.token = token;
  }

  /**
   * The address of a picture. Rejects with `PodiumError`.
   * @param {import('../types.js').File} file @param {number} page @param {Size} size @returns {Promise<string>}
   */
  picture(file, page, size) {
    const name = `${file.key}/${page}/${size}`;
    const known = this.#kept.get(name);
    const found = known ?? this.#fetch(file.number, page, size);
    this.#kept.delete(name);
    this.#kept.set(name, found);
    if (!known) found.catch(() => this.#kept.get(name) === found && this.#kept.delete(name));
    for (const [oldest, picture] of this.#kept) {
      if (this.#kept.size <= KEPT) break;
      this.#kept.delete(oldest);
      release(picture);
    }
    return found;
  }

  /** @param {number} file @param {number} page @param {Size} size @returns {Promise<string>} */
  async #fetch(file, page, size) {
    const path = `/api/v1/conferences/${encodeURIComponent(this.conference)}/files/${file}/pages/${page}?size=${size}`;
    for (let left = TRIES; left > 0; left -= 1) {
      const response = await fetch(path, { headers: { Authorization: `Bearer ${this.token()}` }, signal: AbortSignal.timeout(TIMEOUT_MS) }).catch(() => null);
      if (response?.ok) return URL.createObjectURL(await response.blob());
      if (response && response.status !== 429 && response.status < 500) throw new PodiumError('not_found', 'This page is not there any more.');
      // Everybody asks in the same moment: not again all together.
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS * (0.5 + Math.random())));
    }
    throw new PodiumError('offline', 'The page could not be fetched.', { retry: true });
  }

  close() {
    for (const picture of this.#kept.values()) release(picture);
    this.#kept.clear();
  }
}

/** @param {Promise<string>} picture */
const release = (picture) => void picture.then((address) => URL.revokeObjectURL(address), () => undefined);
