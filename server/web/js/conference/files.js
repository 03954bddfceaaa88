/** The files of the conference beside the stage: handouts to be downloaded, slides to be shown, and adding either. */

import { command } from '../ui/actions.js';
import { api } from '../ui/api.js';
import { ask } from '../ui/dialog.js';
import { clear, h, icon } from '../ui/dom.js';
import { toast } from '../ui/toast.js';
import { plural, refusalText, timeWord } from '../ui/words.js';
import { download, upload } from './transfer.js';

/** @typedef {import('../types.js').File} File_ */
/** @typedef {'handout' | 'slides'} Kind */

const WORDS = { handout: ['Add a handout', 'plus'], slides: ['Add slides', 'image'] };
const MB = 1 << 20;

export class FilesPanel {
  key = 'files';
  label = 'Files';
  icon = 'list';
  /** @type {File_[]} */ #files = [];
  #most = 0;
  /** @type {string[]} */ #types = [];
  #visible = false;
  #known = false;

  /** @param {import('./view.js').ConferenceView} view */
  constructor(view) {
    this.view = view;
    this.unseen = 0;
    this.path = `/conferences/${encodeURIComponent(view.podium.room?.conference ?? '')}/files`;
    this.list = h('ul', { class: 'files scroll', aria: { label: 'Files' }, data: { testid: 'files' } });
    this.under = h('ul', { class: 'files-under', aria: { label: 'Uploads', live: 'polite' }, data: { testid: 'uploads' } });
    this.adders = /** @type {Kind[]} */ (['handout', 'slides']).map((kind) => this.#adder(kind));
    this.adding = h('div', { class: 'files-adding' }, this.adders.map(({ button, input }) => [button, input]).flat());
    this.node = h('section', { class: 'side-body' }, this.list, this.under, this.adding);
  }

  /** @param {Kind} kind */
  #adder(kind) {
    const [label, picture] = WORDS[kind];
    const input = h('input', {
      type: 'file', hidden: true, multiple: kind === 'handout', accept: kind === 'slides' ? '.pdf,application/pdf' : null,
      aria: { label }, data: { testid: `add-${kind}-file` },
      on: { change: () => this.#chosen(kind, input) },
    });
    const button = h('button', { class: 'btn btn-soft btn-sm', type: 'button', data: { testid: `add-${kind}` }, on: { click: () => input.click() } }, icon(picture, 'icon-sm'), label);
    return { kind, input, button };
  }

  get #token() {
    return this.view.door.access.token;
  }

  /** @param {boolean} yes */
  shown(yes) {
    this.#visible = yes;
    if (!yes) return;
    this.unseen = 0;
    void this.refresh();
  }

