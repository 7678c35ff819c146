import { sql, type Kysely } from 'kysely';
import { AppError } from '../core/errors.ts';
import type { DocumentId, SourceId, TenantId } from '../core/ids.ts';
import type { AccessCatalog, AccessRequest } from '../core/ports/access-requests.ts';
import type { Principal } from '../core/principal.ts';
import type { AccessRequestRow } from '../database/enforcement-tables.ts';
import type { DatabaseKind } from '../database/database.ts';
import type { Schema } from '../database/schema.ts';
import { databaseTime } from '../database/time.ts';
import type { CatalogContext } from './context.ts';

export function accessReads({ database }: CatalogContext): Pick<AccessCatalog, 'accessRequest' | 'accessRequests'> {
  const { db, kind } = database;
  return {
    accessRequest: (tenant, id) => readRequest(db, kind, tenant, id),
    async accessRequests(tenant, selection, after, limit) {
      const from = after === undefined ? undefined : placeOf(after);
      if (selection.kind === 'sources' && selection.sources.length === 0) return [];
      const rows = await select(db, kind, tenant)
        .$if(selection.kind === 'requester', (query) => {
          const { requester, source } = selection.kind === 'requester' ? selection : { requester: '', source: undefined };
          const own = query.where('requester', '=', requester);
          return source === undefined ? own : own.where('source', '=', source);
        })
        .$if(selection.kind === 'sources', (query) => query.where('source', 'in', selection.kind === 'sources' ? selection.sources : []))
        .$if(from !== undefined, (query) => query.where(sql<boolean>`(asked_at, id) < (${from?.[0] ?? 0}, ${from?.[1] ?? ''})`))
        .orderBy('asked_at', 'desc')
        .orderBy('id', 'desc')
        .limit(limit)
        .execute();
      return rows.map(requestOf);
    },
  };
}

export async function readRequest(
  db: Kysely<Schema>,
  kind: DatabaseKind,
  tenant: TenantId,
  id: string,
): Promise<AccessRequest | undefined> {
  const row = await select(db, kind, tenant).where('id', '=', id).executeTakeFirst();
  return row && requestOf(row);
}

/** With the time of the reading, since a state ends by the clock. */
function select(db: Kysely<Schema>, kind: DatabaseKind, tenant: TenantId) {
  return db.selectFrom('access_requests').selectAll().select(databaseTime(kind).as('now')).where('tenant', '=', tenant);
}

type Read = AccessRequestRow & { readonly now: number };

function stateOf(row: Read): AccessRequest['state'] {
  if (row.state === 'open') return row.now < row.lapses_at ? 'open' : 'lapsed';
  if (row.state === 'approved') return row.now < (row.valid_until ?? 0) ? 'approved' : 'expired';
  return row.state;
}

function requestOf(row: Read): AccessRequest {
  return {
    tenant: row.tenant as TenantId,
    id: row.id,
    state: stateOf(row),
    requester: row.requester as Principal,
    through: row.requester_through as Principal,
    actor: (row.requester_actor ?? undefined) as Principal | undefined,
    source: row.source as SourceId,
    document: (row.document ?? undefined) as DocumentId | undefined,
    reason: row.reason,
    wantedUntil: row.wanted_until ?? undefined,
    askedAt: row.asked_at,
    lapsesAt: row.lapses_at,
    decision: decisionOf(row),
    ended:
      row.ended_at === null || row.ended_by === null
        ? { kind: 'none' }
        : { kind: 'ended', at: row.ended_at, by: row.ended_by as Principal, reason: row.end_reason ?? undefined },
    cursor: Buffer.from(JSON.stringify([row.asked_at, row.id])).toString('base64url'),
  };
}

function decisionOf(row: Read): AccessRequest['decision'] {
  const { decided_at: at, decided_by: by, decided_through: through, decision_reason: reason } = row;
  if (at === null || by === null || through === null || reason === null) return { kind: 'none' };
  const decided = { at, by: by as Principal, through: through as Principal, reason };
  const { valid_until: until, reviewer, review_at: reviewAt, owner } = row;
  if (until === null || reviewer === null || reviewAt === null || owner === null) return { kind: 'denied', ...decided };
  return { kind: 'approved', ...decided, until, reviewer: reviewer as Principal, reviewAt, owner: owner as Principal };
}

/** A cursor is ours to read alone; whatever else comes is `invalid_request`. */
function placeOf(cursor: string): readonly [number, string] {
  try {
    const place: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    if (Array.isArray(place) && Number.isSafeInteger(place[0]) && typeof place[1] === 'string') return [place[0] as number, place[1]];
  } catch {
    // Refused below, like any other text that no listing ever gave out.
  }
  throw new AppError('invalid_request', { issues: [{ pointer: 'query/after', message: 'not a place in the list' }] });
}
