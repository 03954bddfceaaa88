/** Dark, light, or as the system says; kept for the next visit. */

import { clear, h, icon } from './dom.js';

/** @typedef {'auto' | 'light' | 'dark'} Theme */

const KEY = 'podium.theme';
const NEXT = /** @type {const} */ ({ auto: 'light', light: 'dark', dark: 'auto' });
const LABEL = { auto: 'Theme: as the system', light: 'Theme: light', dark: 'Theme: dark' };
const ICON = { auto: 'auto', light: 'sun', dark: 'moon' };

/** @returns {Theme} */
export function theme() {
  try {
    const kept = localStorage.getItem(KEY);
    return kept === 'light' || kept === 'dark' ? kept : 'auto';
  } catch {
    return 'auto';
  }
}

/** @param {Theme} chosen */
export function setTheme(chosen) {
  try {
    if (chosen === 'auto') localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, chosen);
  } catch {
    // It holds for this page, then.
  }
  apply(chosen);
}

/** Puts the kept theme on the page, and follows a change made in another window. */
export function initTheme() {
  apply(theme());
  window.addEventListener('storage', (event) => event.key === KEY && apply(theme()));
}

/** @param {Theme} chosen */
function apply(chosen) {
  if (chosen === 'auto') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = chosen;
}

/** A button that goes round: system, light, dark. @returns {HTMLButtonElement} */
export function themeButton() {
  const button = h('button', { class: 'btn btn-icon btn-quiet', type: 'button', data: { testid: 'theme' } });
  const show = () => {
    clear(button).append(icon(ICON[theme()]));
    button.setAttribute('aria-label', LABEL[theme()]);
    button.title = LABEL[theme()];
  };
  button.addEventListener('click', () => {
    setTheme(NEXT[theme()]);
    show();
  });
  show();
  return button;
}
