/**
 * What a browser keeps between pages: the account's token and guests' tokens for ever (localStorage), what one tab
 * was doing until the tab closes (sessionStorage). Storage may be forbidden: then nothing is kept and all goes on.
 */

const ACCOUNT = 'podium.token';
const GUEST = 'podium.guest.';
const SESSION = 'podium.session.';
const CHOICES = 'podium.choices';
const READ = 'podium.read.';

/** @param {'localStorage' | 'sessionStorage'} where @param {string} key @returns {string | null} */
function read(where, key) {
  try {
    return window[where].getItem(key);
  } catch {
    return null;
  }
}

/** @param {'localStorage' | 'sessionStorage'} where @param {string} key @param {string | null} value */
function write(where, key, value) {
  try {
    if (value === null) window[where].removeItem(key);
    else window[where].setItem(key, value);
  } catch {
    // Private modes forbid storage; a page without memory is better than no page.
  }
}

/** @param {string | null} text @returns {Record<string, any> | null} */
function parse(text) {
  try {
    const value = text === null ? null : JSON.parse(text);
    return value !== null && typeof value === 'object' ? value : null;
  } catch {
    return null;
  }
}

/** @returns {string | null} */
export const accountToken = () => read('localStorage', ACCOUNT);

/** @param {string | null} token */
export const setAccountToken = (token) => write('localStorage', ACCOUNT, token);

/** @param {string} conference @returns {string | null} */
export const guestToken = (conference) => read('localStorage', GUEST + conference);

/** @param {string} conference @param {string | null} token */
export const setGuestToken = (conference, token) => write('localStorage', GUEST + conference, token);

/** What this tab was doing in a conference; present only while it is (or was, before a reload) in it. @param {string} conference */
export const session = (conference) => parse(read('sessionStorage', SESSION + conference));

/** @param {string} conference @param {Record<string, any> | null} value */
export const setSession = (conference, value) =>
  write('sessionStorage', SESSION + conference, value === null ? null : JSON.stringify(value));

/** The devices chosen last, for all conferences. @returns {Record<string, any>} */
export const choices = () => parse(read('localStorage', CHOICES)) ?? {};

/** @param {Record<string, any>} value */
export const setChoices = (value) => write('localStorage', CHOICES, JSON.stringify(value));

/**
 * How far somebody has read what others wrote to them alone: by the other, the number of the last message.
 * @param {string} conference @param {string} person @returns {Record<string, number>}
 */
export const readAlone = (conference, person) => parse(read('localStorage', `${READ}${conference}.${person}`)) ?? {};

/** @param {string} conference @param {string} person @param {Record<string, number>} value */
export const setReadAlone = (conference, person, value) => write('localStorage', `${READ}${conference}.${person}`, JSON.stringify(value));

/**
 * The part of the address after `#`, where links carry their secrets, taken out of the address bar and the history.
 * @returns {URLSearchParams}
 */
export function takeFragment() {
  const found = new URLSearchParams(location.hash.slice(1));
  if (location.hash) history.replaceState(history.state, '', location.pathname + location.search);
  return found;
}

/**
 * The claims of a token, unproven: good for showing a name and seeing an expiry, nothing else.
 * @param {string | null} token
 * @returns {Record<string, any> | null}
 */
export function claims(token) {
  try {
    const part = (token ?? '').split('.')[1].replaceAll('-', '+').replaceAll('_', '/');
    return parse(new TextDecoder().decode(Uint8Array.from(atob(part), (letter) => letter.charCodeAt(0))));
  } catch {
    return null;
  }
}
