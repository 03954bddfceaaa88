// Which people the table shows, and in which order. Pure: a room and a choice in, a list out.

import { GRADES } from '../ui/quality.js';

/** @typedef {import('../lib/shapes.js').Person} Person */
/** @typedef {import('../lib/room.js').Room} Room */

/** @typedef {'all' | 'stage' | 'asking' | 'away'} Filter */
/** @typedef {'place' | 'name' | 'role' | 'quality'} SortKey */
/** @typedef {{filter: Filter, search: string, sort: SortKey, descending: boolean}} Choice */

/** @type {{filter: Filter, word: string}[]} */
export const FILTERS = [
  { filter: 'all', word: 'All' },
  { filter: 'stage', word: 'On stage' },
  { filter: 'asking', word: 'Asking' },
  { filter: 'away', word: 'Away' },
];

/** @type {Record<Filter, (room: Room, person: Person) => boolean>} */
const SHOWN = {
  all: () => true,
  stage: (_, person) => person.on_stage,
  asking: (room, person) => room.queue.includes(person.id),
  away: (_, person) => person.away,
};

// The order of authority, for sorting only; what a role may do is the server's to say.
const ROLE_ORDER = ['organizer', 'moderator', 'speaker', 'guest_speaker', 'viewer'];
const GRADE_ORDER = Object.keys(GRADES);

/**
 * Where somebody is, as a number to sort by: the stage in order of taking, then the queue, the invited, the audience.
 * @param {Room} room
 * @param {Person} person
 */
function place(room, person) {
  if (person.on_stage) return room.stage.indexOf(person.id);
  const waiting = room.queuePosition(person.id);
  if (waiting) return 100 + waiting;
  return person.invited ? 1_000_000 : 2_000_000;
}

/** @type {Record<SortKey, (room: Room, person: Person) => number>} */
const RANKS = {
  place,
  name: () => 0,
  role: (_, person) => ROLE_ORDER.indexOf(person.role),
  // Worst first: that is what one sorts by quality for. Those without a measure go last.
  quality: (room, person) => {
    const grade = room.quality.get(person.id)?.grade;
    return grade ? GRADE_ORDER.indexOf(grade) : GRADE_ORDER.length;
  },
};

/** Letters without accents and case, so that `zoe` finds `Zoë`. @param {string} text */
const plain = (text) => text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();

const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' });

/**
 * @param {Room} room
 * @param {Choice} choice
 * @param {(role: string) => string} roleWord
 * @returns {Person[]}
 */
export function choose(room, choice, roleWord) {
  const wanted = plain(choice.search.trim()).split(/\s+/).filter(Boolean);
  /** @param {Person} person */
  const found = (person) => {
    const text = plain(`${person.name} ${roleWord(person.role)} ${person.kind}`);
    return wanted.every((word) => text.includes(word));
  };
  const rank = RANKS[choice.sort];
  const sign = choice.descending ? -1 : 1;
  return [...room.people.values()]
    .filter((person) => SHOWN[choice.filter](room, person) && found(person))
    .map((person) => ({ person, rank: rank(room, person) }))
    .sort(
      (a, b) =>
        sign * (a.rank - b.rank) ||
        (choice.sort === 'name' ? sign : 1) * collator.compare(a.person.name, b.person.name) ||
        (a.person.id < b.person.id ? -1 : 1),
    )
    .map(({ person }) => person);
}

/**
 * How many each filter would show.
 * @param {Room} room
 * @returns {Record<Filter, number>}
 */
export function counts(room) {
  let away = 0;
  for (const person of room.people.values()) if (person.away) away += 1;
  return { all: room.count, stage: room.stage.length, asking: room.queue.length, away };
}
