/** What takes the place of the shared screen on the stage: screens of people there, and slides. */

// Slides, among identities, which have no colon; another deck is another one.
const SLIDES = ':slides';

/** @typedef {{id: string, name: string, slides: boolean}} Share `name`: whose screen it is, or what the slides are called */

/** All that is shared now, the newest place for people last. @param {import('../lib/room.js').Room} room @returns {Share[]} */
export function sharesOf(room) {
  const screens = room.stage.map((id) => room.person(id))
    .filter((person) => person !== null)
    .filter(({ tracks, muted }) => tracks.includes('screen') && !muted.includes('screen'))
    .map(({ id, name }) => ({ id, name, slides: false }));
  const deck = room.entries.slides;
  return deck ? [...screens, { id: `${SLIDES}${deck.file.key}`, name: deck.file.label, slides: true }] : screens;
}
