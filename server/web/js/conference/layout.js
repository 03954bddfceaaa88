/**
 * Where each tile of the stage stands: pure arithmetic, so that it can be tried without a page.
 *
 * A layout names who is large; the others fill what is left: below, beside, or in a corner over it. Tiles placed by hand
 * are outside of all that, and stand over the arrangement.
 */

const RATIO = 16 / 9;

/**
 * The columns and the size of a tile with which `count` tiles of 16:9 fill a place of `width` × `height` best.
 * Where even the best would be smaller than `smallest` wide, the grid scrolls instead.
 * @param {number} count @param {number} width @param {number} height in px
 * @param {number} gap @param {number} [smallest]
 * @returns {{columns: number, tileWidth: number, tileHeight: number, scroll: boolean}}
 */
export function arrange(count, width, height, gap, smallest = 150) {
  let best = { columns: 1, tileWidth: 0, tileHeight: 0, scroll: false };
  let highest = 0;
  for (let columns = 1; columns <= Math.max(1, count); columns += 1) {
    const rows = Math.ceil(count / columns);
    const wide = (width - gap * (columns - 1)) / columns;
    const high = (height - gap * (rows - 1)) / rows;
    // A tile may be a little narrower or wider than its picture, which then is cropped: less of the place stays empty.
    const tileWidth = Math.min(wide, high * RATIO * 1.12);
    const tileHeight = Math.min(high, tileWidth / (RATIO * 0.82), (wide / RATIO) * 1.35);
    // People expect to sit beside each other: on a wide place a column of tiles must win clearly.
    const liking = width > height && columns < rows ? 0.6 : 1;
    const score = tileWidth * tileHeight * liking;
    if (score <= highest) continue;
    highest = score;
    best = { columns, tileWidth, tileHeight, scroll: false };
  }
  if (best.tileWidth >= Math.min(smallest, width) || count <= 1) return floor(best);
  const columns = Math.max(1, Math.floor((width + gap) / (smallest + gap)));
  const tileWidth = (width - gap * (columns - 1)) / columns;
  return floor({ columns, tileWidth, tileHeight: tileWidth / RATIO, scroll: true });
}

/** @param {{columns: number, tileWidth: number, tileHeight: number, scroll: boolean}} found */
function floor({ columns, tileWidth, tileHeight, scroll }) {
  return { columns, tileWidth: Math.floor(tileWidth), tileHeight: Math.floor(tileHeight), scroll };
}

/** @typedef {{x: number, y: number, width: number, height: number}} Rect in px, from the stage's upper left corner */
/** @typedef {import('../lib/shapes.js').Layout} Layout */

// The shared screen, among people's identities, which have no colon.
export const SCREEN = ':screen';
// Between two tiles, in px.
export const GAP = 10;
// A smaller tile shows nobody.
const SMALLEST = 88;
// Of the stage's width or height, for those who are not large: as little as they need, within these.
const LEAST_STRIP = 0.17;
const MOST_STRIP = 0.38;
// In a grid a shared screen gets most of the stage, and the people alike what is left.
const SCREEN_PART = 0.64;
const CORNER_PART = 0.24;

/**
 * @param {object} stage
 * @param {Layout} stage.layout what everybody sees
 * @param {string[]} stage.people on the stage, in order
 * @param {boolean} stage.screen whether somebody shares one
 * @param {string | null} stage.speaker who speaks, or spoke last
 * @param {number} stage.width @param {number} stage.height @param {number} stage.gap in px
 * @returns {{rects: Map<string, Rect>, large: string | null, hidden: number, scroll: boolean}} who has no rectangle is not
 *   shown; `hidden` counts them. `large` is an identity, `SCREEN` or null; `scroll`: the tiles go on below the stage
 */
export function layOut({ layout, people, screen, speaker, width, height, gap }) {
  const whole = { x: 0, y: 0, width, height };
  /** @type {Map<string, Rect>} */
  const rects = new Map();
  const placed = people.filter((id) => layout.tiles[id]);
  const rest = people.filter((id) => !layout.tiles[id]);
  const large = whoIsLarge(layout, rest, screen, speaker);
  const others = rest.filter((id) => id !== large);
  if (large === null && layout.spotlight && others.includes(layout.spotlight)) {
    others.splice(others.indexOf(layout.spotlight), 1);
    others.unshift(layout.spotlight);
  }
  let scroll = false;
  if (large === null) {
    scroll = fill(rects, others, whole, gap, 150, true);
  } else if (layout.kind === 'picture_in_picture') {
    rects.set(large, whole);
    const inset = others.find((id) => id === speaker) ?? others[0];
    if (inset) rects.set(inset, corner(whole, gap));
  } else {
    const { main, strip } = split(layout.kind, others.length, whole, gap);
    rects.set(large, main);
    if (strip) fill(rects, others, strip, gap, SMALLEST, false);
  }
  for (const id of placed) rects.set(id, inPixels(layout.tiles[id], whole));
  return { rects, large, hidden: people.filter((id) => !rects.has(id)).length, scroll };
}

/** @param {Layout} layout @param {string[]} rest @param {boolean} screen @param {string | null} speaker */
function whoIsLarge({ kind, spotlight }, rest, screen, speaker) {
  const chosen = rest.includes(spotlight) ? spotlight : null;
  if (kind === 'grid' || kind === 'screen_first') return screen ? SCREEN : null;
  if (chosen) return chosen;
  if (screen) return SCREEN;
  return rest.find((id) => id === speaker) ?? rest[0] ?? null;
}

/**
 * The large place and the strip of the others, as wide as they need.
 * @param {Layout['kind']} kind @param {number} others @param {Rect} whole @param {number} gap
 * @returns {{main: Rect, strip: Rect | null}}
 */
