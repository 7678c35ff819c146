import { newModelFromString, type Model } from 'casbin';

/**
 * What the compiler was written for. The model file is for people to read and for Casbin to run; a change to it without
 * a change to the compiler would make the two keys judge by different rules, so any difference stops the start.
 */
const EXPECTED: Readonly<Record<string, string>> = {
  'r.r': 'sub, zone, act, purpose',
  'p.p': 'who, tenant, source, act, label, trust, purpose, eft',
  'g.g': '_, _, _',
  'e.e': 'some(where (p_eft == allow)) && !some(where (p_eft == deny))',
  'm.m':
    'p_tenant === r_sub.tenant && p_tenant === r_zone.tenant && holds(r_sub, p_who) && p_act === r_act && ' +
    'serves(p_purpose, r_purpose) && covers(p_source, r_zone.source) && speaks(p_eft, p_label, p_trust, r_zone)',
};

/** Makes a model without lines. Each enforcer gets its own, since Casbin keeps the lines inside the model. */
export type ModelFactory = () => Model;

/** Reads `model.conf` and compares what Casbin parsed, not what the file says: a `;` or a comment cuts a matcher short in silence. */
export function loadModel(text: string): ModelFactory {
  const parsed = new Map<string, string>();
  for (const [section, assertions] of newModelFromString(text).model) {
    for (const [key, assertion] of assertions) parsed.set(`${section}.${key}`, assertion.value);
  }
  for (const [key, value] of Object.entries(EXPECTED)) {
    if (parsed.get(key) !== value) throw new Error(`model.conf: "${key}" is not what this version compiles. Restore: ${value}`);
    parsed.delete(key);
  }
  const [extra] = parsed.keys();
  if (extra !== undefined) throw new Error(`model.conf: "${extra}" is not part of the model this version compiles. Remove it.`);
  return () => newModelFromString(text);
}
