// The moderator console: a second connection of the same person, without media, that sees and commands.

import { Podium, PodiumError, storage } from '../podium.js';
import { api } from '../ui/api.js';
import { Permissions } from '../ui/permissions.js';
import { initTheme } from '../ui/theme.js';
import { showBlocked } from './blocked.js';
import { showBulk } from './bulk.js';
import { Directory } from './directory.js';
import { showDoor } from './door.js';
import { showEngage } from './engage.js';
import { showExports } from './exports.js';
import { openGate, showGate } from './gate.js';
import { showHeader } from './header.js';
import { wireKeyboard } from './keyboard.js';
import { showLog } from './log.js';
import { showQueue } from './queue.js';
import { showRemarks } from './remarks.js';
import { PeopleTable } from './table.js';
import { wireTabs } from './tabs.js';

const conference = decodeURIComponent(location.pathname.split('/')[2] ?? '');
const homeWay = { label: 'Start page', href: '/', testid: 'gate-home' };
const againWay = { label: 'Open again', run: () => location.reload(), primary: true, testid: 'gate-again' };

/**
 * Joins with the first token that is let in: the account's, or the one by which this browser is a guest here.
 * @param {boolean} takeOver
 * @returns {Promise<{podium: Podium, token: string}>}
 */
async function enter(takeOver) {
  const tokens = [storage.accountToken(), storage.guestToken(conference)].filter((token) => token !== null);
  /** @type {unknown} */
  let failure = new PodiumError('bad_token', 'The console needs to know who you are; then it shows what you may do.');
  for (const token of tokens) {
    const podium = new Podium({ token });
    try {
      await podium.connect();
      await podium.join(conference, { console: true, takeOver });
      return { podium, token };
    } catch (error) {
      podium.close();
      failure = error;
      if (!(error instanceof PodiumError && (error.code === 'no_access' || error.code === 'bad_token'))) break;
    }
  }
  throw failure;
}

/** @param {unknown} error */
function refuse(error) {
  const code = error instanceof PodiumError ? error.code : 'internal';
  const text = error instanceof PodiumError ? error.message : 'Something went wrong here; please try again.';
  if (code === 'bad_token') {
    const next = encodeURIComponent(`/console/${encodeURIComponent(conference)}`);
    showGate({
      title: 'Sign in to open the console',
      text,
      picture: 'key',
      ways: [{ label: 'Sign in', href: `/#next=${next}`, primary: true, testid: 'gate-sign-in' }],
    });
  } else if (code === 'already_in_conference') {
    showGate({
      title: 'You are in another conference',
      text: 'One is in one conference at a time. Opening this console leaves the other one.',
      picture: 'people',
      ways: [
        { label: 'Leave it and open this one', run: () => void start(true), primary: true, testid: 'gate-take-over' },
        homeWay,
      ],
    });
  } else if (code === 'company_disabled') {
    showGate({ ...OVER.company_disabled, text, ways: [againWay, homeWay] });
  } else showGate({ title: 'The console cannot be opened', text, picture: 'alert', ways: [againWay, homeWay] });
}

/** What stands on the page when it is over; the server's own sentence follows where there is no other. @type {Record<string, {title: string, text?: string, picture: string}>} */
const OVER = {
  conference_ended: {
    title: 'The conference has ended',
    text: 'Everybody has been told and disconnected. It opens again when an organizer comes back.',
    picture: 'end',
  },
  removed: { title: 'You were removed', picture: 'user-minus' },
  blocked: { title: 'You were blocked', picture: 'lock' },
  no_access: { title: 'You have no access any more', picture: 'lock' },
  taken_over: { title: 'Opened somewhere else', picture: 'expand' },
  bad_token: { title: 'Please sign in again', picture: 'key' },
  company_disabled: { title: 'Switched off for the moment', picture: 'lock' },
};

/** An organizer's joining opens an ended conference again for everybody: whoever may be one is asked first. */
async function begin() {
  const found = storage.accountToken() && (await api('GET', `/conferences/${encodeURIComponent(conference)}`).catch(() => null));
  if (found && !found.running) {
    showGate({
      title: 'This conference has ended',
      text: 'Open it again? Whoever has a link or an account with access can come in then.',
      picture: 'end',
      ways: [{ label: 'Open it again', run: () => void start(), primary: true, testid: 'gate-reopen' }, homeWay],
    });
  } else await start();
}

/** @param {boolean} [takeOver] */
async function start(takeOver = false) {
  try {
    const { podium, token } = await enter(takeOver);
    Object.assign(window, { podium });
    podium.addEventListener('closing', (message) => {
      const { code, message: text } = /** @type {CustomEvent} */ (message).detail;
      const over = OVER[code] ?? { title: 'The console is closed', picture: 'alert' };
      showGate({ ...over, text: over.text ?? text, ways: [againWay, homeWay] });
    });
    const permissions = new Permissions(podium);
    const directory = new Directory(podium);
    const table = new PeopleTable(podium, permissions, directory);
    showHeader(podium, permissions, token);
    wireKeyboard(table);
    showBulk(podium, permissions, table);
    showDoor(podium, permissions);
    showQueue(podium, permissions);
    showRemarks(podium, permissions);
    showBlocked(podium, permissions);
    showLog(podium);
    showExports(podium, token);
    showEngage(podium, permissions, token);
    openGate();
    table.draw();
    directory.read();
  } catch (error) {
    refuse(error);
  }
}

initTheme();
wireTabs();
void begin();
