// The signed-in person's own menu: who one is, the password, signing out.

import { api } from '../ui/api.js';
import { avatar } from '../ui/avatar.js';
import { h, icon } from '../ui/dom.js';
import { openMenu } from '../ui/menu.js';
import { toast } from '../ui/toast.js';
import { refusalText, serverRoleWord } from '../ui/words.js';

/** @typedef {{ id: string, name: string, login: string, server_role: string, has_password: boolean }} Account */

// A password of eight random letters is already beyond guessing through a rate-limited sign-in.
const SHORTEST_PASSWORD = 8;

/**
 * The button at the end of the header, with its menu.
 * @param {Account} account
 * @param {() => void} setPassword
 * @param {() => void} signOut
 * @returns {HTMLElement}
 */
export function accountMenu(account, setPassword, signOut) {
  const button = h(
    'button',
    {
      class: 'btn btn-quiet home-account',
      type: 'button',
      'aria-haspopup': 'menu',
      'aria-label': `Account of ${account.name}`,
      data: { testid: 'account-menu' },
    },
    avatar({ id: account.id, name: account.name }, 'avatar-sm'),
    h('span', { class: 'truncate' }, account.name),
    icon('more', 'icon-sm'),
  );
  button.addEventListener('click', () =>
    openMenu(button, [
      { head: `${account.login} · ${serverRoleWord(account.server_role)}` },
      {
        label: account.has_password ? 'Change password' : 'Set a password',
        icon: 'key',
        testid: 'account-password',
        run: setPassword,
      },
      '-',
      { label: 'Sign out', icon: 'log-out', testid: 'account-sign-out', run: signOut },
    ]),
  );
  return button;
}

/**
 * The dialog that sets a password, or changes the one there is.
 * @param {Account} account
 * @param {string} token
 * @param {(token: string) => void} done the password is set, and this token takes the place of the one before
 */
export function passwordDialog(account, token, done) {
  const old = secretField('password-old', 'Current password', 'current-password');
  old.field.hidden = !account.has_password;
  const fresh = secretField(
    'password-new',
    'New password',
    'new-password',
    `At least ${SHORTEST_PASSWORD} characters; a few words are good.`,
  );
  const again = secretField('password-again', 'New password, once more', 'new-password');
  const problem = h('p', { class: 'error-text', role: 'alert', data: { testid: 'password-error' } });
  const save = h(
    'button',
    { class: 'btn btn-primary', type: 'submit', data: { testid: 'password-save' } },
    'Save password',
  );
  const form = h(
    'form',
    { novalidate: true },
    h(
      'div',
      { class: 'dialog-head' },
      h('h2', { id: 'password-title' }, 'Your password'),
      h(
        'button',
        {
          class: 'btn btn-quiet btn-icon btn-sm',
          type: 'button',
          'aria-label': 'Close',
          on: { click: () => dialog.close() },
        },
        icon('x'),
      ),
    ),
    h(
      'div',
      { class: 'dialog-body stack' },
      h('p', { class: 'dim' }, 'With it you sign in here from any device as ', h('strong', {}, account.login), '.'),
      // Password managers file the password under the name in a field of this kind.
      h('input', {
        class: 'sr-only',
        type: 'text',
        name: 'username',
        autocomplete: 'username',
        value: account.login,
        readonly: true,
        tabindex: '-1',
        'aria-hidden': 'true',
      }),
      old.field,
      fresh.field,
      again.field,
      problem,
    ),
    h(
      'div',
      { class: 'dialog-foot' },
      h('button', { class: 'btn btn-quiet', type: 'button', on: { click: () => dialog.close() } }, 'Cancel'),
      save,
    ),
  );
  const dialog = h(
    'dialog',
    { class: 'dialog', 'aria-labelledby': 'password-title', data: { testid: 'password-dialog' } },
    form,
  );

  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const password = fresh.input.value;
    if (password.length < SHORTEST_PASSWORD)
      return complain(fresh.input, `The new password needs at least ${SHORTEST_PASSWORD} characters.`);
    if (password !== again.input.value) return complain(again.input, 'The two new passwords are not the same.');
    save.disabled = true;
    problem.textContent = '';
    try {
      /** @type {{ password: string, old?: string }} */
      const body = { password };
      if (old.input.value) body.old = old.input.value;
      const answer = await api('PUT', '/me/password', { token, body });
      dialog.close();
      toast('Your password is set.', { kind: 'ok' });
      done(answer.token ?? token);
    } catch (error) {
      complain(account.has_password ? old.input : fresh.input, refusalText(error));
    } finally {
      save.disabled = false;
    }
  });

  /**
   * @param {HTMLInputElement} input
   * @param {string} text
   */
  function complain(input, text) {
    problem.textContent = text;
    for (const one of [old.input, fresh.input, again.input]) one.setAttribute('aria-invalid', String(one === input));
    input.focus();
  }

  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  (account.has_password ? old : fresh).input.focus();
}

/**
 * @param {string} id
 * @param {string} label
 * @param {string} autocomplete
 * @param {string} [hint]
 */
function secretField(id, label, autocomplete, hint) {
  const input = h('input', {
    class: 'input',
    id,
    type: 'password',
    autocomplete,
    maxlength: '256',
    data: { testid: id },
    ...(hint ? { 'aria-describedby': `${id}-hint` } : {}),
  });
  const field = h(
    'div',
    { class: 'field' },
    h('label', { for: id }, label),
    input,
    ...(hint ? [h('p', { class: 'hint', id: `${id}-hint` }, hint)] : []),
  );
  return { field, input };
}
