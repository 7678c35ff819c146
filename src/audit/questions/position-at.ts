import type { TenantId } from '../../core/ids.ts';
import type { Database } from '../../database/database.ts';

/** The first position whose event is at or after a time (milliseconds), `size` where none is. Time does not run backwards along a log. */
export async function positionAt({ db }: Database, tenant: TenantId, time: number, size: number): Promise<number> {
  let [from, to] = [0, size];
  while (from < to) {
    const middle = Math.floor((from + to) / 2);
    const row = await db
      .selectFrom('audit_events')
      .select('at')
      .where('tenant', '=', tenant)
      .where('idx', '=', middle)
      .executeTakeFirstOrThrow();
    if (row.at < time) from = middle + 1;
    else to = middle;
  }
  return from;
}
