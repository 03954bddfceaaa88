// Which sections the control panel has, and the actions of `GET /api/v1/workspace/can` that open each: any of them.

/** @type {Record<string, string[]>} */
export const NEEDS = {
  profile: ['workspace.profile.view'],
  me: ['profile.edit', 'profile.delete'],
  people: ['people.open'],
  groups: ['group.manage'],
  invitations: ['member.invite', 'admin.invite'],
  attributes: ['attribute.create'],
  templates: ['email_template.create'],
  company: ['company.disable', 'workspace.delete'],
  record: ['record.view'],
};

/** @param {{ actions: { action: string, allowed: boolean }[] }} rights the server's answer @returns {Set<string>} */
export const allowedOf = ({ actions }) => new Set(actions.filter((one) => one.allowed).map((one) => one.action));

/** Whether somebody may open anything there. @param {Set<string>} allowed */
export const opensPanel = (allowed) => Object.values(NEEDS).flat().some((action) => allowed.has(action));
