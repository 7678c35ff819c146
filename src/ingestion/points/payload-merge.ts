import { isLosslessObject } from '../../core/points/lossless.ts';
import type { PathStep, PayloadPath } from '../../core/points/payload-path.ts';
import type { LosslessJson, LosslessObject } from '../../core/points/raw-json.ts';

/**
 * What Qdrant's payload operations make of a payload, to the letter (payload-merge.test.ts asks a real one). Nothing is changed in
 * place: a payload is a value.
 */

/** `set payload`: members are set, and taken away where they are null; at the root, or at each place that `path` names. */
export function merged(payload: LosslessObject, given: LosslessObject, path?: PayloadPath): LosslessObject {
  return path === undefined ? mergedObject(payload, given) : (setAt(payload, path, given) as LosslessObject);
}

function mergedObject(before: LosslessObject, given: LosslessObject): LosslessObject {
  const after = new Map(Object.entries(before));
  for (const [key, value] of Object.entries(given)) {
    if (value === null) after.delete(key);
    else after.set(key, value);
  }
  return Object.fromEntries(after);
}

/** Whatever stands in the way of the path gives way to an object, or to an empty list where the path wants one. */
function setAt(before: LosslessJson | undefined, steps: readonly PathStep[], given: LosslessObject): LosslessJson {
  const [step, ...rest] = steps;
  if (step === undefined) return mergedObject(isLosslessObject(before) ? before : {}, given);
  if (step.kind === 'key') {
    const object = isLosslessObject(before) ? before : {};
    const inner = Object.hasOwn(object, step.key) ? object[step.key] : undefined;
    return { ...object, [step.key]: setAt(inner, rest, given) };
  }
  const list = Array.isArray(before) ? (before as readonly LosslessJson[]) : [];
  return list.map((item, index) => (step.kind === 'all' || step.index === index ? setAt(item, rest, given) : item));
}

/** `delete payload`: what a path names goes. An item of a list never does; a path that ends in `[]` empties its list. */
export function without(payload: LosslessObject, path: PayloadPath): LosslessObject {
  return removeAt(payload, path) as LosslessObject;
}

function removeAt(before: LosslessJson, steps: readonly PathStep[]): LosslessJson {
  const [step, ...rest] = steps;
  if (step === undefined) return before;
  if (step.kind === 'key') return removeKey(before, step.key, rest);
  if (!Array.isArray(before)) return before;
  const list = before as readonly LosslessJson[];
  if (rest.length === 0) return step.kind === 'all' ? [] : list;
  return list.map((item, index) => (step.kind === 'all' || step.index === index ? removeAt(item, rest) : item));
}

function removeKey(before: LosslessJson, key: string, rest: readonly PathStep[]): LosslessJson {
  if (!isLosslessObject(before) || !Object.hasOwn(before, key)) return before;
  if (rest.length > 0) return { ...before, [key]: removeAt(before[key] ?? null, rest) };
  return Object.fromEntries(Object.entries(before).filter(([name]) => name !== key));
}
