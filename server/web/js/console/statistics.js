// What somebody sends and receives, as the media worker measures it, while one looks at it.

import { openDialog } from '../ui/dialog.js';
import { clear, h, setText } from '../ui/dom.js';
import { QualityBars, qualityLines, rateWord, scoreWord } from '../ui/quality.js';
import { Sparkline } from '../ui/sparkline.js';
import { plural, refusalText, sourceWord } from '../ui/words.js';

/** @typedef {import('../podium.js').Podium} Podium */
/** @typedef {import('../lib/shapes.js').Person} Person */
/** @typedef {import('../types.js').Statistics} Statistics */

const EVERY_MS = 2000;
const SENT = ['Track', 'Score', 'Rate', '', 'Layers', 'Lost', 'Jitter', 'Viewers', 'Remarks'];
const RECEIVED = ['Track', 'Score', 'Rate', '', 'Picture', 'Lost', 'Jitter', 'Repeated', 'Remarks'];

/**
 * @param {Podium} podium
 * @param {Person} person
 */
export async function statisticsDialog(podium, person) {
  const bars = new QualityBars();
  const words = h('span', {});
  const trouble = h('p', { class: 'error-text', role: 'alert', hidden: true });
  const up = new Part(`${person.name} sends`, SENT, 'stats-sent');
  const down = new Part(`${person.name} receives`, RECEIVED, 'stats-received');
  /** @type {Statistics | null} */
  let before = null;
  let open = true;
  const draw = async () => {
    try {
      const { result } = await podium.send('media.stats', { target: person.id });
      const found = /** @type {Statistics} */ (result);
      const known = podium.room?.quality.get(person.id);
      bars.show(known, person.name);
      setText(words, known ? qualityLines(known).slice(known.grade === 'good' || known.grade === 'excellent' ? 0 : 1).join(' · ') : 'Not measured yet');
      const name = (/** @type {string} */ id) => podium.room?.name(id) ?? id;
      up.show(found.up, sentRows(found, before), found.sent?.length ? '' : 'They send nothing.');
      down.show(found.down, receivedRows(found, before, name), found.received?.length ? '' : 'They receive nothing.');
      before = found;
      trouble.hidden = true;
    } catch (error) {
      trouble.hidden = false;
      setText(trouble, refusalText(error));
    }
    if (open) timer = window.setTimeout(() => void draw(), EVERY_MS);
  };
  let timer = 0;
  void draw();
  await openDialog({
    title: `Connection of ${person.name}`,
    class: 'dialog-wide',
    testid: 'statistics-dialog',
    body: h('div', { class: 'stack' }, h('p', { class: 'row row-s' }, bars.node, words), trouble, up.node, down.node),
    actions: [{ label: 'Done', kind: 'primary', testid: 'statistics-done' }],
  });
  open = false;
  clearTimeout(timer);
}

/** @typedef {{name: string, score: number, kbps: number, picture: string, loss: number, jitterMs: number, count: number, remarks: (string | false | 0 | undefined)[]}} Line */

/** @param {Statistics} now @param {Statistics | null} before @returns {Line[]} */
function sentRows(now, before) {
  return (now.sent ?? []).map((track) => {
    const former = before?.sent?.find((one) => one.track === track.track);
    const layers = (track.layers ?? []).filter(({ live }) => live);
    return {
      name: capital(sourceWord(track.track.split('/')[1])),
      score: track.score ?? 0,
      kbps: rate(track.received_bytes, former?.received_bytes, now.at, before?.at),
      picture: layers.map((one) => [one.rid, size(one), rateWord(one.kbps)].filter(Boolean).join(', ')).join('; '),
      loss: track.loss ?? 0,
      jitterMs: track.jitter_ms ?? 0,
      count: track.viewers ?? 0,
      remarks: [
        track.open === false && 'muted: not forwarded',
        track.codec ?? '',
        track.repaired && `${plural(track.repaired, 'packet')} repaired`,
        track.keyframes_asked && `${plural(track.keyframes_asked, 'key frame')} asked for`,
        track.still_ms && `stood still for ${track.still_ms} ms`,
      ],
    };
  });
}

