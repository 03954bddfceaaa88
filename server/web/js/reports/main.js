// What a conference has left behind, at a glance: who was there when and for how long, who spoke, how connections were,
// what was written, asked and voted.

import { api } from '../ui/api.js';
import { byId } from '../ui/byid.js';
import { h } from '../ui/dom.js';
import { bars, key, overTime, shares } from '../ui/plot.js';
import { GRADES } from '../ui/quality.js';
import { chooseReport } from '../ui/reportfiles.js';
import { conference, openSheet } from '../ui/sheet.js';
import { plural } from '../ui/words.js';

/**
 * @typedef {object} Stay null is what was not measured
 * @property {string} identity
 * @property {string} name
 * @property {string} came
 * @property {string} left
 * @property {number} seconds
 * @property {number} speaking_seconds
 * @property {string | null} quality
 * @property {number | null} excellent_percent
 * @property {number | null} good_percent
 * @property {number | null} poor_percent
 * @property {number | null} lost_percent
 * @property {number | null} loss_percent
 * @property {number | null} worst_loss_percent
 * @property {number | null} rtt_ms
 */
/** @typedef {{ number: number, question: string, option: string, chosen: number, answers: number }} Option */

// The names that a plot has room for; the files have all.
const MOST = 30;

/** @param {number} seconds */
function lasting(seconds) {
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
}

/** @param {string} value @param {string} word */
const figure = (value, word) => h('div', { class: 'card sheet-figure' }, h('strong', { class: 'num' }, value), h('span', { class: 'hint' }, word));

/** @param {string} id @param {string} title @param {Node} plot @param {string} [hint] */
const card = (id, title, plot, hint) =>
  h(
    'section',
    { class: 'card card-pad stack', 'aria-labelledby': id, data: { testid: id } },
    h('div', {}, h('h2', { class: 'subtitle', id }, title), hint ? h('p', { class: 'hint' }, hint) : null),
    plot,
  );

/** @param {Stay[]} stays */
function presence(stays) {
  const now = Date.now();
  const ends = stays.map(({ left }) => (left ? Date.parse(left) : now));
  const until = Math.max(...ends);
  /** @type {[number, number][]} */
  const changes = stays.flatMap(({ came, left }) => [
    /** @type {[number, number]} */ ([Date.parse(came), 1]),
    ...(left ? [/** @type {[number, number]} */ ([Date.parse(left), -1])] : []),
  ]);
  let there = 0;
  let most = 0;
  for (const [, by] of [...changes].sort((a, b) => a[0] - b[0] || b[1] - a[1])) most = Math.max(most, (there += by));
  return { most, plot: overTime(changes, until, `People over time: at most ${most} at once.`) };
}

/** Each person's stays together, the longest first. @param {Stay[]} stays */
function perPerson(stays) {
  /** @type {Map<string, { name: string, seconds: number, spoke: number }>} */
  const people = new Map();
  for (const { identity, name, seconds, speaking_seconds } of stays) {
    const known = people.get(identity);
    people.set(identity, { name, seconds: (known?.seconds ?? 0) + seconds, spoke: (known?.spoke ?? 0) + speaking_seconds });
  }
  return [...people.values()].sort((a, b) => b.seconds - a.seconds);
}

/** A card of bars, the longest ones. @param {string} id @param {string} title @param {{ name: string, seconds: number }[]} people the longest first */
function timesCard(id, title, people) {
  const rows = people.slice(0, MOST).map(({ name, seconds }) => ({ name, value: seconds, text: lasting(seconds) }));
  const label = rows.map(({ name, text }) => `${name}: ${text}`).join(', ');
  return card(id, title, bars(rows, label), people.length > MOST ? `The longest ${MOST}; the files have all ${people.length}.` : undefined);
}

const KINDS = /** @type {const} */ (['excellent', 'good', 'poor', 'lost']);
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' });

/** The stays whose connection was measured, the worst first. @param {Stay[]} stays */
function connectionsCard(stays) {
  const worst = Object.keys(GRADES);
  const measured = stays
    .filter(({ quality }) => quality)
    .sort((a, b) => worst.indexOf(a.quality ?? '') - worst.indexOf(b.quality ?? '') || (b.loss_percent ?? 0) - (a.loss_percent ?? 0));
  const table = h(
    'div',
    { class: 'table-wrap', tabindex: 0, role: 'region', 'aria-labelledby': 'connections' },
    h(
      'table',
      { class: 'table' },
      h('thead', {}, h('tr', {}, ['Person', 'Spoke', 'Connection'].map((name) => h('th', { scope: 'col' }, name)))),
      h('tbody', {}, measured.slice(0, MOST).map(connectionRow)),
    ),
  );
  const hint = measured.length > MOST ? `The worst ${MOST}; the files have all ${measured.length}.` : 'Each stay, the worst first.';
  const content = h('div', { class: 'stack sheet-stays' }, key(KINDS.map((kind) => [kind, GRADES[kind]])), table);
  return card('connections', 'Connections', content, hint);
}

