import { AppError } from '../../core/errors.ts';
import { authorityOf } from '../authority.ts';
import { ownedSource } from '../collection-settings.ts';
import { owns } from '../collections.ts';
import { retryOnConflict } from '../put-document.ts';
import type { RequestContext } from '../types.ts';
import { writerTrustFor } from '../write-rights.ts';
import type { PointsWriterParts } from './parts.ts';
import { hostedCollection } from './target.ts';
import type { PointWrite } from './types.ts';
import { upsertOnce } from './upsert.ts';

/**
 * Points into one source of a collection, whichever source its applications write into: how owners bring in what another store holds.
 * The caller owns the collection and the source (`label`), as for binding it, and may `ingest` there; from there on it is the path of
 * every write of points. Fails with `forbidden` for a source and `not_found` for a collection that is not theirs, and like that path.
 */
export type AdoptPoints = (context: RequestContext, collection: string, source: string, points: readonly PointWrite[]) => Promise<void>;

export function createAdoptPoints(parts: PointsWriterParts): AdoptPoints {
  return (context, name, id, points) =>
    retryOnConflict(context.signal, async () => {
      const authority = await authorityOf(parts, context);
      const source = authority.source(ownedSource(authority, id, '/source'), 'ingest');
      const collection = hostedCollection(parts, authority, name);
      // Another's collection would become partly theirs.
      if (!owns(parts, authority, collection)) throw new AppError('not_found');
      const target = { authority, collection, source, writer: writerTrustFor(parts.policy, authority, source) };
      const given = points.map((point, place) => ({ ...point, place }));
      await upsertOnce(parts, context, target, given);
    });
}
