import type { ChunkId, CollectionKey } from '../core/ids.ts';
import type { DocumentChunks } from '../core/ports/document-chunks.ts';
import type { CatalogContext } from './context.ts';
import { OF_LIVE_COLLECTION } from './document-rows.ts';

/** Ids alone: texts and rights are read where they are judged, in one reading of the clock. */
export function createDocumentChunks({ database }: CatalogContext): DocumentChunks['documentChunks'] {
  return async (tenant, source, document, { from, limit }) => {
    const rows = await database.db
      .selectFrom('documents as d')
      .innerJoin('sources as s', (join) => join.onRef('s.tenant', '=', 'd.tenant').onRef('s.source', '=', 'd.source'))
      .leftJoin('collections as k', 'k.key', 'd.collection')
      .leftJoin('chunks as c', (join) =>
        join
          .onRef('c.tenant', '=', 'd.tenant')
          .onRef('c.key', '=', 'd.key')
          .onRef('c.content', '=', 'd.content')
          .on('c.state', '=', 'live')
          .on('c.ordinal', '>=', from)
          .on('c.ordinal', '<', from + limit),
      )
      .where('d.tenant', '=', tenant)
      .where('d.source', '=', source)
      .where('d.document', '=', document)
      .where('d.state', '=', 'live')
      .where('s.state', '=', 'live')
      .where(OF_LIVE_COLLECTION)
      .select(['c.chunk', 'd.collection', 'd.chunk_count as total'])
      .orderBy('c.ordinal')
      .execute();
    const [first] = rows;
    if (first === undefined) return undefined;
    const { collection, total } = first;
    const chunks = rows.flatMap(({ chunk }) => (chunk === null ? [] : [chunk as ChunkId]));
    return { ...(collection === null ? {} : { collection: collection as CollectionKey }), total, chunks };
  };
}
