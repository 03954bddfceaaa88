// What every section of the control panel works with: who one is, what one may do, and the way to the server.

import { PodiumError } from '../lib/errors.js';
import { api } from '../ui/api.js';
import { allowedOf } from '../ui/panelneeds.js';
import { toast } from '../ui/toast.js';
import { refusalText } from '../ui/words.js';

/** @typedef {{ id: string, name: string, login: string, server_role: string, has_password: boolean }} Account */
/** @typedef {{ name: string, description: string, time_zone: string, enabled: boolean, logo: string | null }} Profile */
/** @typedef {{ id: string, name: string, login: string, server_role: string, created: number, values: Record<string, string>, may: string[] }} Person */
/** @typedef {{ id: string, name: string, kind: 'text' | 'number' | 'choice' | 'date', choices: string[], creator: string, may: string[] }} Attribute */

/** Nobody comes in with these: the page ends. */
const ENDED = new Set(['bad_token', 'company_disabled']);

export class Panel {
  /** @type {Set<string>} */ #allowed = new Set();
  /** @type {(error: PodiumError) => void} */ #ended;

  /**
   * @param {string} token
   * @param {Account} account
   * @param {(error: PodiumError) => void} ended the server lets one in no more
   */
  constructor(token, account, ended) {
    this.token = token;
    this.account = account;
    this.#ended = ended;
    /** The roles on the server that one may give to others. @type {string[]} */
    this.gives = [];
  }

  /** Whether the server said that one may do it. @param {string} action a row of `GET /workspace/can` */
  may(action) {
    return this.#allowed.has(action);
  }

  /** Asks again what one may do: somebody may have changed one's role a moment ago. */
  async ask() {
    const rights = await this.call('GET', '/can');
    this.#allowed = allowedOf(rights);
    this.gives = rights.gives;
  }

  /**
   * @param {'GET' | 'POST' | 'PUT' | 'DELETE'} method
   * @param {string} path below /api/v1/workspace
   * @param {Record<string, any> | Blob} [body]
   * @returns {Promise<any>} rejects with `PodiumError`
   */
  call(method, path, body) {
    return this.request(method, `/workspace${path}`, body);
  }

  /**
   * @param {'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'} method
   * @param {string} path below /api/v1
   * @param {Record<string, any> | Blob} [body]
   * @returns {Promise<any>} rejects with `PodiumError`
   */
  async request(method, path, body) {
    try {
      return await api(method, path, { token: this.token, body });
    } catch (error) {
      if (error instanceof PodiumError && ENDED.has(error.code)) this.#ended(error);
      throw error;
    }
  }

  /**
   * Does it, and says why when it was refused.
   * @param {() => Promise<unknown>} work
   * @param {string} [done] what is said when it was not
   * @returns {Promise<boolean>} whether it is done
   */
  async attempt(work, done) {
    try {
      await work();
    } catch (error) {
      toast(refusalText(error), { kind: 'danger' });
      return false;
    }
    if (done) toast(done, { kind: 'ok' });
    return true;
  }
}
