import { AppError } from '../../core/errors.ts';
import { isLosslessObject, parseLossless, writeLossless } from '../../core/points/lossless.ts';
import { isReservedName, parsePath, RESERVED_KEY } from '../../core/points/payload-path.ts';
import type { LosslessJson, LosslessObject } from '../../core/points/raw-json.ts';
import type { RemovedCharacters } from '../../core/ports/candidate.ts';
import type { CollectionProfile } from '../../core/ports/collections.ts';
import { NOTHING_REMOVED, total } from '../original.ts';
import { cleanText, type RemovalCount } from '../parse/invisible.ts';

/** The value at a dotted path; undefined where there is none. Only members of objects are followed, never items of lists. */
export function fieldAt(payload: LosslessObject, path: string): LosslessJson | undefined {
  let value: LosslessJson | undefined = payload;
  for (const key of keysOf(path)) {
    if (!isLosslessObject(value) || !Object.hasOwn(value, key)) return undefined;
    value = value[key];
  }
  return value;
}

/** A text at a path of the profile; undefined where there is none, or something else stands there. */
export function textAt(payload: LosslessObject, path: string | undefined): string | undefined {
  const value = path === undefined ? undefined : fieldAt(payload, path);
  return typeof value === 'string' ? value : undefined;
}

/** Null is how clients spell that there is nothing. */
export function isAbsent(value: LosslessJson | undefined): value is null | undefined {
  return value === undefined || value === null;
}

/** The text of a point; undefined where the payload has none at that place. */
export function pointText(payload: LosslessObject, { path, inner }: CollectionProfile['text']): string | undefined {
  const outer = textAt(payload, path);
  if (outer === undefined || inner === undefined) return outer;
  const within = objectIn(outer);
  return within === undefined ? undefined : textAt(within, inner);
}

/** The payload with another text at that place, everything else as it was. `pointText` has found one there. */
export function withPointText(payload: LosslessObject, { path, inner }: CollectionProfile['text'], text: string): LosslessObject {
  if (inner === undefined) return replaceAt(payload, keysOf(path), text);
  const within = objectIn(textAt(payload, path) ?? '');
  if (within === undefined) throw new AppError('internal', { detail: 'the text of a point is gone from its payload' });
  return replaceAt(payload, keysOf(path), writeLossless(replaceAt(within, keysOf(inner), text)));
}

/**
 * Without what the house adds at the root: whoever reads a point and writes it back sends our provenance along, and it must neither be
 * refused nor stored, where it could pass for ours.
 */
export function withoutReserved(payload: LosslessObject): LosslessObject {
  const entries = Object.entries(payload);
  const kept = entries.filter(([key]) => key !== RESERVED_KEY);
  // Nobody read those from us; taken away in silence they would be lost, and stored they could pass for the reserved one.
  if (kept.some(([key]) => isReservedName(key))) throw reservedRefusal();
  return kept.length === entries.length ? payload : Object.fromEntries(kept);
}

function reservedRefusal(): AppError {
  const message = `a key that looks like ${RESERVED_KEY}, which is reserved`;
  return new AppError('invalid_request', { issues: [{ pointer: '/payload', message }] });
}

/** A text without what a reader cannot see in it. One in which nothing is hidden stays as it came, to the byte. */
export function visibleText(text: string): { readonly text: string; readonly removed: RemovedCharacters } {
  const removed: RemovalCount = { ...NOTHING_REMOVED };
  const cleaned = text
    .split('\r\n')
    .map((line) => cleanText(line, removed))
    .join('\r\n');
  // The same letters, composed in another way.
  return total(removed) === 0 && cleaned === text.normalize('NFC') ? { text, removed } : { text: cleaned, removed };
}

function keysOf(path: string): readonly string[] {
  const steps = parsePath(path) ?? [];
  // A path through lists names no one field.
  return steps.some(({ kind }) => kind !== 'key') ? [] : steps.flatMap((step) => (step.kind === 'key' ? [step.key] : []));
}

function objectIn(text: string): LosslessObject | undefined {
  try {
    const value = parseLossless(text);
    return isLosslessObject(value) ? value : undefined;
  } catch (error) {
    if (error instanceof AppError) return undefined;
    throw error;
  }
}

function replaceAt(value: LosslessObject, [key, ...rest]: readonly string[], text: string): LosslessObject {
  if (key === undefined) return value;
  const before = value[key];
  return { ...value, [key]: rest.length > 0 && isLosslessObject(before) ? replaceAt(before, rest, text) : text };
}
