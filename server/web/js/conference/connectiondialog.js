/** One's own connection while one looks at it: its grade, its path, and what each picture and sound takes. */

import { LinkMeter } from '../lib/linkmeter.js';
import { openDialog } from '../ui/dialog.js';
import { clear, h, setText } from '../ui/dom.js';
import { QualityBars, rateWord, scoreWord } from '../ui/quality.js';
import { Sparkline } from '../ui/sparkline.js';
import { sourceWord } from '../ui/words.js';

/** @typedef {import('../lib/linkmeter.js').Link} Link */
/** @typedef {import('../lib/linkmeter.js').LinkTrack} LinkTrack */
/** @typedef {{score?: number, rid?: string}} Told */

const EVERY_MS = 1000;
// Scores and layers are the server's to tell, which measures each two seconds.
const ASK_EACH = 2;

/** @param {import('./view.js').ConferenceView} view */
export async function openConnection(view) {
  const { podium } = view;
  const meter = new LinkMeter(podium.media);
  const bars = new QualityBars();
  const grade = h('p', { class: 'row row-s', data: { testid: 'connection-grade' } }, bars.node, h('span'));
  const up = new Direction('Sending', 'connection-up', 'Nothing is sent: that needs a place on the stage, or a turn to speak.', podium);
  const down = new Direction('Receiving', 'connection-down', 'Nothing is received: nobody sends.', podium);
  /** What the server knows of each track, by its name. @type {Map<string, Told>} */
  let told = new Map();
  let times = 0;
  const ask = async () => {
    const { result } = await podium.send('media.stats');
    told = new Map([...(result?.sent ?? []), ...(result?.received ?? [])].map((track) => [track.track, track]));
  };
  const draw = async () => {
    // Without an answer what the browser knows is shown.
    if (times % ASK_EACH === 0) void ask().catch(() => undefined);
    times += 1;
    const { publish, subscribe } = await meter.read();
    const known = podium.room?.quality.get(podium.room.you);
    bars.show(known, 'yourself');
    // The bars say poor and lost themselves.
    const words = !known ? 'Not measured yet.' : { excellent: 'Excellent', good: 'Good' }[/** @type {string} */ (known.grade)] ?? '';
    setText(/** @type {Element} */ (grade.lastElementChild), words);
    up.show(publish, (source) => told.get(`${podium.room?.you}/${source}`));
    down.show(subscribe, (name) => told.get(name));
  };
  await draw();
  const timer = window.setInterval(() => void draw(), EVERY_MS);
  await openDialog({
    title: 'Your connection',
    class: 'dialog-wide',
    testid: 'connection-dialog',
    body: h('div', { class: 'stack' }, grade, up.node, down.node),
    actions: [{ label: 'Done', kind: 'primary', testid: 'connection-done' }],
  });
  clearInterval(timer);
}

/** One of the two connections. */
class Direction {
  /** @param {string} title @param {string} testid @param {string} empty @param {import('../podium.js').Podium} podium */
  constructor(title, testid, empty, podium) {
    this.podium = podium;
    this.spark = new Sparkline();
    this.facts = h('dl', { class: 'facts' });
    this.rows = h('tbody');
    this.table = h('div', { class: 'table-wrap' }, h('table', { class: 'table' },
      h('caption', { class: 'sr-only' }, title),
      h('thead', {}, h('tr', {}, ['Track', 'Score', 'Rate', 'Picture', 'Lost', 'Jitter', 'Remarks'].map((word) => h('th', { scope: 'col' }, word)))), this.rows));
    this.empty = h('p', { class: 'hint' }, empty);
    this.node = h('section', { class: 'stack stack-s', data: { testid } }, h('div', { class: 'row row-between' }, h('h3', {}, title), this.spark.node), this.facts, this.table, this.empty);
  }

  /** @param {Link | null} link @param {(name: string) => Told | undefined} told what the server says of a track */
  show(link, told) {
    const tracks = (link?.tracks ?? []).filter(({ active }) => active);
    this.facts.hidden = link === null;
    this.table.hidden = tracks.length === 0;
    this.empty.hidden = tracks.length > 0;
    if (link && link.kbps >= 0) this.spark.push(link.kbps);
    if (!link) return;
    clear(this.facts).append(
      fact('State', link.state), fact('Path', link.path), fact('Rate', rateWord(link.kbps)),
      fact('Round trip', `${link.rttMs} ms`), fact('Lost', `${link.loss.toFixed(1)} %`));
    clear(this.rows).append(...tracks.map((track) => this.#row(track, told(track.name))));
  }

  /** @param {LinkTrack} track @param {Told | undefined} told */
  #row(track, told) {
    const [person, source] = track.name.includes('/') ? track.name.split('/') : ['', track.name];
    const what = sourceWord(source);
    const name = person ? `${this.podium.room?.name(person) ?? person}, ${what}` : `Your ${what}`;
    const picture = !track.width ? '' : `${track.width} × ${track.height}, ${Math.round(track.fps)} per second`;
    const layer = track.layer || told?.rid;
    const remarks = [
      track.codec, layer ? `layer ${layer}` : '',
      track.limited === 'bandwidth' ? 'made smaller for the network' : track.limited === 'cpu' ? 'made smaller for this computer' : '',
      track.stillMs >= 100 ? `stood still for ${(track.stillMs / 1000).toFixed(1)} s` : '',
    ];
    return h('tr', {}, h('th', { scope: 'row' }, name), h('td', { class: 'num' }, scoreWord(told?.score)), h('td', { class: 'num' }, rateWord(track.kbps)), h('td', { class: 'num' }, picture),
      h('td', { class: 'num' }, `${track.loss.toFixed(1)} %`), h('td', { class: 'num' }, `${Math.round(track.jitterMs)} ms`),
      h('td', { class: 'remarks' }, remarks.filter(Boolean).join(', ')));
  }
}

/** @param {string} name @param {string} value */
const fact = (name, value) => h('div', {}, h('dt', {}, name), h('dd', { class: 'num' }, value));
