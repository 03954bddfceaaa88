// The elements of a page, found by id and checked to be what the scripts take them for.

/**
 * The element of this id. Throws when the page and the script do not fit.
 * @template {Element} E
 * @param {string} id
 * @param {new () => E} type
 * @returns {E}
 */
export function byId(id, type) {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`#${id} is not a ${type.name}`);
  return found;
}
