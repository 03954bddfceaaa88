// The reports of a conference as files, as the server writes them: a menu of them, and the download.

import { download } from './download.js';
import { openMenu } from './menu.js';

/** @type {[string, string][]} */
const FILES = [
  ['audit', 'Record'],
  ['reports/people', 'People'],
  ['reports/attendance', 'Attendance'],
  ['reports/chat', 'Chat'],
  ['reports/questions', 'Questions'],
  ['reports/polls', 'Polls'],
  ['reports/links', 'Links'],
];
/** @type {[string, string][]} */
const FORMATS = [
  ['csv', 'Tables (CSV)'],
  ['json', 'For programs (JSON)'],
];

/** @param {HTMLButtonElement} button @param {string} conference @param {string} token */
export function chooseReport(button, conference, token) {
  void openMenu(
    button,
    [
      ...FORMATS.flatMap(([format, head]) => [
        { head },
        ...FILES.map(([path, label]) => ({ label, icon: 'link', testid: `export-${path}?format=${format}`, run: () => void download(conference, `${path}?format=${format}`, token) })),
      ]),
      '-',
      { label: 'Recordings …', icon: 'record', testid: 'export-recordings', run: () => void window.open(`/recordings/${encodeURIComponent(conference)}`, '_blank', 'noopener') },
    ],
    { label: 'Download' },
  );
}
