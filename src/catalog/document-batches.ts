import type { ChunkId, DocumentId, DocumentKey } from '../core/ids.ts';
import type { StoredDocument } from '../core/ports/catalog.ts';
import type { BatchCatalog } from '../core/ports/document-batches.ts';
import type { CatalogContext } from './context.ts';
import { createDeleteAll } from './delete-documents.ts';
import { selectDocuments, storedDocument } from './document-rows.ts';
import { createPublishAll } from './publish.ts';
import { slices } from './slices.ts';
import { createStageAll } from './stage.ts';
import { moveEpoch } from './epochs.ts';
import { readTombstones } from './tombstones.ts';

export function documentBatches(context: CatalogContext): BatchCatalog {
  const { database, scheme } = context;
  return {
    async documents(tenant, source, ids) {
      const found = new Map<DocumentId, StoredDocument>();
      for (const some of slices(ids)) {
        const rows = await selectDocuments(database.db, tenant).where('d.source', '=', source).where('d.document', 'in', some).execute();
        for (const row of rows) found.set(row.document as DocumentId, storedDocument(scheme, row));
      }
      return found;
    },
    tombstones: (tenant, keys) => readTombstones(context, tenant, keys),
    async liveChunks(tenant, keys) {
      const found = new Map<ChunkId, DocumentKey>();
      for (const some of slices(keys)) {
        const live = database.db.selectFrom('chunks').select(['chunk', 'key']).where('tenant', '=', tenant).where('state', '=', 'live');
        for (const row of await live.where('key', 'in', some).execute()) found.set(row.chunk as ChunkId, row.key as DocumentKey);
      }
      return found;
    },
    stageAll: createStageAll(context),
    giveUpStaged: (tenant, chunks) =>
      database.transaction(async (tx) => {
        // A number that counted one of them meanwhile must not leave: soon nothing will tell any more that it was there.
        await moveEpoch(tx, tenant, { epoch: chunks.length > 0, generation: false });
        const dead: ChunkId[] = [];
        for (const some of slices(chunks)) {
          const staged = tx.updateTable('chunks').set({ state: 'dead' }).where('tenant', '=', tenant).where('state', '=', 'staged');
          const rows = await staged.where('chunk', 'in', some).returning('chunk').execute();
          dead.push(...rows.map(({ chunk }) => chunk as ChunkId));
        }
        return dead;
      }),
    publishAll: createPublishAll(context),
    deleteAll: createDeleteAll(context),
  };
}
