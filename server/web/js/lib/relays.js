/**
 * The relays (TURN) of the server, for a new connection. What is known of them is kept until half of its time is over,
 * so that there is always enough left to connect with.
 */

/** @typedef {import('./shapes.js').Ok} Ok */

// A server that does not answer must not keep anybody from connecting: without relays most get through all the same.
const PATIENCE_MS = 2_000;

export class Relays {
  /** @type {Promise<RTCIceServer[]> | null} */ #known = null;
  #until = 0;

  /** @param {(type: string, fields: Record<string, any>) => Promise<Ok>} send */
  constructor(send) {
    this.send = send;
  }

  /** @returns {Promise<RTCIceServer[]>} never rejects */
  servers() {
    if (!this.#known || performance.now() > this.#until) {
      this.#until = Infinity;
      this.#known = this.#ask();
    }
    const impatient = new Promise((resolve) => {
      setTimeout(() => resolve([]), PATIENCE_MS);
    });
    return Promise.race([this.#known, /** @type {Promise<RTCIceServer[]>} */ (impatient)]);
  }

  /** They belong to a conference, or to an identity, that is left. */
  forget() {
    this.#known = null;
  }

  async #ask() {
    const asked = performance.now();
    try {
      const { result } = await this.send('media.relays', {});
      this.#until = asked + (result?.ttl_s ? result.ttl_s * 500 : Infinity);
      if (!result?.urls?.length) return [];
      return [{ urls: result.urls, username: result.username, credential: result.credential }];
    } catch {
      this.#until = 0;
      return [];
    }
  }
}
