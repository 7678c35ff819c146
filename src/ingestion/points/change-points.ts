import { AppError } from '../../core/errors.ts';
import type { ChunkId } from '../../core/ids.ts';
import { isLosslessObject, parseLossless, writeLossless } from '../../core/points/lossless.ts';
import { parsePath, type PayloadPath } from '../../core/points/payload-path.ts';
import { pointIdText } from '../../core/points/point-id.ts';
import type { LosslessObject, RawJson } from '../../core/points/raw-json.ts';
import type { StoredPoint } from '../../core/ports/collections.ts';
import type { RequestContext } from '../types.ts';
import { sameAccessFields } from './access-fields.ts';
import type { GivenPoint } from './judge-points.ts';
import type { PointsWriterParts } from './parts.ts';
import { pointText, withoutReserved } from './payload-fields.ts';
import { merged, without } from './payload-merge.ts';
import { atPoint } from './places.ts';
import { titleIn } from './read-point.ts';
import { selectPoints, vectorsOf, type SelectedPoint } from './select-points.ts';
import type { WriteTarget } from './target.ts';
import type { PointChange } from './types.ts';
import { upsertOnce } from './upsert.ts';
import { withoutVectors, withVectors } from './vector-merge.ts';

/** Points that one change of payloads or vectors may write again. */
export const MAX_CHANGED = 1_000;

type PayloadChange = Extract<PointChange, { readonly kind: 'set-payload' | 'overwrite-payload' | 'delete-payload' | 'clear-payload' }>;
type VectorChange = Extract<PointChange, { readonly kind: 'update-vectors' | 'delete-vectors' }>;

/**
 * A changed payload is a new write of the point: read, changed, and written with its vectors under compare-and-set. Where nothing of a
 * payload differs afterwards, nothing happens to it. Fails like an upsert, and with `conflict`.
 */
export async function changePayloads(
  parts: PointsWriterParts,
  context: RequestContext,
  target: WriteTarget,
  change: PayloadChange,
): Promise<void> {
  const alter = alteration(change);
  const selected = await selectPoints(parts, context, target, change.which, MAX_CHANGED);
  const stored = await storedOf(parts, target, selected);
  const { profile } = target.collection;
  const altered = selected.flatMap((point) => {
    const before = payloadOf(stored, point);
    const payload = atPoint(point.place, () => readAgain(withoutReserved(alter(before))));
    // As text, so that 1.0 in place of 1 is a change.
    if (writeLossless(payload) === writeLossless(before)) return [];
    const keepsText = pointText(before, profile.text) === pointText(payload, profile.text);
    const keepsTitle = titleIn(before, profile) === titleIn(payload, profile);
    return [{ point, payload, keepsText, keepsTitle, keepsAccess: sameAccessFields(before, payload, profile) }];
  });
  const vectors = await vectorsOf(
    parts,
    context,
    target,
    altered.map(({ point }) => point),
  );
  const given = altered.map(({ point, payload, keepsAccess, keepsText, keepsTitle }): GivenPoint => ({
    id: point.id,
    place: point.place,
    payload,
    vector: found(vectors, point.chunk),
    from: point.document,
    keepsAccess,
    keepsText,
    keepsTitle,
  }));
  await upsertOnce(parts, context, target, given);
}

/**
 * As a body is read: a path may spell a key that no body may hold, and nest deeper than any. Stored, it would fail everybody who asks for
 * a part of it, and every change of it.
 */
function readAgain(made: LosslessObject): LosslessObject {
  const payload = parseLossless(writeLossless(made));
  if (!isLosslessObject(payload)) throw new AppError('internal', { detail: 'a change made no object of a payload' });
  return payload;
}

function alteration(change: PayloadChange): (payload: LosslessObject) => LosslessObject {
  switch (change.kind) {
    case 'set-payload': {
      const path = change.key === undefined ? undefined : pathOf(change.key);
      const given = path === undefined ? withoutReserved(change.payload) : change.payload;
      return (payload) => merged(payload, given, path);
    }
    // As in Qdrant, whatever `key` says.
    case 'overwrite-payload':
      return () => change.payload;
    case 'delete-payload': {
      const paths = change.keys.map(pathOf);
      return (payload) => paths.reduce(without, payload);
    }
    case 'clear-payload':
      return () => ({});
  }
}

function pathOf(key: string): PayloadPath {
  const path = parsePath(key);
  if (path !== undefined) return path;
  throw new AppError('invalid_request', { issues: [{ pointer: '/key', message: 'must be a path into the payload' }] });
}

/** New vectors, or fewer, for points that stay what they are. Fails like `changePayloads`; an id that is not there is passed over. */
export async function changeVectors(
  parts: PointsWriterParts,
  context: RequestContext,
  target: WriteTarget,
  change: VectorChange,
): Promise<void> {
  const which = change.kind === 'delete-vectors' ? change.which : { ids: change.points.map(({ id }) => id) };
  const selected = await selectPoints(parts, context, target, which, MAX_CHANGED);
  const stored = await storedOf(parts, target, selected);
  const vectors = await vectorsOf(parts, context, target, selected);
  const alter = vectorAlteration(change);
  const given = selected.map((point): GivenPoint => {
    const vector = alter(point, found(vectors, point.chunk));
    const { id, place, document } = point;
    const keeps = { keepsAccess: true, keepsText: true, keepsTitle: true };
    return { id, place, payload: payloadOf(stored, point), vector, from: document, ...keeps };
  });
  await upsertOnce(parts, context, target, given);
}

function vectorAlteration(change: VectorChange): (point: SelectedPoint, stored: RawJson) => RawJson {
  if (change.kind === 'delete-vectors') return (_point, stored) => withoutVectors(stored, change.names);
  const given = Map.groupBy(change.points, ({ id }) => pointIdText(id));
  // Of one id that is named twice, one after the other.
  return (point, stored) => (given.get(pointIdText(point.id)) ?? []).reduce((vectors, { vector }) => withVectors(vectors, vector), stored);
}

function storedOf(
  { catalog }: PointsWriterParts,
  { collection, source }: WriteTarget,
  selected: readonly SelectedPoint[],
): Promise<ReadonlyMap<ChunkId, StoredPoint>> {
  return catalog.storedPoints(
    source.tenant,
    collection.key,
    selected.map(({ chunk }) => chunk),
  );
}

function payloadOf(stored: ReadonlyMap<ChunkId, StoredPoint>, { chunk }: SelectedPoint): LosslessObject {
  const point = stored.get(chunk);
  if (point === undefined) throw new AppError('conflict', { detail: 'a point was swept meanwhile' });
  const payload = parseLossless(point.payload);
  if (!isLosslessObject(payload)) throw new AppError('internal', { detail: 'a stored payload that is no object' });
  return payload;
}

function found(vectors: ReadonlyMap<ChunkId, RawJson>, chunk: ChunkId): RawJson {
  const vector = vectors.get(chunk);
  if (vector === undefined) throw new AppError('conflict', { detail: 'the index does not hold a point' });
  return vector;
}
