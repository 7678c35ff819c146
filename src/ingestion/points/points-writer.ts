import { AppError } from '../../core/errors.ts';
import { authorityOf } from '../authority.ts';
import { retryOnConflict } from '../put-document.ts';
import type { RequestContext } from '../types.ts';
import { deleteIds } from './delete-points.ts';
import type { PointsWriterParts } from './parts.ts';
import { writeTarget } from './target.ts';
import type { PointChange, PointsWriter } from './types.ts';
import { upsertOnce } from './upsert.ts';

/** Writes of the Qdrant-compatible door. */
export function createPointsWriter(parts: PointsWriterParts): PointsWriter {
  return {
    async change(context, collection, changes) {
      for (const change of changes) {
        await retryOnConflict(context.signal, () => changeOnce(parts, context, collection, change));
      }
    },
    createCollection: later,
    deleteCollection: later,
    createIndex: later,
    deleteIndex: later,
  };
}

function later(): never {
  throw new AppError('unsupported_request', { issues: [{ pointer: '', message: 'not yet' }] });
}

async function changeOnce(parts: PointsWriterParts, context: RequestContext, name: string, change: PointChange): Promise<void> {
  const target = writeTarget(parts, await authorityOf(parts, context), name);
  switch (change.kind) {
    case 'upsert':
      return upsertOnce(
        parts,
        context,
        target,
        change.points.map((point, place) => ({ ...point, place })),
      );
    case 'delete':
      return 'ids' in change.which ? deleteIds(parts, context, target, change.which.ids) : later();
    default:
      return later();
  }
}
