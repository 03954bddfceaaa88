/** The HTTP side of the server: JSON in, JSON out, refusals as `PodiumError`. */

import { PodiumError } from '../lib/errors.js';

const TIMEOUT_MS = 15_000;

/**
 * @param {'GET' | 'POST' | 'PUT' | 'DELETE'} method
 * @param {string} path below /api/v1, as in `/conferences`
 * @param {{token?: string | null, body?: Record<string, any>}} [options]
 * @returns {Promise<any>}
 */
export async function api(method, path, { token, body } = {}) {
  /** @type {Record<string, string>} */
  const headers = {};
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body) headers['Content-Type'] = 'application/json';
  let response;
  try {
    response = await fetch(`/api/v1${path}`, {
      method, headers, body: body && JSON.stringify(body), signal: AbortSignal.timeout(TIMEOUT_MS), cache: 'no-store',
    });
  } catch {
    throw new PodiumError('offline', 'The server cannot be reached at the moment.', { retry: true });
  }
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  throw new PodiumError(answer.code ?? 'internal', answer.message ?? `The server answered ${response.status}.`, {
    retry: answer.retry, details: answer.details, status: response.status,
  });
}
