/**
 * The HTTP API for programs in browsers: everything that happens outside a running conference, by the names of the OpenAPI
 * document. What happens in one is podium.js.
 *
 *     const api = new Api({ base: 'https://meet.example.org', token });
 *     const { conference } = await api.ask('createConference', { title: 'Weekly' }); // a body
 *     for await (const link of api.entries('listGuestLinks', 'invitations', { conference })) …
 *
 * Refusals are `PodiumError`s with a `code` and a sentence.
 */

import { OPERATIONS } from './lib/operations.js';
import { api } from './ui/api.js';

export { PodiumError } from './lib/errors.js';

/** @typedef {keyof typeof OPERATIONS} Operation */

const TRIES = 3;
const AGAIN_MS = 500;

export class Api {
  /** @param {{base?: string, token?: string | null}} [options] `base`: the server's address, where it is not the page's own */
  constructor({ base = '', token = null } = {}) {
    this.base = base;
    this.token = token;
  }

  /**
   * Do one thing. What is done once is given a key, and is asked for again when no answer comes.
   * @param {Operation} operation
   * @param {Record<string, any> | Blob} [body] JSON, or a file as it is
   * @param {Record<string, string | number>} [fields] those of the operation's path; others go behind the `?`
   * @returns {Promise<any>} JSON, or of anything else a `Blob`
   */
  async ask(operation, body, fields = {}) {
    const [method, path, once] = OPERATIONS[operation];
    const asked = new URLSearchParams();
    /** @type {string} */
    let filled = path;
    for (const [name, value] of Object.entries(fields)) {
      if (filled.includes(`{${name}}`)) filled = filled.replace(`{${name}}`, encodeURIComponent(value));
      else asked.set(name, String(value));
    }
    const address = asked.size ? `${filled}?${asked}` : filled;
    const options = { token: this.token, base: this.base, ...(body && { body }), ...(once && { key: crypto.randomUUID() }) };
    for (let tries = 1; ; tries += 1) {
      try {
        return await api(method, address, options);
      } catch (error) {
        const harmless = once || method === 'GET';
        if (/** @type {any} */ (error).code !== 'offline' || !harmless || tries === TRIES) throw error;
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
      }
    }
  }

  /**
   * All entries of a list that comes in pages.
   * @param {Operation} operation @param {string} field where the entries are
   * @param {Record<string, string | number>} [fields]
   * @returns {AsyncGenerator<any>}
   */
  async* entries(operation, field, fields = {}) {
    let after = null;
    do {
      const page = await this.ask(operation, undefined, { ...fields, ...(after !== null && { after }) });
      yield* page[field];
      after = page.next;
    } while (after !== null);
  }
}
