// An entry of the workspace's record as the rest of a sentence that begins with who did it.

import { serverRoleWord } from '../ui/words.js';

/** @typedef {{ number: number, time: number, login: string, action: string, target: string, note: string }} Entry */

/** @type {Record<string, (entry: Entry) => string>} */
const DEEDS = {
  'workspace.profile.edit': () => 'changed the profile.',
  'workspace.logo.edit': ({ note }) => (note === 'removed' ? 'removed the logo.' : 'changed the logo.'),
  'workspace.delete': ({ target }) => `deleted the workspace “${target}”.`,
  'company.disable': ({ note }) => `switched the company ${note}.`,
  'member.invite': invited,
  'admin.invite': invited,
  'member.edit': ({ target, note }) => `changed ${target}: ${note}.`,
  'member.delete': ({ target }) => `removed ${target}.`,
  'profile.edit': ({ note }) => `changed their own account: ${note}.`,
  'profile.delete': ({ note }) => (note ? `left; ${note}.` : 'left.'),
  'attribute.create': ({ target }) => `made the attribute “${target}”.`,
  'attribute.edit_own': ({ target }) => `changed the attribute “${target}”.`,
  'attribute.edit_any': ({ target }) => `changed the attribute “${target}”.`,
  'attribute.delete_any': ({ target }) => `deleted the attribute “${target}”.`,
  'email_template.create': ({ target }) => `wrote the e-mail template “${target}”.`,
  'email_template.edit_own': ({ target }) => `changed the e-mail template “${target}”.`,
  'email_template.edit_any': ({ target }) => `changed the e-mail template “${target}”.`,
  'email_template.delete_any': ({ target }) => `deleted the e-mail template “${target}”.`,
};

/** @param {Entry} entry @returns {string} */
export function deed(entry) {
  const told = DEEDS[entry.action];
  return told ? told(entry) : [entry.action, entry.target, entry.note].filter(Boolean).join(' · ');
}

/** @param {Entry} entry */
function invited({ target, note }) {
  const whom = target === 'open' ? 'whoever has the link' : target;
  if (note === 'revoked') return `revoked the invitation of ${whom}.`;
  if (note === 'accepted') return target === 'open' ? 'came by an invitation.' : `came by the invitation of ${target}.`;
  return `invited ${whom} as ${serverRoleWord(note).toLowerCase()}.`;
}
