/**
 * Questions, polls, links and slides as far as they belong to everybody's picture: what is on the stage. The rest is listed by
 * pages when somebody looks at it (`question.list`, `poll.list`, `link.list`), files over HTTP.
 */

/** @typedef {import('./room.js').Room} Room */
/** @typedef {import('./shapes.js').WireEvent} WireEvent */
/** @typedef {import('../types.js').Poll} Poll */

/**
 * @typedef {object} Entries
 * @property {import('../types.js').Question | null} displayed the question on the stage
 * @property {import('../types.js').Link | null} promoted the link on the stage
 * @property {Map<number, Poll>} polls those that are open, by their number
 * @property {Poll | null} result what came of the poll that was closed last while one was here
 * @property {boolean} chatClosed
 * @property {import('../types.js').Slides | null} slides those on the stage
 */

/** @param {Partial<import('../types.js').Snapshot>} [snapshot] @returns {Entries} */
export function entriesOf(snapshot = {}) {
  return {
    displayed: snapshot.displayed ?? null,
    promoted: snapshot.promoted ?? null,
    polls: new Map((snapshot.polls ?? []).map((poll) => [poll.number, poll])),
    result: null,
    chatClosed: snapshot.chat_closed ?? false,
    slides: snapshot.slides ?? null,
  };
}

/** @param {Room} room @param {number} number @param {Partial<Poll>} change */
function changePoll(room, number, change) {
  const poll = room.entries.polls.get(number);
  if (poll) room.entries.polls.set(number, { ...poll, ...change });
}

/** Slides are on the stage as long as who has put them there is. @param {Room} room @param {string} id */
export function slidesDown(room, id) {
  if (room.entries.slides?.person === id) room.entries.slides = null;
}

/** Counts that are told beside the events. @param {Room} room @param {import('./shapes.js').Message} signal */
export function hearCounts(room, signal) {
  if (signal.type === 'poll.counts') {
    changePoll(room, signal.poll, { answers: signal.answers, counts: signal.counts });
  } else if (signal.type === 'question.votes') {
    const { displayed } = room.entries;
    const votes = displayed ? signal.votes[displayed.number] : undefined;
    if (votes !== undefined && displayed) room.entries.displayed = { ...displayed, votes };
  }
}

const nothing = () => undefined;

/** What each event changes, as in reducer.js. @satisfies {Partial<{[E in WireEvent as E['type']]: (room: Room, event: E) => void}>} */
export const entryReducers = {
  'question.asked': nothing,
  'question.upvoted': nothing,
  'question.approved': nothing,
  /** @param {Room} room @param {import('../types.js').QuestionAnswered} event */
  'question.answered'(room, event) {
    const { displayed } = room.entries;
    if (displayed?.number === event.question) room.entries.displayed = { ...displayed, answer: event.answer };
  },
  /** @param {Room} room @param {import('../types.js').QuestionDisplayed} event */
  'question.displayed'(room, event) {
    room.entries.displayed = event.question ?? null;
  },
  'question.dismissed': nothing,
  'poll.created': nothing,
  /** @param {Room} room @param {import('../types.js').PollLaunched} event */
  'poll.launched'(room, event) {
    room.entries.polls.set(event.poll.number, event.poll);
  },
  /** @param {Room} room @param {import('../types.js').PollAnswered} event */
  'poll.answered'(room, event) {
    if (event.person === room.you) changePoll(room, event.poll, { answered: true, chosen: event.chosen });
  },
  /** @param {Room} room @param {import('../types.js').PollClosed} event */
  'poll.closed'(room, event) {
    const poll = room.entries.polls.get(event.poll);
    room.entries.polls.delete(event.poll);
    if (poll) room.entries.result = { ...poll, state: 'closed', answers: event.answers, counts: event.counts };
  },
  /** @param {Room} room @param {import('../types.js').PollRemoved} event */
  'poll.removed'(room, event) {
    room.entries.polls.delete(event.poll);
    if (room.entries.result?.number === event.poll) room.entries.result = null;
  },
  'link.published': nothing,
  /** @param {Room} room @param {import('../types.js').LinkPromoted} event */
  'link.promoted'(room, event) {
    room.entries.promoted = event.link ?? null;
  },
  'link.removed': nothing,
  'file.added': nothing,
  'file.removed': nothing,
  /** @param {Room} room @param {import('../types.js').SlidesOpened} event */
  'slides.opened'(room, event) {
    room.entries.slides = event.slides;
  },
  /** @param {Room} room @param {import('../types.js').SlidesTurned} event */
  'slides.turned'(room, event) {
    const { slides } = room.entries;
    if (slides) room.entries.slides = { ...slides, page: event.page };
  },
  /** @param {Room} room */
  'slides.closed'(room) {
    room.entries.slides = null;
  },
  /** @param {Room} room */
  'chat.closed'(room) {
    room.entries.chatClosed = true;
  },
  /** @param {Room} room */
  'chat.opened'(room) {
    room.entries.chatClosed = false;
  },
  // The page that shows the chat takes it out there.
  'chat.deleted': nothing,
};
