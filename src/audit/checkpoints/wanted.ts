import type { Database, Tx } from '../../database/database.ts';
import { newestCheckpoint } from './stored.ts';

/** Asks whoever holds the lease for a checkpoint of at least this size. */
export async function want(log: Database, tenant: string, size: number): Promise<void> {
  await log.transaction((tx) =>
    tx
      .insertInto('audit_wanted')
      .values({ tenant, size })
      .onConflict((conflict) => conflict.column('tenant').doUpdateSet({ size }).where('audit_wanted.size', '<', size))
      .execute(),
  );
}

export async function wantedSizes(db: Pick<Tx, 'selectFrom'>): Promise<ReadonlyMap<string, number>> {
  const rows = await db.selectFrom('audit_wanted').selectAll().execute();
  return new Map(rows.map(({ tenant, size }) => [tenant, size]));
}

/** Those that a checkpoint under the log's name in force answers; a wish that grew meanwhile stays. */
export async function forgetWanted(log: Database, wanted: ReadonlyMap<string, number>): Promise<void> {
  await log.transaction(async (tx) => {
    for (const [tenant, size] of wanted) {
      const newest = await newestCheckpoint(tx, tenant);
      if (newest !== undefined && newest.size >= size)
        await tx.deleteFrom('audit_wanted').where('tenant', '=', tenant).where('size', '=', size).execute();
    }
  });
}
