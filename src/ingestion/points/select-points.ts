import { actorPrincipals, userPrincipals } from '../../core/caller.ts';
import { AppError } from '../../core/errors.ts';
import type { ChunkId } from '../../core/ids.ts';
import { pointIdText, type PointId } from '../../core/points/point-id.ts';
import type { RawJson } from '../../core/points/raw-json.ts';
import type { StoredDocument } from '../../core/ports/catalog.ts';
import type { ReadablePoint } from '../../core/ports/points.ts';
import { presence } from '../../core/presence.ts';
import { usualPurpose } from '../../core/purpose.ts';
import type { RequestContext } from '../types.ts';
import { mayWrite } from './delete-points.ts';
import type { PointsWriterParts } from './parts.ts';
import { pointDocumentId } from './read-point.ts';
import type { WriteTarget } from './target.ts';
import type { PointSelector } from './types.ts';

/** A point that the caller may read and write, and the document that it is. */
export interface SelectedPoint {
  readonly id: PointId;
  readonly chunk: ChunkId;
  /** Its place among the ids that were named, or among those found. */
  readonly place: number;
  readonly document: StoredDocument;
}

/**
 * The points that a change is about: readable by both keys, of the caller's own source, and not beyond their rights as a writer. What is
 * hidden, missing, in another source or beyond them is passed over alike. Fails with `limit_exceeded` where more than `most` are
 * readable, and with `conflict` where one of them was written meanwhile.
 */
export async function selectPoints(
  parts: PointsWriterParts,
  context: RequestContext,
  target: WriteTarget,
  which: PointSelector,
  most: number,
): Promise<readonly SelectedPoint[]> {
  const { collection, source } = target;
  const found = await readable(parts, context, target, which, most);
  const documents = await parts.batches.documents(
    source.tenant,
    source.id,
    found.map(({ id }) => pointDocumentId(collection, id)),
  );
  const places = new Map('ids' in which ? which.ids.map((id, place) => [pointIdText(id), place]) : []);
  const selected = found.flatMap(({ id, chunk, key }, index): readonly SelectedPoint[] => {
    const document = documents.get(pointDocumentId(collection, id));
    // Another application's point may go by the same id.
    if (document?.key !== key || !mayWrite(target, document)) return [];
    return [{ id, chunk, document, place: places.get(pointIdText(id)) ?? index }];
  });
  await demandCurrent(parts, target, selected);
  return selected;
}

async function readable(
  parts: PointsWriterParts,
  { caller, signal }: RequestContext,
  { collection }: WriteTarget,
  which: PointSelector,
  most: number,
): Promise<readonly ReadablePoint[]> {
  try {
    return await parts.readable.readable(caller, collection.name, which, most, signal);
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'limit_exceeded') throw error;
    const message = `more than ${most} points match: change fewer at once, by a narrower filter or by their ids`;
    throw new AppError('limit_exceeded', { issues: [{ pointer: '', message }], cause: error });
  }
}

/**
 * Chunks never come back to life, so one that still lives now was the document's when its revision was read: what is made from its
 * payload is made from that revision, and publishing compares it.
 */
async function demandCurrent({ catalog }: PointsWriterParts, { source }: WriteTarget, selected: readonly SelectedPoint[]): Promise<void> {
  if (selected.length === 0) return;
  const { candidates } = await catalog.candidates(
    source.tenant,
    selected.map(({ chunk }) => chunk),
  );
  for (const { chunk } of selected) {
    const state = candidates.get(chunk)?.state;
    if (state === undefined || state === 'gone' || state === 'staged') throw new AppError('conflict', { detail: 'a point has moved on' });
  }
}

/** Their vectors, as the index holds them. Fails with `conflict` where it does not hold one of them for this caller: by now, or yet. */
export async function vectorsOf(
  parts: PointsWriterParts,
  context: RequestContext,
  { collection }: WriteTarget,
  selected: readonly SelectedPoint[],
): Promise<ReadonlyMap<ChunkId, RawJson>> {
  const vectors = new Map<ChunkId, RawJson>();
  if (selected.length === 0) return vectors;
  const { stamp, view, caller } = await presence(parts.catalog, context.caller);
  const decision = parts.policy.decide(view, caller, 'retrieve', usualPurpose(parts.policy));
  const principals = [...userPrincipals(caller), caller.client, ...actorPrincipals(caller)];
  const numbers = await parts.catalog.numbers(caller.tenant, principals, stamp);
  const now = Math.floor(parts.clock.now() / 1_000);
  const authorization = parts.policy.authorize({ view, caller, decision, restriction: {}, numbers, now });
  if (authorization.kind === 'filter') {
    const scope = { place: collection.key, filter: authorization.filter, never: [] };
    const chunks = selected.map(({ chunk }) => chunk);
    for (const { chunk, vector } of await parts.points.points(scope, chunks, { kind: 'all' }, context.signal)) {
      if (vector !== undefined) vectors.set(chunk, vector);
    }
  }
  if (!selected.every(({ chunk }) => vectors.has(chunk))) throw new AppError('conflict', { detail: 'the index does not hold a point' });
  return vectors;
}
