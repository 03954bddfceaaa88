/**
 * The conference page from door to farewell: who one is, the join view, the conference, the last screen. A reload in
 * mid-conference goes straight back in, with the devices as they were: this tab remembers (sessionStorage).
 */

import { Podium, PodiumError } from '../podium.js';
import { ask, closeDialogs } from '../ui/dialog.js';
import { find } from '../ui/dom.js';
import { initTheme } from '../ui/theme.js';
import { refusalText } from '../ui/words.js';
import { Door } from './access.js';
import { Capture } from './capture.js';
import { showFarewell } from './closing.js';
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
/** @type {ConferenceView | null} */
let view = null;

initTheme();
// A page from the browser's memory has lost its connections: begin again, straight inside where one was.
window.addEventListener('pageshow', (event) => event.persisted && location.reload());
void start(door.memory.inside === true);

/** @param {boolean} again straight in, without the join view */
async function start(again) {
  show('loading');
  const sign = await door.sign().catch((error) => farewell({ code: error.code, message: error.message }));
  if (!sign) return;
  const { access } = door;
  if (access.kind === 'nobody') {
    farewell({ code: 'nobody' });
    return;
  }
  document.title = `${sign.title} · Podium`;
  const capture = new Capture();
  if (again) {
    await returnInside(capture);
    return;
  }
  const joinView = new JoinView({
    root: screens.join, capture, access, title: sign.title, running: sign.running, name: door.memory.name ?? '',
    join: async (name) => {
      await capture.settled();
      await enter(capture, name, false);
      joinView.close();
    },
  });
  show('join');
  await capture.start();
}

/** @param {Capture} capture */
async function returnInside(capture) {
  capture.on = { audio: door.memory.audio === true, video: door.memory.video === true };
  try {
    // Without devices: the conference first, so that a slow camera keeps nobody out.
    if (capture.on.audio || capture.on.video || door.memory.devices) void capture.start();
    await capture.settled();
    await enter(capture, door.memory.name ?? '', true);
  } catch (error) {
    capture.stop();
    farewell({ code: error instanceof PodiumError ? error.code : 'internal', message: refusalText(error) });
  }
}

/**
 * Into the conference. Rejects with `PodiumError` when that was not possible, and nothing is left open then.
 * @param {Capture} capture @param {string} name @param {boolean} takeOver
 */
async function enter(capture, name, takeOver) {
  const podium = new Podium({ token: await door.token(name) });
  Object.assign(window, { podium });
  try {
    await podium.connect();
    await join(podium, name, takeOver);
  } catch (error) {
    podium.close();
    if (error instanceof PodiumError && error.code === 'bad_token') door.forget();
    if (error instanceof PodiumError && error.code === 'no_access' && door.invite && !door.asGuest) {
      // The account has no access, the link has: enter as the guest it invites.
      door.asGuest = true;
      await enter(capture, name || podium.name, takeOver);
      return;
    }
    throw error;
  }
  door.remember({ inside: true, name, devices: Boolean(capture.tracks.audio || capture.tracks.video) });
  podium.addEventListener('closing', (event) => leave(/** @type {CustomEvent} */ (event).detail));
  view = new ConferenceView({ root: screens.conference, podium, door, capture, leave });
  show('conference');
  await view.takePlace();
}

/** @param {Podium} podium @param {string} name @param {boolean} takeOver */
async function join(podium, name, takeOver) {
  const options = door.access.kind === 'account' ? {} : { name };
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
  view?.close();
  view = null;
  door.remember({ inside: false });
  farewell({ note, ...closing });
}

/** @param {{code: string, message?: string, note?: string}} closing */
function farewell(closing) {
  closeDialogs();
  showFarewell(screens.closed, closing, () => void start(false));
  show('closed');
}

/** @param {keyof typeof screens} name */
function show(name) {
  for (const [key, screen] of Object.entries(screens)) screen.hidden = key !== name;
}