  /** What there is now, also after a break. */
  async refresh() {
    if (!this.#visible) return;
    try {
      const found = await api('GET', this.path, { token: this.#token });
      this.#files = found.files;
      this.#most = found.most_bytes;
      this.#types = found.types;
      this.#known = true;
      for (const { kind, input } of this.adders) if (kind === 'handout') input.accept = this.#types.map((type) => `.${type}`).join(',');
    } catch (error) {
      toast(refusalText(error), { kind: 'warn' });
    }
    this.update();
  }

  /** @param {import('../types.js').FileAdded} event */
  added(event) {
    if (!this.#visible && event.by !== this.view.podium.room?.you) this.unseen += 1;
    if (!this.#files.some(({ number }) => number === event.file.number)) this.#files = [...this.#files, event.file];
    this.update();
  }

  /** @param {number} number */
  removed(number) {
    this.#files = this.#files.filter((file) => file.number !== number);
    this.update();
  }

  update() {
    if (!this.#visible) return;
    const { rights } = this.view;
    for (const { kind, button } of this.adders) button.hidden = !rights.has(`file.upload:${kind}`);
    this.adding.hidden = this.adders.every(({ button }) => button.hidden);
    const focused = /** @type {HTMLElement | null} */ (document.activeElement)?.dataset.file;
    clear(this.list);
    if (this.#files.length === 0) {
      const says = this.#known ? 'No handouts and no slides yet.' : 'One moment…';
      this.list.append(h('li', { class: 'empty' }, icon('list'), h('p', {}, says)));
    }
    for (const file of this.#files) this.list.append(this.#row(file));
    if (focused) /** @type {HTMLElement | null} */ (this.list.querySelector(`[data-file="${focused}"]`))?.focus();
  }

  /** @param {File_} file @param {string} what */
  #may(file, what) {
    const { rights, podium } = this.view;
    return rights.has(what) || (file.person === podium.room?.you && rights.has(`${what}:own`));
  }

  /** @param {File_} file */
  #row(file) {
    const slides = file.kind === 'slides';
    const shown = this.view.podium.room?.entries.slides?.file.number === file.number;
    const about = slides ? plural(file.pages ?? 0, 'page') : sizeWord(file.size);
    /** @param {string} label @param {string} picture @param {string} testid @param {() => void} run */
    const button = (label, picture, testid, run) =>
      h('button', { class: 'btn btn-icon btn-quiet btn-sm', type: 'button', title: label, aria: { label: `${label}: ${file.label}` }, data: { testid, file: `${testid}-${file.number}` }, on: { click: run } }, icon(picture, 'icon-sm'));
    return h('li', { class: 'file', data: { testid: 'file', number: file.number, shown } },
      h('span', { class: 'file-mark' }, icon(slides ? 'image' : 'list')),
      h('div', { class: 'file-words' },
        h('span', { class: 'file-label', title: file.label }, file.label),
        h('span', { class: 'hint' }, `${about} · ${file.name}, ${timeWord(file.time)}`)),
      slides && shown && h('span', { class: 'badge badge-ok' }, 'On stage'),
      slides && !shown && this.#may(file, 'slides.open') && button('Show on the stage', 'podium', 'file-show', () => this.#show(file)),
      slides && shown && this.#may(file, 'slides.close') && button('Take down from the stage', 'arrow-down', 'file-hide', () => void command(this.view.podium, 'slides.close', { file: file.number })),
      !slides && button('Download', 'download', 'file-download', () => void this.#download(file)),
      this.#may(file, 'file.remove') && button('Remove', 'trash', 'file-remove', () => void this.#remove(file)));
  }

  /** @param {File_} file */
  #show(file) {
    void command(this.view.podium, 'slides.open', { file: file.number });
  }

  /** @param {File_} file */
  async #download(file) {
    try {
      await download(`${this.path}/${file.number}`, this.#token, file.label);
    } catch (error) {
      toast(refusalText(error), { kind: 'danger' });
    }
  }

  /** @param {File_} file */
  async #remove(file) {
    const sure = await ask({ title: `Remove ${file.label}?`, text: 'It is gone for everybody.', confirm: 'Remove', danger: true });
    if (sure) await command(this.view.podium, 'file.remove', { file: file.number });
  }

  /** @param {Kind} kind @param {HTMLInputElement} input */
  #chosen(kind, input) {
    const chosen = [...(input.files ?? [])];
    input.value = '';
    void (async () => {
      // One after the other: the server takes two at once from one person.
      for (const file of chosen) await this.#upload(kind, file);
    })();
  }

  /** What the server would refuse after the whole upload is said before it. @param {Kind} kind @param {File} file @returns {string | null} */
  #unfit(kind, file) {
    const type = file.name.split('.').pop()?.toLowerCase() ?? '';
    const types = kind === 'slides' ? ['pdf'] : this.#types;
    if (this.#known && !types.includes(type)) return kind === 'slides' ? 'Slides are a PDF.' : 'Files of this type are not taken here.';
    if (this.#known && file.size > this.#most) return `A file has at most ${Math.floor(this.#most / MB)} MB.`;
    return file.size === 0 ? 'The file is empty.' : null;
  }

  /** @param {Kind} kind @param {File} file */
  async #upload(kind, file) {
    const unfit = this.#unfit(kind, file);
    if (unfit) {
      toast(`${file.name}: ${unfit}`, { kind: 'warn' });
      return;
    }
    const bar = h('progress', { max: 1, value: 0, aria: { label: `Uploading ${file.name}` } });
    const says = h('span', { class: 'hint' }, 'Uploading…');
    const stop = new AbortController();
    const row = h('li', { class: 'file', data: { testid: 'upload' } },
      h('div', { class: 'file-words' }, h('span', { class: 'file-label' }, file.name), bar, says),
      h('button', { class: 'btn btn-icon btn-quiet btn-sm', type: 'button', aria: { label: `Stop uploading ${file.name}` }, on: { click: () => stop.abort() } }, icon('x', 'icon-sm')));
    this.under.append(row);
    try {
      await upload(`${this.path}?kind=${kind}&name=${encodeURIComponent(file.name)}`, this.#token, file, stop.signal, (part) => {
        bar.value = part;
        if (part < 1) return;
        bar.removeAttribute('value');
        says.textContent = kind === 'slides' ? 'Preparing the pages…' : 'Almost there…';
      });
      if (kind === 'slides') toast(`${file.name} is ready to be shown.`, { kind: 'ok' });
    } catch (error) {
      if (!stop.signal.aborted) toast(`${file.name}: ${refusalText(error)}`, { kind: 'danger' });
    } finally {
      row.remove();
    }
  }
}

/** @param {number} bytes */
function sizeWord(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  return bytes < MB ? `${Math.round(bytes / 1024)} KB` : `${(bytes / MB).toFixed(1)} MB`;
}