/** @param {Stay} stay */
function connectionRow(stay) {
  const grade = stay.quality ?? '';
  const parts = KINDS.map((kind) => ({ kind, share: stay[`${kind}_percent`] ?? 0 }));
  const label = parts.filter(({ share }) => share > 0).map(({ kind, share }) => `${GRADES[kind]} ${share} %`).join(', ');
  const from = clock.format(Date.parse(stay.came));
  const known = [
    stay.loss_percent !== null ? `${stay.loss_percent} % lost` : '',
    // A stay of less than a minute has no other one than itself.
    stay.worst_loss_percent !== null && stay.worst_loss_percent !== stay.loss_percent ? `worst minute ${stay.worst_loss_percent} %` : '',
    stay.rtt_ms !== null ? `${stay.rtt_ms} ms` : '',
  ];
  return h(
    'tr',
    {},
    h('th', { scope: 'row' }, stay.name, h('span', { class: 'hint' }, stay.left ? `${from} – ${clock.format(Date.parse(stay.left))}` : `since ${from}`)),
    h('td', { class: 'num' }, stay.speaking_seconds ? lasting(stay.speaking_seconds) : '–'),
    h(
      'td',
      {},
      h('span', { class: 'sheet-grade' }, h('span', { class: 'quality', data: { grade }, aria: { hidden: true } }, h('i'), h('i'), h('i')), GRADES[grade]),
      shares(parts, label),
      h('span', { class: 'hint' }, known.filter(Boolean).join(', ')),
    ),
  );
}

/** @param {Option[]} options */
function pollCards(options) {
  return [...grouped(options).values()].map((rows) => {
    const [{ number, question, answers }] = rows;
    const shown = rows.map(({ option, chosen }) => ({ name: option, value: chosen, text: String(chosen) }));
    const label = shown.map(({ name, text }) => `${name}: ${text}`).join(', ');
    return card(`poll-${number}`, question, bars(shown, label), plural(answers, 'answer'));
  });
}

/** @param {Option[]} options */
function grouped(options) {
  /** @type {Map<number, Option[]>} */
  const found = new Map();
  for (const one of options) found.set(one.number, [...(found.get(one.number) ?? []), one]);
  return found;
}

/** @param {string} token */
async function show(token) {
  const path = `/conferences/${encodeURIComponent(conference)}`;
  const report = (/** @type {string} */ name) => api('GET', `${path}/reports/${name}?format=json`, { token });
  const [glance, stays, chat, questions, polls] = await Promise.all([
    api('GET', path),
    ...['attendance', 'chat', 'questions', 'polls'].map(report),
  ]);
  document.title = `Reports of ${glance.title} · Podium`;
  byId('title', HTMLElement).textContent = glance.title;
  byId('summary', HTMLElement).textContent = glance.running ? 'As it is now.' : 'It has ended.';
  const download = byId('export', HTMLButtonElement);
  byId('recordings', HTMLAnchorElement).href = `/recordings/${encodeURIComponent(conference)}`;
  download.addEventListener('click', () => chooseReport(download, conference, token));
  const people = perPerson(stays);
  const { most, plot } = stays.length ? presence(stays) : { most: 0, plot: null };
  const total = people.reduce((sum, one) => sum + one.seconds, 0);
  const speakers = people.filter(({ spoke }) => spoke > 0).map(({ name, spoke }) => ({ name, seconds: spoke }));
  speakers.sort((a, b) => b.seconds - a.seconds);
  const spoken = speakers.reduce((sum, one) => sum + one.seconds, 0);
  byId('figures', HTMLElement).replaceChildren(
    figure(String(people.length), 'people'),
    figure(String(most), 'at once, at most'),
    figure(people.length ? lasting(Math.round(total / people.length)) : '–', 'there on average'),
    figure(spoken ? lasting(spoken) : '–', 'spoken'),
    figure(String(chat.length), 'messages'),
    figure(String(questions.length), 'questions'),
  );
  byId('plots', HTMLElement).replaceChildren(
    ...(plot ? [card('presence', 'People over time', plot)] : [h('p', { class: 'empty' }, 'Nobody was there yet.')]),
    ...(people.length ? [timesCard('people', 'How long', people)] : []),
    ...(speakers.length ? [timesCard('speaking', 'Who spoke', speakers)] : []),
    ...(stays.some((/** @type {Stay} */ { quality }) => quality) ? [connectionsCard(stays)] : []),
    ...pollCards(polls),
  );
}

void openSheet(show);
