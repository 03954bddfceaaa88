// The recordings of a conference: what there is, seen and heard here, saved, or deleted by whoever may.

import { api } from '../ui/api.js';
import { byId } from '../ui/byid.js';
import { ask, openDialog } from '../ui/dialog.js';
import { h, icon } from '../ui/dom.js';
import { conference, openSheet } from '../ui/sheet.js';
import { toast } from '../ui/toast.js';
import { momentWord, plural, refusalText, sourceWord } from '../ui/words.js';

/** @typedef {{ name: string, bytes: number, person: string, label: string, source: string, codec: string, begins: number, seconds: number }} RecordedFile */
/** @typedef {{ number: number, began: number, ended: number, reason: string, bytes: number, files: RecordedFile[] }} Recorded */

const PATH = `/conferences/${encodeURIComponent(conference)}`;
// A recording that runs grows; what is on the page is a few kilobytes.
const REFRESH_MS = 10_000;
const ICONS = /** @type {Record<string, string>} */ ({ audio: 'mic', video: 'camera', screen: 'screen', screen_audio: 'volume' });
const ENDS = /** @type {Record<string, string>} */ ({
  too_large: 'It ended by itself: the recordings of a conference may take no more space.',
  disk_full: 'It ended by itself: the disk of the server was nearly full.',
  too_slow: 'It ended by itself: the disk of the server was too slow.',
  failed: 'It ended by itself: the server could not write it.',
});

/** @param {number} seconds */
function lasting(seconds) {
  const whole = Math.round(seconds);
  const minutes = Math.floor(whole / 60);
  const end = String(whole % 60).padStart(2, '0');
  return minutes < 60 ? `${minutes}:${end}` : `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, '0')}:${end}`;
}

/** @param {number} bytes */
function size(bytes) {
  const units = ['kB', 'MB', 'GB', 'TB'];
  let value = bytes / 1000;
  while (value >= 1000 && units.length > 1) {
    value /= 1000;
    units.shift();
  }
  return `${value >= 100 || units[0] === 'kB' ? Math.round(value) : value.toFixed(1)} ${units[0]}`;
}

/** @param {RecordedFile} file */
function nameOf(file) {
  const page = /^slides-\d+-(\d+)\.webp$/.exec(file.name);
  if (page) return `Slides: page ${page[1]}`;
  if (!file.source) return file.name === 'timeline.jsonl' ? 'What happened, as lines of JSON' : 'Whose the files are, as lines of JSON';
  return `${file.label || file.person}: ${sourceWord(file.source)}`;
}

/**
 * @param {string} token
 * @param {Recorded} recording
 * @param {RecordedFile} file
 * @param {boolean} play
 * @returns {Promise<string>} where the file is for this browser, once
 */
async function address(token, recording, file, play) {
  const path = `${PATH}/recordings/${recording.number}/${encodeURIComponent(file.name)}/ticket?play=${play}`;
  return (await api('POST', path, { token })).path;
}

/** @param {string} token @param {Recorded} recording @param {RecordedFile} file */
async function save(token, recording, file) {
  try {
    const link = document.createElement('a');
    link.href = await address(token, recording, file, false);
    link.download = '';
    link.click();
  } catch (error) {
    toast(refusalText(error), { kind: 'danger' });
  }
}

/** @param {string} token @param {Recorded} recording @param {RecordedFile} file */
async function play(token, recording, file) {
  try {
    const sound = file.source === 'audio' || file.source === 'screen_audio';
    const player = h(sound ? 'audio' : 'video', {
      class: 'sheet-player',
      src: await address(token, recording, file, true),
      controls: true,
      autoplay: true,
      aria: { label: nameOf(file) },
      data: { testid: 'recording-player' },
    });
    const problem = h('p', { class: 'sheet-error', role: 'alert' });
    player.addEventListener('error', () => {
      problem.textContent = 'This browser cannot play it; download it instead.';
    });
    await openDialog({ title: nameOf(file), body: [player, problem], class: 'dialog-wide', testid: 'recording-play' });
    // Otherwise the rest of the file would still be fetched.
    player.removeAttribute('src');
    /** @type {HTMLMediaElement} */ (player).load();
  } catch (error) {
    toast(refusalText(error), { kind: 'danger' });
  }
}

/** @param {string} token @param {Recorded} recording @param {() => Promise<void>} refresh */
async function remove(token, recording, refresh) {
  const sure = await ask({
    title: `Delete recording ${recording.number}?`,
    text: `${plural(recording.files.length, 'file')} of ${size(recording.bytes)} from ${momentWord(recording.began)} will be gone for good.`,
    confirm: 'Delete',
    danger: true,
  });
  if (!sure) return;
  try {
    await api('DELETE', `${PATH}/recordings/${recording.number}`, { token });
    toast('The recording was deleted.', { kind: 'ok' });
  } catch (error) {
    toast(refusalText(error), { kind: 'danger' });
  }
  await refresh();
  byId('title', HTMLElement).focus();
}

