/**
 * Questions, polls and links as somebody sees them who looks at all of them: fetched by pages when they are first
 * looked at, and kept in step by the events since. What is on the stage the room itself knows (lib/entries.js).
 */

import { patiently } from '../lib/patiently.js';

/** @typedef {import('../podium.js').Podium} Podium */
/** @typedef {import('../types.js').Question} Question */
/** @typedef {import('../types.js').Poll} Poll */
/** @typedef {import('../types.js').Link} Link */
/** @typedef {'question' | 'poll' | 'link'} Kind */

const PAGE = 50;
/** What of the whole may be another one afterwards: what one sees follows from one's role and the settings. */
const ANEW = new Set(['role.assigned', 'conference.settings_changed']);

/** @template T @param {Map<number, T>} map @param {number} number @param {Partial<T>} change */
function amend(map, number, change) {
  const known = map.get(number);
  if (known) map.set(number, { ...known, ...change });
}

/** Events (`change`, with the kind as `detail`): a list is other than before. */
export class Lists extends EventTarget {
  /** @type {Map<number, Question>} */ questions = new Map();
  /** @type {Map<number, Poll>} */ polls = new Map();
  /** @type {Map<number, Link>} */ links = new Map();
  /** @type {Set<Kind>} those that are looked at */ #wanted = new Set();
  /** @type {Map<Kind, any[]>} what happened while a list was fetched */ #meanwhile = new Map();
  /** @type {Set<Kind>} to be fetched once more */ #again = new Set();

  /** @param {Podium} podium @param {AbortSignal} [signal] */
  constructor(podium, signal) {
    super();
    this.podium = podium;
    /** @param {string} name @param {(detail: any) => void} run */
    const on = (name, run) => podium.addEventListener(name, (event) => run(/** @type {CustomEvent} */ (event).detail), { signal });
    on('event', ({ event }) => this.#happened(event));
    on('signal', (message) => this.#take(message));
    on('resync', () => this.#anew());
  }

  /** A list is looked at from now on. @param {Kind} kind */
  want(kind) {
    if (this.#wanted.has(kind)) return;
    this.#wanted.add(kind);
    void this.#fetch(kind);
  }

  #anew() {
    for (const kind of this.#wanted) void this.#fetch(kind);
  }

  /** @param {import('../lib/shapes.js').RoomEvent} event */
  #happened(event) {
    if (ANEW.has(event.type) && (event.type !== 'role.assigned' || event.person === this.podium.room?.you)) this.#anew();
    else this.#take(event);
  }

  /** @param {any} message an event, or a signal with counts */
  #take(message) {
    const kind = /** @type {Kind} */ (message.type.split('.')[0]);
    this.#meanwhile.get(kind)?.push(message);
    if (this.#apply(message)) this.#tell(kind);
  }

  /** @param {Kind} kind */
  async #fetch(kind) {
    if (this.#meanwhile.has(kind)) {
      this.#again.add(kind);
      return;
    }
    /** @type {any[]} */
    const meanwhile = [];
    this.#meanwhile.set(kind, meanwhile);
    try {
      const found = await patiently(() => this.#pages(kind));
      const known = this.#known(kind);
      known.clear();
      for (const entry of found) known.set(entry.number, entry);
      for (const message of meanwhile) this.#apply(message);
      this.#tell(kind);
    } catch {
      // Offline, or not inside any more: the next snapshot asks again.
    } finally {
      this.#meanwhile.delete(kind);
      if (this.#again.delete(kind)) void this.#fetch(kind);
    }
  }

  /** @param {Kind} kind @returns {Promise<any[]>} */
  async #pages(kind) {
    const found = [];
    for (let after = 0; ;) {
      const { result } = await this.podium.send(`${kind}.list`, { after, limit: PAGE });
      found.push(...(result?.[`${kind}s`] ?? []));
      if (!result?.more) return found;
      after = found[found.length - 1].number;
    }
  }

  /** @param {Kind} kind @returns {Map<number, any>} */
  #known(kind) {
    return { question: this.questions, poll: this.polls, link: this.links }[kind];
  }

  /** @param {any} message @returns {boolean} whether it is about an entry */
  #apply(message) {
    const { questions, polls, links } = this;
    switch (message.type) {
      case 'question.asked':
        questions.set(message.question.number, message.question);
        return true;
      case 'question.approved':
        questions.set(message.question.number, { ...message.question, voted: questions.get(message.question.number)?.voted });
        return true;
      case 'question.upvoted':
        if (message.person === this.podium.room?.you) amend(questions, message.question, { voted: true });
        return true;
      case 'question.votes':
        for (const [number, votes] of Object.entries(message.votes)) amend(questions, Number(number), { votes: Number(votes) });
        return true;
      case 'question.answered':
        amend(questions, message.question, { answer: message.answer });
        return true;
      case 'question.dismissed':
        questions.delete(message.question);
        return true;
      case 'question.displayed':
      case 'link.promoted':
        return true;
      case 'poll.created':
      case 'poll.launched':
        polls.set(message.poll.number, message.poll);
        return true;
      case 'poll.answered':
        if (message.person === this.podium.room?.you) amend(polls, message.poll, { answered: true, chosen: message.chosen });
        return true;
      case 'poll.counts':
        amend(polls, message.poll, { answers: message.answers, counts: message.counts });
        return true;
      case 'poll.closed':
        amend(polls, message.poll, { state: 'closed', answers: message.answers, counts: message.counts });
        return true;
      case 'poll.removed':
        polls.delete(message.poll);
        return true;
      case 'link.published':
        links.set(message.link.number, message.link);
        return true;
      case 'link.removed':
        links.delete(message.link);
        return true;
      default:
        return false;
    }
  }

  /** @param {Kind} kind */
  #tell(kind) {
    this.dispatchEvent(new CustomEvent('change', { detail: kind }));
  }
}
