// A report of a conference, fetched with one's token and given to the browser as a file.

import { PodiumError } from '../lib/errors.js';
import { toast } from './toast.js';
import { refusalText } from './words.js';

/**
 * Whether one may take reports home: an action of the table without a command of its own, so `explain` answers for it.
 * @param {import('../podium.js').Podium} podium
 * @returns {Promise<boolean>}
 */
export const mayExport = (podium) =>
  podium
    .send('explain', { command: 'report.export' })
    .then(({ result }) => result?.allowed === true)
    .catch(() => false);

/** @param {string} conference @param {string} path @param {string} token */
export async function download(conference, path, token) {
  try {
    const response = await fetch(`/api/v1/conferences/${encodeURIComponent(conference)}/${path}`, {
      headers: { Authorization: `Bearer ${token}` },
      cache: 'no-store',
    });
    if (!response.ok) {
      const { code = 'internal', message = `The server answered ${response.status}.` } = await response.json();
      throw new PodiumError(code, message);
    }
    const name = /filename="([^"]+)"/.exec(response.headers.get('Content-Disposition') ?? '')?.[1] ?? 'report';
    const link = document.createElement('a');
    link.href = URL.createObjectURL(await response.blob());
    link.download = name;
    link.click();
    URL.revokeObjectURL(link.href);
  } catch (error) {
    toast(refusalText(error), { kind: 'danger' });
  }
}
