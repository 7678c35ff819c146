import { AppError } from '../../core/errors.ts';
import { authorityOf } from '../authority.ts';
import { retryOnConflict } from '../put-document.ts';
import type { RequestContext } from '../types.ts';
import { changePayloads, changeVectors } from './change-points.ts';
import { collectionMethods } from './collection-methods.ts';
import { deleteIds, deleteSelected } from './delete-points.ts';
import type { PointsWriterParts } from './parts.ts';
import { selectPoints } from './select-points.ts';
import { writeTarget, type WriteTarget } from './target.ts';
import type { PointChange, PointSelector, PointsWriter } from './types.ts';
import { upsertOnce } from './upsert.ts';

/** Points that one call may write or delete, and that one filter may match for deletion. */
const MAX_POINTS = 10_000;

/** Writes of the Qdrant-compatible door (docs/qdrant-door.md, "Writing"). */
export function createPointsWriter(parts: PointsWriterParts): PointsWriter {
  return {
    async change(context, collection, changes) {
      for (const change of changes) {
        await retryOnConflict(context.signal, () => changeOnce(parts, context, collection, change));
      }
    },
    ...collectionMethods(parts),
  };
}

async function changeOnce(parts: PointsWriterParts, context: RequestContext, name: string, change: PointChange): Promise<void> {
  const target = writeTarget(parts, await authorityOf(parts, context), name);
  switch (change.kind) {
    case 'upsert': {
      demandFew(change.points);
      const given = change.points.map((point, place) => ({ ...point, place }));
      return upsertOnce(parts, context, target, given);
    }
    case 'delete':
      return deletePoints(parts, context, target, change.which);
    case 'set-payload':
    case 'overwrite-payload':
    case 'delete-payload':
    case 'clear-payload':
      return changePayloads(parts, context, target, change);
    case 'update-vectors':
    case 'delete-vectors':
      return changeVectors(parts, context, target, change);
  }
}

async function deletePoints(parts: PointsWriterParts, context: RequestContext, target: WriteTarget, which: PointSelector): Promise<void> {
  if ('ids' in which) {
    demandFew(which.ids);
    return deleteIds(parts, context, target, which.ids);
  }
  const selected = await selectPoints(parts, context, target, which, MAX_POINTS);
  return deleteSelected(
    parts,
    context,
    target,
    selected.map(({ document }) => document),
  );
}

function demandFew(points: readonly unknown[]): void {
  if (points.length <= MAX_POINTS) return;
  throw new AppError('limit_exceeded', { issues: [{ pointer: '/points', message: `at most ${MAX_POINTS} points in one write` }] });
}
