import { named } from '../../core/audit-names.ts';
import type { TenantId } from '../../core/ids.ts';
import type { Json } from '../../core/json.ts';
import type { AuditEvent, AuditPort } from '../../core/ports/audit.ts';
import type { AuditSink } from '../../database/audit-sink.ts';
import type { Database, Tx } from '../../database/database.ts';
import { lockHeads } from '../statements.ts';
import type { OrphanedIntent } from '../worker/protocol.ts';

/** Of a swept intent. It says that no release was recorded so far, not that none can follow. */
export const ORPHANED = 'orphaned';

export interface SweepParts {
  readonly database: Database;
  readonly audit: Pick<AuditPort, 'byRequest'>;
  readonly sink: AuditSink;
}

/**
 * Ends intents that stayed alone with an `error` event each, and returns how many. The tenant's head is locked before it is looked again
 * whether they are alone, so two replicas sweep one intent once, and none that was released meanwhile. A release that is written after it,
 * by a process that was paused, stands beside it in the log and is what counts: it says what may have left.
 */
export async function sweepIntents(
  { database, audit, sink }: SweepParts,
  tenant: TenantId,
  intents: readonly OrphanedIntent[],
): Promise<number> {
  const events = await Promise.all(intents.map((intent) => errorOf(audit, tenant, intent)));
  return database.transaction(async (tx) => {
    await lockHeads(tx, database.kind, [tenant]);
    const ended = await endedAmong(
      tx,
      tenant,
      intents.map(({ requestId }) => requestId),
    );
    const alone = events.filter((event) => event !== undefined && !ended.has(event.requestId)) as readonly AuditEvent[];
    for (const event of alone) await sink(tx, event);
    return alone.length;
  });
}

async function endedAmong(tx: Tx, tenant: TenantId, requests: readonly string[]): Promise<ReadonlySet<string>> {
  const rows = await tx
    .selectFrom('audit_events')
    .select('request_id')
    .where('tenant', '=', tenant)
    .where('request_id', 'in', [...requests])
    .where('kind', 'in', ['release', 'error'])
    .execute();
  return new Set(rows.map((row) => row.request_id));
}

/** In the name of whoever asked, so that it stands where their other requests do. */
async function errorOf(audit: Pick<AuditPort, 'byRequest'>, tenant: TenantId, intent: OrphanedIntent): Promise<AuditEvent | undefined> {
  const found = (await audit.byRequest(tenant, intent.requestId)).find(({ index }) => index === intent.index);
  if (found === undefined) return undefined;
  const { user = null, client = null } = found.body as { readonly user?: Json; readonly client?: Json };
  // Whoever was erased has no name to give.
  const person = typeof user === 'string' && user.startsWith('user:') ? named(user) : null;
  return { tenant, kind: 'error', requestId: intent.requestId, body: { reason: ORPHANED, intent: intent.index, user: person, client } };
}
