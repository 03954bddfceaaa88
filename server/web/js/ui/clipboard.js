// Copying, also where the page is not a secure context: there `navigator.clipboard` does not exist.

/**
 * Copies text; false when the browser does not allow it.
 * @param {string} text
 * @param {HTMLInputElement} [field] a visible field that holds the text, for the older way
 * @returns {Promise<boolean>}
 */
export async function copy(text, field) {
  if (navigator.clipboard && window.isSecureContext) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      // No permission: the older way may still be open.
    }
  }
  const source = field ?? hiddenField(text);
  source.focus();
  source.select();
  try {
    return document.execCommand('copy');
  } catch {
    return false;
  } finally {
    if (!field) source.remove();
  }
}

/**
 * @param {string} text
 * @returns {HTMLInputElement}
 */
function hiddenField(text) {
  const field = document.createElement('input');
  field.value = text;
  field.readOnly = true;
  field.className = 'sr-only';
  field.setAttribute('aria-hidden', 'true');
  // Inside an open dialog everything outside it is inert and cannot be selected.
  (document.querySelector('dialog[open]') ?? document.body).append(field);
  return field;
}
