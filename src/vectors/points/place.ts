import { AppError } from '../../core/errors.ts';
import type { CollectionKey } from '../../core/ids.ts';
import { isLosslessObject } from '../../core/points/lossless.ts';
import { isReservedName, isReservedPath, parsePath } from '../../core/points/payload-path.ts';
import type { LosslessObject } from '../../core/points/raw-json.ts';
import type { PointPlace } from '../../core/ports/collections.ts';
import { DENSE, SPARSE } from '../collection.ts';
import type { PayloadLayout } from '../filter.ts';
import { PAYLOAD_KEYS } from '../payload.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Where the points of a hosted collection lie in Qdrant. The key becomes part of a URL, so nothing but a UUID passes. */
export function physicalName(key: CollectionKey): string {
  if (!UUID.test(key)) throw new AppError('internal', { detail: 'the key of a collection is no UUID' });
  return `sluice-${key}`;
}

export function layoutOf(place: PointPlace): PayloadLayout {
  return place === 'own' ? 'root' : 'reserved';
}

/**
 * True of a path that a caller may not name: what filters look at, in a hosted collection; in Sluice's own all but
 * `metadata`. What is no path is reserved.
 */
export function isReserved(place: PointPlace, path: string): boolean {
  return place === 'own' ? parsePath(path)?.[0].key !== 'metadata' : isReservedPath(path);
}

/**
 * A last line of defence, behind the door's own check, before a path goes into a request. Fails with `internal`.
 */
export function allowedPath(place: PointPlace, path: string): string {
  if (isReserved(place, path)) throw new AppError('internal', { detail: 'a reserved payload key must not reach the index' });
  return path;
}

/** Words of formulas are payload keys, variables such as `$score`, and instants: only what is one of ours is told from the rest. */
export function allowedWord(place: PointPlace, word: string): string {
  const root = parsePath(word)?.[0].key;
  const ours = root !== undefined && (place === 'own' ? PAYLOAD_KEYS.includes(root) : isReservedName(root));
  if (ours) throw new AppError('internal', { detail: 'a reserved payload key must not reach the index' });
  return word;
}

/** Sluice's own collection has two vectors by name. Qdrant says itself what a hosted one does not have. */
export function allowedVector(place: PointPlace, name: string | undefined): string | undefined {
  if (place !== 'own' || name === DENSE || name === SPARSE) return name;
  throw new AppError('unsupported_request', {
    issues: [{ pointer: '', message: `Not existing vector name error: ${name ?? ''}. This collection has ${SPARSE} and ${DENSE}.` }],
  });
}

/** Checks each member of a plain condition that names a payload key. Fails with `internal` on a shape that is no such condition. */
export function allowedCondition(place: PointPlace, condition: LosslessObject): LosslessObject {
  const path = 'key' in condition ? condition['key'] : keyWithin(condition);
  if (typeof path !== 'string') throw new AppError('internal', { detail: 'a condition without a payload key must not reach the index' });
  allowedPath(place, path);
  return condition;
}

function keyWithin(condition: LosslessObject): unknown {
  const [[name, value] = ['', null], more] = Object.entries(condition);
  if (more !== undefined || (name !== 'is_empty' && name !== 'is_null')) return undefined;
  return isLosslessObject(value) ? value['key'] : undefined;
}
