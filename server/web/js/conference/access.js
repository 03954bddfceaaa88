/**
 * With which identity one enters: an account where one is signed in, else the guest of this browser, else whoever an
 * invitation link makes one. The link's secret stands after `#` and leaves the address bar at once.
 */

import * as storage from '../lib/storage.js';
import { api } from '../ui/api.js';

/** @typedef {{kind: 'account' | 'guest' | 'invited' | 'nobody', name: string, token: string | null}} Access */

export class Door {
  /** @param {string} conference */
  constructor(conference) {
    this.conference = conference;
    const fragment = storage.takeFragment();
    // Kept for a reload of this tab, since the address bar no longer has it.
    const kept = storage.session(conference)?.invite;
    this.invite = fragment.get('invite') ?? (typeof kept === 'string' ? kept : null);
    if (this.invite) this.remember({ invite: this.invite });
    this.asGuest = false;
  }

  /** @param {Record<string, any>} more what this tab does here, beside what it remembers already */
  remember(more) {
    storage.setSession(this.conference, { ...storage.session(this.conference), ...more });
  }

  /** @returns {Record<string, any>} */
  get memory() {
    return storage.session(this.conference) ?? {};
  }

  /** @returns {Access} who one is here before anything was asked of the server */
  get access() {
    const account = alive(storage.accountToken());
    if (account && !this.asGuest) return { kind: 'account', name: storage.claims(account)?.name ?? '', token: account };
    const guest = alive(storage.guestToken(this.conference));
    if (guest) return { kind: 'guest', name: storage.claims(guest)?.name ?? '', token: guest };
    return { kind: this.invite ? 'invited' : 'nobody', name: '', token: null };
  }

  /**
   * The token to enter with; a guest's is asked of the server, so that they stay the same person on return.
   * @param {string} name
   * @returns {Promise<string>} rejects with `PodiumError`
   */
  async token(name) {
    const { kind, token } = this.access;
    if (kind === 'account' && token) return token;
    if (!this.invite && token) return token;
    const guest = await api('POST', '/guests', { body: { invite: this.invite, name, ...(token ? { token } : {}) } });
    storage.setGuestToken(this.conference, guest.token);
    return guest.token;
  }

  /** The token was refused: forget it, so that the next try does not fail in the same way. */
  forget() {
    if (this.access.kind === 'account') storage.setAccountToken(null);
    else storage.setGuestToken(this.conference, null);
  }

  /** @returns {Promise<{title: string, running: boolean, recorded?: boolean}>} what the door says before one is in */
  sign() {
    return api('GET', `/conferences/${encodeURIComponent(this.conference)}`);
  }
}

/** @param {string | null} token @returns {string | null} the token unless it has expired */
function alive(token) {
  const claims = storage.claims(token);
  return claims && (typeof claims.exp !== 'number' || claims.exp * 1000 > Date.now()) ? token : null;
}
