import type { Kysely } from 'kysely';
import { AppError } from '../../core/errors.ts';
import type { DatabaseKind } from '../../database/database.ts';
import type { DocumentRow } from '../../database/catalog-tables.ts';
import type { Schema } from '../../database/schema.ts';
import type { ChangeColumns } from '../history.ts';

/**
 * Who deleted the collection that a document was left behind in: nobody reads it any more, its tombstone is still to be set. Undefined
 * where the document is one of its own, or its collection is live.
 */
export async function leftBehindIn(db: Kysely<Schema>, row: DocumentRow | undefined): Promise<ChangeColumns | undefined> {
  if (row === undefined || row.collection === null || row.state === 'deleted') return undefined;
  return db
    .selectFrom('collections')
    .select(['changed_by', 'changed_through', 'request_id'])
    .where('key', '=', row.collection)
    .where('state', '<>', 'live')
    .executeTakeFirst();
}

/**
 * `conflict` unless the collection is live. As with `demandLiveSource`, PostgreSQL holds the row shared: a deletion waits, and then
 * sees the point that is being written.
 */
export async function demandLiveCollection(db: Kysely<Schema>, key: string, lockOn: DatabaseKind): Promise<void> {
  const row = await db
    .selectFrom('collections')
    .select('state')
    .where('key', '=', key)
    .$if(lockOn === 'postgres', (query) => query.forShare())
    .executeTakeFirst();
  if (row?.state !== 'live') throw new AppError('conflict', { detail: 'the collection is not there or is being deleted' });
}
