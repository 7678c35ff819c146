import { sql } from 'kysely';
import type { Database, Tx } from '../../database/database.ts';
import { databaseTime } from '../../database/time.ts';

/** Who may sign, as this process knows it. Only the database says whether it still holds. */
export interface Lease {
  readonly holder: string;
  readonly term: number;
}

const NAME = 'sequencer';

/** The lease is somebody else's, or ran out: nothing is written. */
export class LeaseLost extends Error {
  constructor() {
    super('the lease of the sequencer is held by another process, or ran out');
    this.name = 'LeaseLost';
  }
}

/**
 * Takes the lease where it is free or ran out, renews it where `held` is in force, and returns undefined where somebody else has it. All
 * times are the database's. A lease that ran out is renewed under a new term, since another holder may have been there meanwhile.
 */
export async function takeLease(log: Database, holder: string, leaseMs: number, held: Lease | undefined): Promise<Lease | undefined> {
  return log.transaction(async (tx) => {
    const now = databaseTime(log.kind);
    const until = sql<number>`${now} + ${sql.lit(leaseMs)}`;
    await tx
      .insertInto('audit_lease')
      .values({ name: NAME, holder: '', term: 0, until: 0 })
      .onConflict((conflict) => conflict.column('name').doNothing())
      .execute();
    if (held !== undefined) {
      const renewed = await tx
        .updateTable('audit_lease')
        .set({ until })
        .where('name', '=', NAME)
        .where('holder', '=', held.holder)
        .where('term', '=', held.term)
        .where('until', '>', now)
        .executeTakeFirst();
      if (renewed.numUpdatedRows === 1n) return held;
    }
    const taken = await tx
      .updateTable('audit_lease')
      .set((eb) => ({ holder, term: eb('term', '+', 1), until }))
      .where('name', '=', NAME)
      // Ours still, but of a thread of this process that died: the new term ends whatever it had begun.
      .where((eb) => eb.or([eb('until', '<=', now), eb('holder', '=', holder)]))
      .returning('term')
      .executeTakeFirst();
    return taken === undefined ? undefined : { holder, term: taken.term };
  });
}

/** In the transaction of what it guards, which holds the row until it commits. Throws `LeaseLost`. */
export async function holdLease(tx: Tx, log: Database, lease: Lease): Promise<void> {
  const mine = tx
    .selectFrom('audit_lease')
    .select('term')
    .where('name', '=', NAME)
    .where('holder', '=', lease.holder)
    .where('term', '=', lease.term)
    .where('until', '>', databaseTime(log.kind));
  const row = await (log.kind === 'postgres' ? mine.forUpdate() : mine).executeTakeFirst();
  if (row === undefined) throw new LeaseLost();
}

/** So that another replica need not wait for it to run out. Does nothing where it is no longer ours. */
export async function giveUpLease(log: Database, lease: Lease): Promise<void> {
  await log.transaction((tx) =>
    tx
      .updateTable('audit_lease')
      .set({ until: 0 })
      .where('name', '=', NAME)
      .where('holder', '=', lease.holder)
      .where('term', '=', lease.term)
      .execute(),
  );
}
