// A dialog in which tiles are placed for everybody: the stage in small, who stands where by hand, and the way back.

import { openDialog } from '../ui/dialog.js';
import { h, icon, setText } from '../ui/dom.js';
import { LAYOUTS } from '../ui/words.js';
import { give, giveMany } from './commands.js';
import { layoutMenu } from './layout.js';
import { Miniature } from './miniature.js';

/** @typedef {import('../podium.js').Podium} Podium */
/** @typedef {import('../ui/permissions.js').Permissions} Permissions */

/**
 * @param {Podium} podium
 * @param {Permissions} permissions
 */
export async function arrangingDialog(podium, permissions) {
  const miniature = new Miniature(podium, permissions, 'arranging-hint');
  const kind = h('span', {});
  const layout = h(
    'button',
    { class: 'btn btn-sm', type: 'button', data: { testid: 'arranging-layout' }, on: { click: () => layoutMenu(layout, podium) } },
    icon('layout', 'icon-sm'),
    kind,
  );
  const all = h(
    'button',
    { class: 'btn btn-sm btn-quiet', type: 'button', 'aria-label': 'All back into the arrangement', data: { testid: 'arranging-back-all' }, on: { click: () => void backAll() } },
    icon('refresh', 'icon-sm'),
    'All back',
  );
  const placed = new Names('Placed by hand', 'arranging-back', 'refresh', (name) => `${name}: back into the arrangement`, (id) => void back(id));
  placed.node.append(all);
  const leftOut = new Names('Not in this layout', 'arranging-take', 'plus', (name) => `Place ${name}`, (id) => {
    const tile = miniature.tiles.get(id);
    if (tile) miniature.placing.begin(tile);
  });

  const mine = () => Object.keys(podium.room?.layout.tiles ?? {}).filter((id) => miniature.free(id));
  /** @param {string} id */
  const back = async (id) => {
    miniature.focus(id);
    await give(podium, 'layout.place', { target: id }, `${podium.room?.name(id)} is back in the arrangement.`);
  };
  const backAll = async () => {
    layout.focus();
    const orders = mine().map((target) => ({ type: 'layout.place', fields: { target } }));
    await giveMany(podium, orders, (count) => `Back in the arrangement: ${count}.`);
  };
  const draw = () => {
    const { room } = podium;
    if (!room) return;
    permissions.want([null, ...room.stage]);
    miniature.update();
    layout.hidden = !permissions.allows(null, 'conference.layout');
    setText(kind, `Layout: ${LAYOUTS.find(([one]) => one === room.layout.kind)?.[1] ?? ''}`);
    const named = (/** @type {string[]} */ ids) => ids.map((id) => ({ id, name: room.name(id) }));
    placed.show(named(mine()));
    leftOut.show(named(miniature.leftOut.filter((id) => miniature.free(id))));
    all.hidden = mine().length < 2;
  };
  const stop = new AbortController();
  for (const source of [podium, permissions]) source.addEventListener('change', draw, { signal: stop.signal });
  await openDialog({
    title: 'Place the tiles',
    class: 'dialog-wide',
    testid: 'arranging-dialog',
    body: h(
      'div',
      { class: 'stack' },
      h(
        'p',
        { class: 'hint', id: 'arranging-hint' },
        'Drag a tile to where everybody shall see it, and its corner to size it. By keyboard the arrows move it, with Shift they size it; Enter keeps it there, Escape leaves it as it was. Another layout forgets what was placed.',
      ),
      miniature.node,
      h('div', { class: 'row row-s row-wrap' }, layout),
      placed.node,
      leftOut.node,
    ),
    actions: [{ label: 'Done', kind: 'primary', testid: 'arranging-done' }],
    opened: draw,
  });
  stop.abort();
  miniature.close();
}

/** A line of people, each a button. */
class Names {
  /**
   * @param {string} title
   * @param {string} testid
   * @param {string} picture
   * @param {(name: string) => string} label
   * @param {(id: string) => void} run
   */
  constructor(title, testid, picture, label, run) {
    this.list = h('span', { class: 'row row-s row-wrap' });
    this.node = h('div', { class: 'arranging-names', hidden: true }, h('span', { class: 'label' }, title), this.list);
    /** @param {{id: string, name: string}} person */
    this.button = ({ id, name }) =>
      h(
        'button',
        { class: 'btn btn-sm', type: 'button', 'aria-label': label(name), title: label(name), data: { testid, person: id }, on: { click: () => run(id) } },
        h('span', { class: 'truncate' }, name),
        icon(picture, 'icon-sm'),
      );
    this.shown = '';
  }

  /** The same ones again are left alone: one of them may have the focus. @param {{id: string, name: string}[]} people */
  show(people) {
    const shown = people.map(({ id }) => id).join(' ');
    if (shown === this.shown) return;
    this.shown = shown;
    this.node.hidden = people.length === 0;
    this.list.replaceChildren(...people.map(this.button));
  }
}
