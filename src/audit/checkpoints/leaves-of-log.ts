import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Frontier } from '../../core/tlog/frontier.ts';
import type { Tx } from '../../database/database.ts';

const PAGE = 5_000;

/** Lets a tree grow by the leaves of the log itself, up to a size. False where events are missing. */
export async function growByLog(db: Pick<Tx, 'selectFrom'>, tenant: string, tree: Frontier, size: number): Promise<boolean> {
  while (tree.size() < size) {
    const rows = await db
      .selectFrom('audit_events')
      .select('leaf')
      .where('tenant', '=', tenant)
      .where('idx', '>=', tree.size())
      .where('idx', '<', Math.min(size, tree.size() + PAGE))
      .orderBy('idx')
      .execute();
    if (rows.length === 0) return false;
    for (const { leaf } of rows) tree.append(Buffer.from(leaf, 'hex'));
    // Whoever asks this thread something gets a turn.
    await nextTurn();
  }
  return true;
}
