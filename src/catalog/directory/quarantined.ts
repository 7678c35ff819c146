import { sql } from 'kysely';
import type { QuarantinedDocuments } from '../../core/ports/directory.ts';
import type { TenantId } from '../../core/ids.ts';
import type { CatalogContext } from '../context.ts';
import { selectDocuments, storedDocument } from '../document-rows.ts';

// To the letter the condition of the partial index, which SQLite uses only then.
const QUARANTINED = sql<boolean>`state = 'quarantined'`;

/** Documents in quarantine whose source is live, tenant by tenant. */
export function quarantinedDocuments({ database, scheme }: Pick<CatalogContext, 'database' | 'scheme'>): QuarantinedDocuments {
  return async (after, limit) => {
    const keys = await database.db
      .selectFrom('documents')
      .select(['tenant', 'key'])
      .where(QUARANTINED)
      .$if(after !== undefined, (query) =>
        query.where((where) =>
          where.or([
            where('tenant', '>', after?.tenant ?? ''),
            where.and([where('tenant', '=', after?.tenant ?? ''), where('key', '>', after?.key ?? '')]),
          ]),
        ),
      )
      .orderBy('tenant')
      .orderBy('key')
      .limit(limit)
      .execute();
    const found = [];
    for (const { tenant, key } of keys) {
      const row = await selectDocuments(database.db, tenant as TenantId)
        .where('d.key', '=', key)
        .executeTakeFirst();
      if (row !== undefined) found.push(storedDocument(scheme, row));
    }
    return found;
  };
}
