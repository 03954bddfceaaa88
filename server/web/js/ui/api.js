/** The HTTP side of the server: JSON in (or a file as it is), JSON out, refusals as `PodiumError`. */

import { PodiumError } from '../lib/errors.js';

const TIMEOUT_MS = 15_000;
// As many as the server gives at once.
const PAGE = 200;

/**
 * @param {'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'} method
 * @param {string} path below /api/v1, as in `/conferences`
 * @param {{token?: string | null, body?: Record<string, any> | Blob, key?: string, base?: string}} [options] `key`: of what is
 *   to be done once; `base`: the server's address, where it is not the page's own
 * @returns {Promise<any>} JSON, or of anything else a `Blob`
 */
export async function api(method, path, { token, body, key, base = '' } = {}) {
  /** @type {Record<string, string>} */
  const headers = {};
  if (token) headers.Authorization = `Bearer ${token}`;
  if (key) headers['Idempotency-Key'] = key;
  const raw = body instanceof Blob;
  if (body) headers['Content-Type'] = raw ? body.type || 'application/octet-stream' : 'application/json';
  let response;
  try {
    response = await fetch(`${base}/api/v1${path}`, {
      method, headers, body: raw ? body : body && JSON.stringify(body), signal: AbortSignal.timeout(TIMEOUT_MS), cache: 'no-store',
    });
  } catch {
    throw new PodiumError('offline', 'The server cannot be reached at the moment.', { retry: true });
  }
  if (response.ok && !response.headers.get('Content-Type')?.startsWith('application/json')) return await response.blob();
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  throw new PodiumError(answer.code ?? 'internal', answer.message ?? `The server answered ${response.status}.`, {
    retry: answer.retry, details: answer.details, status: response.status,
  });
}

/**
 * A list that comes in pages, read to its end or until `most` are there.
 * @template {{next: string | null} & Record<string, any>} T
 * @param {(query: string) => Promise<T>} read asks for one page
 * @param {string} field where the entries are
 * @param {number} [most]
 * @returns {Promise<T>} the last page with all entries in it
 */
export async function everything(read, field, most = 1_000) {
  /** @type {any[]} */
  const found = [];
  let after = '';
  for (;;) {
    const limit = Math.min(PAGE, most - found.length);
    const page = await read(`limit=${limit}${after ? `&after=${encodeURIComponent(after)}` : ''}`);
    found.push(...page[field]);
    if (page.next === null || found.length >= most) return { ...page, [field]: found };
    after = page.next;
  }
}
