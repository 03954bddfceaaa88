// On a narrow screen the console shows one of its parts at a time.

import { byId } from '../ui/byid.js';

const PARTS = ['people', 'queue', 'log'];

export function wireTabs() {
  const main = byId('main', HTMLElement);
  const tabs = PARTS.map((part) => byId(`tab-${part}`, HTMLButtonElement));
  /** @param {number} index */
  const choose = (index) => {
    main.dataset.tab = PARTS[index];
    tabs.forEach((tab, other) => {
      tab.setAttribute('aria-selected', String(other === index));
      tab.tabIndex = other === index ? 0 : -1;
    });
  };
  tabs.forEach((tab, index) => {
    tab.addEventListener('click', () => choose(index));
    tab.addEventListener('keydown', ({ key }) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
      if (!step) return;
      const next = (index + step + tabs.length) % tabs.length;
      choose(next);
      tabs[next].focus();
    });
  });
}
