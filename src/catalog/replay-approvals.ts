import { sql } from 'kysely';
import { named } from '../core/audit-names.ts';
import { AppError } from '../core/errors.ts';
import type { TenantId } from '../core/ids.ts';
import type { Change } from '../core/ports/catalog.ts';
import { APPROVAL_MS, WISH_MS, type NamedWish, type ReplayApprovals, type ReplayWish } from '../core/ports/erasure.ts';
import type { DecidedUnder } from '../core/ports/switches.ts';
import type { Principal } from '../core/principal.ts';
import type { ReplayApprovalRow } from '../database/audit-tables.ts';
import type { Tx } from '../database/database.ts';
import { readDatabaseTime } from '../database/time.ts';
import { databaseNow, type CatalogContext } from './context.ts';
import { demandStill } from './decided-under.ts';
import { changeEvent } from './events.ts';

/** Rows that are over are forgotten with the next wish of their tenant. */
const FORGOTTEN_MS = 7 * 24 * 60 * 60_000;

export function replayApprovals(context: CatalogContext): ReplayApprovals {
  const { database } = context;
  const changing = <T>(tenant: TenantId, under: DecidedUnder, run: (tx: Tx, at: number) => Promise<T>): Promise<T> =>
    database.transaction(async (tx) => {
      await lockTenant(tx, tenant);
      await demandStill(tx, tenant, under);
      return run(tx, await databaseNow(tx, context));
    });
  return {
    replayWish: (tenant, request, reader) =>
      database.snapshot(async (tx) => {
        const row = await rowOf(tx, tenant, request, reader);
        return row && inForce(row, await readDatabaseTime(tx, database.kind));
      }),
    wishReplay: (tenant, request, reason, change, under) =>
      changing(tenant, under, (tx, at) => wish(context, tx, { tenant, request, reason, change, at })),
    approveReplay: (tenant, named, change, under) =>
      changing(tenant, under, (tx, at) => approve(context, tx, { tenant, ...named, change, at })),
    async openReplayWishes(tenant, after, limit) {
      const now = await readDatabaseTime(database.db, database.kind);
      const rows = await database.db
        .selectFrom('replay_approvals')
        .selectAll()
        .where('tenant', '=', tenant)
        .where('approved_by', 'is', null)
        .where('asked_at', '>', now - WISH_MS)
        .$if(after !== undefined, (query) =>
          query.where(sql<boolean>`(request, reader) > (${after?.request ?? ''}, ${after?.reader ?? ''})`),
        )
        .orderBy('request')
        .orderBy('reader')
        .limit(limit)
        .execute();
      return rows.map(wishOf);
    },
  };
}

/** The row that every change of the tenant's rights takes first, without moving it. */
async function lockTenant(tx: Tx, tenant: TenantId): Promise<void> {
  await tx
    .updateTable('epochs')
    .set((row) => ({ epoch: row.ref('epoch') }))
    .where('scope', '=', tenant)
    .execute();
}

interface Wished {
  readonly tenant: TenantId;
  readonly request: string;
  readonly reason: string;
  readonly change: Change;
  readonly at: number;
}

async function wish(context: CatalogContext, tx: Tx, { tenant, request, reason, change, at }: Wished): Promise<ReplayWish> {
  const before = await rowOf(tx, tenant, request, change.by);
  const open = before && inForce(before, at);
  // Asked in the same words: whoever repeats the question leaves no second event. Another reason is another wish, and not allowed yet.
  if (open?.reason === reason) return open;
  await tx
    .deleteFrom('replay_approvals')
    .where('tenant', '=', tenant)
    .where('asked_at', '<', at - FORGOTTEN_MS)
    .execute();
  await tx
    .deleteFrom('replay_approvals')
    .where('tenant', '=', tenant)
    .where('request', '=', request)
    .where('reader', '=', change.by)
    .execute();
  const row = { tenant, request, reader: change.by, reason, asked_at: at, approved_by: null, valid_until: null };
  await tx.insertInto('replay_approvals').values(row).execute();
  await context.auditSink(tx, changeEvent(tenant, 'replay.requested', change, { request }, { facts: { reason } }));
  return wishOf(row);
}

interface Approved extends NamedWish {
  readonly tenant: TenantId;
  readonly change: Change;
  readonly at: number;
}

async function approve(context: CatalogContext, tx: Tx, { tenant, request, reader, reason, change, at }: Approved): Promise<ReplayWish> {
  const row = await rowOf(tx, tenant, request, reader);
  const open = row && inForce(row, at);
  if (open === undefined) throw new AppError('not_found');
  if (reader === change.by) throw new AppError('second_person_required');
  if (open.reason !== reason) throw new AppError('conflict', { detail: 'it is wished for another reason' });
  if (open.approval.kind === 'approved') return open;
  const valid_until = at + APPROVAL_MS;
  await tx
    .updateTable('replay_approvals')
    .set({ approved_by: change.by, valid_until })
    .where('tenant', '=', tenant)
    .where('request', '=', request)
    .where('reader', '=', reader)
    .execute();
  const body = { request, reader: named(reader), until: new Date(valid_until).toISOString() };
  await context.auditSink(tx, changeEvent(tenant, 'replay.approved', change, body));
  return { ...open, approval: { kind: 'approved', by: change.by, until: valid_until } };
}

function rowOf(tx: Tx, tenant: TenantId, request: string, reader: Principal): Promise<ReplayApprovalRow | undefined> {
  return tx
    .selectFrom('replay_approvals')
    .selectAll()
    .where('tenant', '=', tenant)
    .where('request', '=', request)
    .where('reader', '=', reader)
    .executeTakeFirst();
}

function inForce(row: ReplayApprovalRow, now: number): ReplayWish | undefined {
  const ends = row.valid_until ?? row.asked_at + WISH_MS;
  return now < ends ? wishOf(row) : undefined;
}

function wishOf({ request, reader, reason, asked_at, approved_by, valid_until }: ReplayApprovalRow): ReplayWish {
  return {
    request,
    reader: reader as Principal,
    reason,
    askedAt: asked_at,
    approval:
      approved_by === null || valid_until === null
        ? { kind: 'open' }
        : { kind: 'approved', by: approved_by as Principal, until: valid_until },
  };
}
