/**
 * The conference page from door to farewell: who one is, the join view, the conference, the last screen. A reload in
 * mid-conference goes straight back in, with the devices as they were: this tab remembers (sessionStorage).
 */

import { Podium, PodiumError, storage } from '../podium.js';
import { ask, closeDialogs } from '../ui/dialog.js';
import { find } from '../ui/dom.js';
import { initTheme } from '../ui/theme.js';
import { refusalText } from '../ui/words.js';
import { Door } from './access.js';
import { Capture } from './capture.js';
import { showFarewell } from './closing.js';
import { Embedded } from './embedded.js';
import { JoinView } from './joinview.js';
import { ConferenceView } from './view.js';

const conference = decodeURIComponent(location.pathname.split('/')[2] ?? '');
const screens = {
  loading: find('#loading', HTMLElement),
  join: find('#join', HTMLElement),
  conference: find('#conference', HTMLElement),
  closed: find('#closed', HTMLElement),
};
const door = new Door(conference);
const embedded = new URLSearchParams(location.search).get('embed') === '1' ? new Embedded() : null;
/** @type {ConferenceView | null} */
let view = null;
/** @type {JoinView | null} */
let joinView = null;
/** The devices of who is at the door, until they are handed to the conference. @type {Capture | null} */
let outside = null;
/** @type {{title: string, running: boolean, recorded?: boolean}} */
let sign = { title: '', running: false };

initTheme();
// A page from the browser's memory has lost its connections: begin again, straight inside where one was.
window.addEventListener('pageshow', (event) => event.persisted && location.reload());
// A guest link that is opened here while this page is open changes the fragment only. Who is inside needs none.
window.addEventListener('hashchange', () => {
  if (!/[#&]invite=/.test(location.hash)) return;
  if (view) storage.takeFragment();
  else location.reload();
});
void start(door.memory.inside === true);

/** @param {boolean} again straight in, without the join view */
async function start(again) {
  show('loading');
  const found = await door.sign().catch((error) => farewell({ code: error.code, message: error.message }));
  if (!found) return;
  sign = found;
  if (door.access.kind === 'nobody') {
    farewell({ code: 'nobody' });
    return;
  }
  document.title = `${sign.title} · Podium`;
  const capture = new Capture();
  if (again && (await returnInside(capture))) return;
  receive(capture);
  await capture.start();
}

/** The view at the door, before one is in or while one waits. @param {Capture} capture @param {Podium | null} [podium] */
function receive(capture, podium = null) {
  joinView = new JoinView({
    root: screens.join, capture, access: door.access, sign, name: door.memory.name ?? '',
    join: async (name, pin) => {
      await capture.settled();
      podium = await enter(capture, name, pin, false);
    },
    leave: () => {
      void podium?.leave();
      leave({ code: 'left' });
    },
  });
  show('join');
  return joinView;
}

/** @param {Capture} capture @returns {Promise<boolean>} false where the join view must ask for something first */
async function returnInside(capture) {
  capture.on = { audio: door.memory.audio === true, video: door.memory.video === true };
  try {
    // Without devices: the conference first, so that a slow camera keeps nobody out.
    if (capture.on.audio || capture.on.video || door.memory.devices) void capture.start();
    await capture.settled();
    await enter(capture, door.memory.name ?? '', door.memory.pin ?? '', true);
  } catch (error) {
    if (error instanceof PodiumError && error.code === 'wrong_pin') return false;
    capture.stop();
    farewell({ code: error instanceof PodiumError ? error.code : 'internal', message: refusalText(error) });
  }
  return true;
}

/**
 * Into the conference, or to its door. Rejects with `PodiumError` when that was not possible, and nothing is left open.
 * @param {Capture} capture @param {string} name @param {string} pin @param {boolean} takeOver
 * @returns {Promise<Podium>}
 */
async function enter(capture, name, pin, takeOver) {
  const podium = new Podium({ token: await door.token(name) });
  Object.assign(window, { podium });
  try {
    await podium.connect();
    await join(podium, name, pin, takeOver);
  } catch (error) {
    podium.close();
    if (error instanceof PodiumError && ['bad_token', 'link_revoked'].includes(error.code)) door.forget();
    if (error instanceof PodiumError && error.code === 'no_access' && door.invite && !door.asGuest) {
      // The account has no access, the link has: enter as the guest it invites.
      door.asGuest = true;
      return enter(capture, name || podium.name, pin, takeOver);
    }
    throw error;
  }
  door.remember({ inside: true, name, pin, devices: Boolean(capture.tracks.audio || capture.tracks.video) });
  podium.addEventListener('closing', (event) => leave(/** @type {CustomEvent} */ (event).detail));
  podium.addEventListener('waiting', () => hold(podium));
  podium.addEventListener('admitted', () => void inside(podium));
  outside = capture;
  if (podium.waiting) hold(podium);
  else await inside(podium);
  return podium;
}

/** One waits: on coming, or sent out because the conference is outside back. @param {Podium} podium */
function hold(podium) {
  if (!podium.waiting) return;
  view?.close();
  view = null;
  closeDialogs();
  if (!outside) {
    outside = new Capture();
    outside.on = { audio: podium.media.wants.audio, video: podium.media.wants.video };
    void outside.start();
  }
  (joinView ?? receive(outside, podium)).wait(podium.waiting);
}

/** @param {Podium} podium */
async function inside(podium) {
  const capture = outside ?? new Capture();
  outside = null;
  joinView?.close();
  joinView = null;
  view = new ConferenceView({ root: screens.conference, podium, door, capture, leave });
  show('conference');
  embedded?.joined(podium);
  await view.takePlace();
}

/** @param {Podium} podium @param {string} name @param {string} pin @param {boolean} takeOver */
async function join(podium, name, pin, takeOver) {
  const options = { pin, ...(door.access.kind === 'account' ? {} : { name }) };
  try {
    await podium.join(conference, { ...options, takeOver });
  } catch (error) {
    if (!(error instanceof PodiumError) || error.code !== 'already_in_conference') throw error;
    const sure = await ask({
      title: 'You are already in a conference',
      text: 'One person can be in one conference at a time. Joining here closes the other page.',
      confirm: 'Join here',
    });
    if (!sure) throw error;
    await podium.join(conference, { ...options, takeOver: true });
  }
}

/** @param {{code: string, message?: string, note?: string}} closing the conference is over for this page */
function leave(closing) {
  const note = view?.note;
  const reopens = view?.reopens;
  view?.close();
  view = null;
  joinView?.close();
  joinView = null;
  outside?.stop();
  outside = null;
  door.remember({ inside: false });
  farewell({ note, reopens, ...closing });
}

/** @param {import('./closing.js').Closing} closing */
function farewell(closing) {
  embedded?.left(closing.code);
  closeDialogs();
  showFarewell(screens.closed, closing, () => void start(false));
  show('closed');
}

/** @param {keyof typeof screens} name */
function show(name) {
  for (const [key, screen] of Object.entries(screens)) screen.hidden = key !== name;
}
