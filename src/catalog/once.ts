import type { OnceGuard } from '../core/ports/identity.ts';
import { databaseNow, type CatalogContext } from './context.ts';

/** What expired is swept at most this often by one process, milliseconds of the database's clock. */
const SWEEP_MS = 10_000;

/**
 * Notes the use of a token in the database, so that no other replica takes it again and no restart forgets it. A row goes once what
 * it names is refused by its age in any case, so there are as many as proofs that held in about a minute.
 */
export function createOnce(context: CatalogContext): OnceGuard['useOnce'] {
  let sweptAt = 0;
  return (key, until) =>
    context.database.transaction(async (tx) => {
      const now = await databaseNow(tx, context);
      if (now - sweptAt >= SWEEP_MS) {
        await tx
          .deleteFrom('seen_tokens')
          .where('expires_at', '<', Math.floor(now / 1_000))
          .execute();
        sweptAt = now;
      }
      const inserted = await tx
        .insertInto('seen_tokens')
        .values({ key, expires_at: Math.ceil(until) })
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirstOrThrow();
      return inserted.numInsertedOrUpdatedRows === 1n;
    });
}
