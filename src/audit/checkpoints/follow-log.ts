import type { AuditHeadRow } from '../../database/audit-tables.ts';
import type { LogAndIndex } from '../index/open-index.ts';
import { dropIndex, indexBatch, logState } from '../index/index-step.ts';

/** The events do not lead to the head of their log: one was changed or taken out. */
export class BrokenLog extends Error {
  readonly tenant: string;

  constructor(tenant: string) {
    super(`the events of ${tenant} do not lead to the head of its log`);
    this.name = 'BrokenLog';
    this.tenant = tenant;
  }
}

/**
 * One batch towards the head, or nothing where it is reached. An index that is not of this log (the database was exchanged under it) is
 * deleted and built again, once; where it does not fit even then, the log itself is broken. Throws `BrokenLog`, `GapInLog`, `FencedOff`.
 */
export async function followLog(
  databases: LogAndIndex,
  term: number,
  head: Pick<AuditHeadRow, 'tenant' | 'size' | 'head'>,
  builtAgain: Set<string>,
): Promise<'reached' | 'more'> {
  const { tenant } = head;
  const before = await logState(databases.index.db, tenant);
  if (before.size < head.size) {
    const size = await indexBatch(databases, term, tenant, head.size);
    if (size < head.size) return 'more';
  }
  const now = await logState(databases.index.db, tenant);
  if (now.size === head.size && now.head === head.head) {
    builtAgain.delete(tenant);
    return 'reached';
  }
  if (builtAgain.has(tenant)) throw new BrokenLog(tenant);
  builtAgain.add(tenant);
  await dropIndex(databases.index, term, tenant);
  return 'more';
}