function split(kind, others, whole, gap) {
  const { width, height } = whole;
  // Without any height, as before the page is shown, nothing would ever fit.
  if (others === 0 || width <= 0 || height <= 0) return { main: whole, strip: null };
  const wide = width > height * 1.15 && width > 620;
  const beside = wide && (kind === 'sidebar' || kind === 'grid' || (kind === 'screen_first' && width > height * 1.25));
  const along = beside ? height : width;
  const across = beside ? width : height;
  let size = kind === 'grid' ? across * (1 - SCREEN_PART) : Math.max(across * LEAST_STRIP, beside ? 150 : 96);
  const step = across * 0.03;
  const fits = () => {
    const [w, h] = beside ? [size, along] : [along, size];
    return !arrange(others, w, h, gap, SMALLEST).scroll;
  };
  while (!fits() && size + step <= across * MOST_STRIP) size += step;
  size = Math.floor(Math.min(size, across * 0.6));
  return beside
    ? { main: { x: 0, y: 0, width: width - size - gap, height }, strip: { x: width - size, y: 0, width: size, height } }
    : { main: { x: 0, y: 0, width, height: height - size - gap }, strip: { x: 0, y: height - size, width, height: size } };
}

/**
 * Tiles side by side in the middle of a place. Where they would be too small they go on below it, or are left out.
 * @param {Map<string, Rect>} rects @param {string[]} ids @param {Rect} place @param {number} gap @param {number} smallest
 * @param {boolean} mayScroll @returns {boolean} whether they go on below
 */
function fill(rects, ids, place, gap, smallest, mayScroll) {
  const { columns, tileWidth, tileHeight, scroll } = arrange(ids.length, place.width, place.height, gap, smallest);
  const rows = Math.ceil(ids.length / columns);
  const shown = scroll && !mayScroll ? Math.max(1, Math.floor((place.height + gap) / (tileHeight + gap))) : rows;
  const high = shown * (tileHeight + gap) - gap;
  const top = place.y + Math.max(0, (place.height - high) / 2);
  ids.slice(0, shown * columns).forEach((id, index) => {
    const row = Math.floor(index / columns);
    const inRow = Math.min(columns, ids.length - row * columns);
    const left = place.x + (place.width - (inRow * (tileWidth + gap) - gap)) / 2;
    rects.set(id, {
      x: Math.round(left + (index % columns) * (tileWidth + gap)),
      y: Math.round(top + row * (tileHeight + gap)),
      width: tileWidth,
      height: tileHeight,
    });
  });
  return scroll && mayScroll;
}

/** @param {Rect} whole @param {number} gap @returns {Rect} */
function corner({ width, height }, gap) {
  const small = Math.floor(Math.min(Math.max(width * CORNER_PART, 120), width / 2, (height / 2) * RATIO));
  const high = Math.floor(small / RATIO);
  return { x: width - small - gap, y: height - high - gap, width: small, height: high };
}

/** A tile of percents on a stage of px. @param {import('../types.js').Tile} tile @param {{width: number, height: number}} stage @returns {Rect} */
export function inPixels({ x, y, width, height }, stage) {
  const [wide, high] = [stage.width / 100, stage.height / 100];
  return { x: Math.round(x * wide), y: Math.round(y * high), width: Math.round(width * wide), height: Math.round(height * high) };
}

// Smaller ones the server refuses: nobody can be hidden by their tile.
const LEAST_PERCENT = 5;

/** @param {number} value @param {number} low @param {number} high */
const bound = (value, low, high) => Math.min(high, Math.max(low, value));

/** A rectangle on the stage as percents that the server takes. @param {Rect} rect @param {{width: number, height: number}} stage @returns {import('../types.js').Tile} */
export function inPercent(rect, stage) {
  const width = bound(Math.round((rect.width / stage.width) * 100), LEAST_PERCENT, 100);
  const height = bound(Math.round((rect.height / stage.height) * 100), LEAST_PERCENT, 100);
  return {
    x: bound(Math.round((rect.x / stage.width) * 100), 0, 100 - width),
    y: bound(Math.round((rect.y / stage.height) * 100), 0, 100 - height),
    width,
    height,
  };
}

/** The nearest rectangle that lies on the stage and is not too small. @param {Rect} rect @param {{width: number, height: number}} stage @returns {Rect} */
export function within(rect, stage) {
  const width = bound(rect.width, (stage.width * LEAST_PERCENT) / 100, stage.width);
  const height = bound(rect.height, (stage.height * LEAST_PERCENT) / 100, stage.height);
  return { x: bound(rect.x, 0, stage.width - width), y: bound(rect.y, 0, stage.height - height), width, height };
}

// Of the stage, with each press of an arrow key.
const STEP = 0.02;
/** @type {Record<string, [number, number]>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * What a key makes of a rectangle: moved by a step, or sized by one.
 * @param {Rect} rect @param {string} key @param {boolean} sizes @param {{width: number, height: number}} stage
 * @returns {Rect | null} null when it is no arrow key
 */
export function stepped(rect, key, sizes, stage) {
  const arrow = ARROWS[key];
  if (!arrow) return null;
  return dragged(rect, arrow[0] * stage.width * STEP, arrow[1] * stage.height * STEP, sizes);
}

/** Moved by so many px, or its lower right corner alone. @param {Rect} rect @param {number} x @param {number} y @param {boolean} sizes @returns {Rect} */
export function dragged(rect, x, y, sizes) {
  return sizes ? { ...rect, width: rect.width + x, height: rect.height + y } : { ...rect, x: rect.x + x, y: rect.y + y };
}
