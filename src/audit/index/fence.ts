import type { Database, Tx } from '../../database/database.ts';

/** Another holder of the lease has begun to write: whatever this one still had in mind is not written. */
export class FencedOff extends Error {
  constructor(term: number) {
    super(`the index is written under a later term than ${term}`);
    this.name = 'FencedOff';
  }
}

const TIMEOUT_MS = 300_000;

/**
 * A transaction on the index that commits only while no later term wrote there. The highest term lies beside what it guards, so a holder
 * that was paused before its COMMIT and comes back after another one began changes nothing.
 */
export function fenced<T>(index: Database, term: number, run: (tx: Tx) => Promise<T>): Promise<T> {
  return index.transaction(
    async (tx) => {
      const moved = await tx
        .updateTable('audit_index_fence')
        .set({ term })
        .where('id', '=', 1)
        .where('term', '<=', term)
        .executeTakeFirst();
      if (moved.numUpdatedRows !== 1n) throw new FencedOff(term);
      return run(tx);
    },
    { timeoutMs: TIMEOUT_MS },
  );
}
