/** How many columns fit best: pure arithmetic, so that it can be tried without a page. */

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