/** @param {Statistics} now @param {Statistics | null} before @param {(id: string) => string} person @returns {Line[]} */
function receivedRows(now, before, person) {
  return (now.received ?? []).map((track) => {
    const former = before?.received?.find((one) => one.track === track.track);
    const [whose, source] = track.track.split('/');
    return {
      name: `${person(whose)}, ${sourceWord(source)}`,
      score: track.score ?? 0,
      kbps: rate(track.bytes, former?.bytes, now.at, before?.at),
      picture: [track.rid, size(track)].filter(Boolean).join(' '),
      loss: track.loss ?? -1,
      jitterMs: track.jitter_ms ?? -1,
      count: track.repeated ?? 0,
      remarks: [
        !track.flowing && 'nothing is sent to them now',
        track.wanted && track.wanted !== track.rid && `changes to ${track.wanted}`,
        track.keyframes_asked && `${plural(track.keyframes_asked, 'key frame')} asked for`,
      ],
    };
  });
}

/** Bits per second between two answers, in thousands. @param {number} bytes @param {number | undefined} former @param {number} at @param {number | undefined} since */
function rate(bytes, former, at, since) {
  if (former === undefined || since === undefined || at <= since || bytes < former) return -1;
  return ((bytes - former) * 8) / (at - since);
}

/** @param {{width?: number, height?: number, fps?: number}} picture */
function size({ width, height, fps }) {
  const words = [];
  if (width && height) words.push(`${width} × ${height}`);
  if (fps) words.push(`${Math.round(fps)} per second`);
  return words.join(', ');
}

/** @param {string} word */
const capital = (word) => word.charAt(0).toUpperCase() + word.slice(1);

/** One direction: its connection in a line, its tracks as a table. */
class Part {
  /** @type {Map<string, Sparkline>} */ #sparks = new Map();

  /** @param {string} title @param {string[]} columns @param {string} testid */
  constructor(title, columns, testid) {
    this.line = h('p', { class: 'hint' });
    this.empty = h('p', { class: 'hint' });
    this.rows = h('tbody');
    const heads = columns.map((word) => h('th', { scope: 'col' }, word || h('span', { class: 'sr-only' }, 'Rate over time')));
    this.table = h('div', { class: 'table-wrap' }, h('table', { class: 'table' }, h('caption', { class: 'sr-only' }, title), h('thead', {}, h('tr', {}, heads)), this.rows));
    this.node = h('section', { class: 'stack stack-s', data: { testid } }, h('h3', {}, title), this.line, this.table, this.empty);
  }

  /** @param {import('../types.js').PathReport | null | undefined} path @param {Line[]} lines @param {string} empty */
  show(path, lines, empty) {
    setText(this.line, path ? pathWords(path).join(' · ') : 'No connection');
    setText(this.empty, empty);
    this.empty.hidden = !empty || !path;
    this.table.hidden = lines.length === 0;
    clear(this.rows).append(...lines.map((line) => this.#row(line)));
  }

  /** @param {Line} line */
  #row(line) {
    const spark = this.#sparks.get(line.name) ?? new Sparkline();
    this.#sparks.set(line.name, spark);
    if (line.kbps >= 0) spark.push(line.kbps);
    return h('tr', {}, h('th', { scope: 'row' }, line.name), h('td', { class: 'num' }, scoreWord(line.score)), h('td', { class: 'num' }, rateWord(line.kbps)),
      h('td', {}, spark.node), h('td', { class: 'num' }, line.picture), h('td', { class: 'num' }, line.loss < 0 ? '–' : `${line.loss.toFixed(1)} %`),
      h('td', { class: 'num' }, line.jitterMs < 0 ? '–' : `${Math.round(line.jitterMs)} ms`), h('td', { class: 'num' }, line.count),
      h('td', { class: 'remarks' }, line.remarks.filter(Boolean).join(', ')));
  }
}

/** @param {import('../types.js').PathReport} path @returns {string[]} */
function pathWords(path) {
  const words = [(path.network ?? 'udp').toUpperCase()];
  if (path.state && path.state !== 'connected') words.push(path.state);
  if ((path.rtt_ms ?? -1) >= 0) words.push(`${path.rtt_ms} ms round trip`);
  if ((path.loss ?? -1) >= 0) words.push(`${(path.loss ?? 0).toFixed(1)} % lost`);
  if (path.score) words.push(`score ${scoreWord(path.score)} of 5`);
  if (path.kbps_limit) words.push(`carries about ${rateWord(path.kbps_limit)}`);
  if ((path.silent_ms ?? 0) > 3000) words.push(`silent for ${Math.round((path.silent_ms ?? 0) / 1000)} s`);
  return words;
}
