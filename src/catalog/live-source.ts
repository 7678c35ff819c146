import type { Kysely } from 'kysely';
import { AppError } from '../core/errors.ts';
import type { SourceId, TenantId } from '../core/ids.ts';
import type { DatabaseKind } from '../database/database.ts';
import type { Schema } from '../database/schema.ts';

/**
 * `conflict` unless the source is live. In a transaction name the database's kind: PostgreSQL then holds the row shared, so that a
 * deletion of the source waits and sees the document that is being written.
 */
export async function demandLiveSource(db: Kysely<Schema>, tenant: TenantId, source: SourceId, lockOn?: DatabaseKind): Promise<void> {
  const row = await db
    .selectFrom('sources')
    .select('state')
    .where('tenant', '=', tenant)
    .where('source', '=', source)
    .$if(lockOn === 'postgres', (query) => query.forShare())
    .executeTakeFirst();
  if (row?.state !== 'live') throw new AppError('conflict', { detail: 'the source is not there or is being deleted' });
}