/** @param {string} token @param {Recorded} recording @param {RecordedFile} file */
function row(token, recording, file) {
  const name = nameOf(file);
  const key = `${recording.number} ${file.name}`;
  const facts = [file.seconds ? lasting(file.seconds) : '', size(file.bytes)].filter(Boolean).join(' · ');
  // Browsers play WebM; Matroska with H.264 is for players.
  const plays = file.source && file.name.endsWith('.webm');
  return h(
    'li',
    { class: 'sheet-item', data: { testid: 'recording-file', file: file.name } },
    icon(ICONS[file.source] ?? (file.name.endsWith('.webp') ? 'image' : 'list')),
    h('span', { class: 'sheet-who' }, h('span', {}, name), h('span', { class: 'hint num' }, facts)),
    plays &&
      h(
        'button',
        { class: 'btn btn-sm', type: 'button', data: { testid: 'recording-play-file', key: `play ${key}` }, on: { click: () => void play(token, recording, file) } },
        icon('play', 'icon-sm'),
        'Play',
        h('span', { class: 'sr-only' }, ` ${name}`),
      ),
    h(
      'button',
      { class: 'btn btn-sm', type: 'button', data: { testid: 'recording-save', key: `save ${key}` }, on: { click: () => void save(token, recording, file) } },
      icon('download', 'icon-sm'),
      'Download',
      h('span', { class: 'sr-only' }, ` ${name}`),
    ),
  );
}

/**
 * @param {string} token
 * @param {Recorded} recording
 * @param {{ running: number, deletes: boolean }} list
 * @param {() => Promise<void>} refresh
 */
function card(token, recording, list, refresh) {
  const runs = recording.number === list.running;
  const cut = !runs && !recording.ended;
  const id = `recording-${recording.number}`;
  const tracks = recording.files.filter((file) => file.source);
  const facts = [
    recording.ended && !runs ? lasting((recording.ended - recording.began) / 1000) : '',
    size(recording.bytes),
    plural(tracks.length, 'track'),
  ];
  const order = [...recording.files].sort((a, b) => Number(!a.source) - Number(!b.source));
  return h(
    'section',
    { class: 'stack', 'aria-labelledby': id, data: { testid: 'recording-card' } },
    h(
      'div',
      { class: 'row row-between row-wrap' },
      h(
        'div',
        {},
        h(
          'div',
          { class: 'row row-s row-wrap' },
          h('h2', { class: 'subtitle', id }, `Recording ${recording.number}`),
          runs && h('span', { class: 'badge badge-danger' }, icon('record', 'icon-sm'), 'Running'),
          cut && h('span', { class: 'badge badge-warn' }, 'Cut off'),
        ),
        h('p', { class: 'hint num' }, [recording.began ? momentWord(recording.began) : '', ...facts].filter(Boolean).join(' · ')),
        ENDS[recording.reason] ? h('p', { class: 'hint' }, ENDS[recording.reason]) : null,
      ),
      list.deletes &&
        !runs &&
        h(
          'button',
          {
            class: 'btn btn-sm',
            type: 'button',
            data: { testid: 'recording-delete', key: `delete ${recording.number}` },
            on: { click: () => void remove(token, recording, refresh) },
          },
          icon('trash', 'icon-sm'),
          'Delete',
          h('span', { class: 'sr-only' }, ` recording ${recording.number}`),
        ),
    ),
    h('ul', { class: 'sheet-rows' }, order.map((file) => row(token, recording, file))),
  );
}

/** @param {string} token */
async function show(token) {
  const glance = await api('GET', PATH);
  document.title = `Recordings of ${glance.title} · Podium`;
  byId('title', HTMLElement).textContent = glance.title;
  let drawn = '';
  const refresh = async () => {
    const list = await api('GET', `${PATH}/recordings`, { token });
    const state = JSON.stringify(list);
    if (state === drawn) return;
    drawn = state;
    /** @type {Recorded[]} */
    const recordings = list.recordings.toReversed();
    const total = recordings.reduce((sum, one) => sum + one.bytes, 0);
    byId('summary', HTMLElement).textContent = recordings.length ? `${plural(recordings.length, 'recording')}, ${size(total)}.` : '';
    const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset.key : undefined;
    const none = h('p', { class: 'empty' }, icon('record'), 'Nothing was recorded yet. Whoever may record finds the button in the console.');
    byId('list', HTMLElement).replaceChildren(...(recordings.length ? recordings.map((one) => card(token, one, list, refresh)) : [none]));
    for (const element of focused ? document.querySelectorAll('[data-key]') : []) {
      if (element instanceof HTMLElement && element.dataset.key === focused) element.focus();
    }
  };
  await refresh();
  setInterval(() => document.visibilityState === 'visible' && refresh().catch(() => {}), REFRESH_MS);
}

void openSheet(show);
