// Somebody's custom attributes as fields of a form.

import { field, select, textInput } from '../ui/fields.js';

/** @typedef {import('./panel.js').Panel} Panel */
/** @typedef {import('./panel.js').Attribute} Attribute */
/** @typedef {import('../ui/fields.js').Control} Control */

/** @param {Panel} panel @returns {Promise<Attribute[]>} none for whoever may not see them */
export async function attributesOf(panel) {
  return panel.may('attribute.create') ? (await panel.call('GET', '/attributes')).attributes : [];
}

/**
 * @param {Attribute[]} attributes
 * @param {Record<string, string>} values
 * @returns {{ fields: HTMLElement[], changed: () => Record<string, string | null> }} `changed`: what is to be sent
 */
export function valueFields(attributes, values) {
  const controls = attributes.map((attribute) => control(attribute, values[attribute.id] ?? ''));
  return {
    fields: controls.map((one, index) => field(one, attributes[index].name)),
    changed: () => {
      const now = attributes.map(({ id }, index) => /** @type {const} */ ([id, controls[index].value.trim()]));
      return Object.fromEntries(now.filter(([id, value]) => value !== (values[id] ?? '')).map(([id, value]) => [id, value || null]));
    },
  };
}

/** @param {Attribute} attribute @param {string} value @returns {Control} */
function control({ id, kind, choices }, value) {
  const [dom, name] = [`value-${id}`, `values.${id}`];
  if (kind === 'choice') return select(dom, [['', '—'], ...choices.map((one) => [one, one])], value, name);
  if (kind === 'date') return textInput(dom, name, value, { type: 'date' });
  // A field of the kind number would take 1e3 and lose what it does not understand; the server says what it takes.
  return textInput(dom, name, value, { maxlength: 500, inputmode: kind === 'number' ? 'decimal' : null });
}
