import { AppError } from '../../core/errors.ts';
import type { ChunkId } from '../../core/ids.ts';
import type { RequestContext } from '../types.ts';
import type { PointsWriterParts } from './parts.ts';
import type { WriteTarget } from './target.ts';

/**
 * Runs what may still refuse chunks that are staged; where it does, they go at once. Left to the sweeper they would be unsettled for ten
 * minutes, and a few large writes that are refused would keep everybody's counts, facets and groups from being answered. Dead in the
 * catalog first: so no live chunk is ever without its point. What fails here, the mender takes up.
 */
export async function givingUp(
  parts: PointsWriterParts,
  { signal }: RequestContext,
  { collection, source: { tenant } }: WriteTarget,
  chunks: readonly ChunkId[],
  run: () => Promise<void>,
): Promise<void> {
  try {
    await run();
  } catch (error) {
    // Of an index that is away, or another's write in between, the same write takes them up again.
    const refused = error instanceof AppError && error.status < 500 && error.code !== 'conflict';
    if (refused && chunks.length > 0) {
      try {
        const dead = await parts.batches.giveUpStaged(tenant, chunks);
        await parts.vectors.deleteChunks(tenant, dead, signal, collection.key);
        await parts.writes.purgeChunks(tenant, dead);
      } catch {
        parts.mend();
      }
    }
    throw error;
  }
}
