import type { TenantId } from '../core/ids.ts';
import type { AuditEventRow, AuditHeadRow } from '../database/audit-tables.ts';
import type { Database, Tx } from '../database/database.ts';
import { EMPTY_HEAD, leafHash, nextHead } from './leaf.ts';
import { bodyOf, isEmptied } from './stored-body.ts';
import { sealedChecker, type SealedFault } from './verify/check-sealed.ts';
import { erasureBook, type ErasureBook } from './verify/erasure-book.ts';
import { knownRoots, type KnownLeaves, type KnownRoots } from './verify/known-roots.ts';
import { placeMisfit, type Misfit } from './verify/place-misfit.ts';

export type ChainVerdict =
  | { readonly kind: 'intact'; readonly size: number; readonly head: string }
  | {
      readonly kind: 'broken';
      /** The first place that is wrong. */
      readonly index: number;
      /** Where the place is only known to lie in [index, before). */
      readonly before?: number;
      /**
       * As `Misfit` and `SealedFault` say. `beyond-head`: more events than the head counts. `rewritten`: an event was written anew with
       * its leaf. `head`: the same, and nothing was kept that tells where; or the head says another time or number of erasures.
       * `checkpoint`: the stored one of size `index` is not the one that was signed. `erased`: something is gone, and no erasure says so.
       */
      readonly reason: Misfit['reason'] | SealedFault['reason'] | 'beyond-head' | 'head' | 'rewritten' | 'erased' | 'checkpoint';
    };

const PAGE = 500;

type Broken = Extract<ChainVerdict, { readonly kind: 'broken' }>;

/**
 * Reads a tenant's log page by page, recomputes every leaf and the head, opens what is sealed, and names the first bad place. It finds
 * changes by whoever does not also rewrite the rest of the chain and the checkpoints in the database; against that, compare with
 * checkpoints kept elsewhere. `leaves`: as the derived index keeps them, to place what was rewritten.
 */
export async function verifyChain(database: Database, tenant: TenantId, leaves?: KnownLeaves): Promise<ChainVerdict> {
  // Head before events: the log only grows, so whatever is appended meanwhile lies beyond this size and is not looked at here.
  const stored = await headOf(database, tenant);
  const roots = knownRoots(database.db, tenant, leaves);
  const erasures = erasureBook();
  const checkSealed = sealedChecker(tenant);
  let head = EMPTY_HEAD;
  let latest = 0;
  for (let index = 0; index < stored.size;) {
    const from = index;
    // In one snapshot, so that an erasure meanwhile is seen whole or not at all.
    const page = await database.snapshot(async (tx) => {
      const rows = await pageOf(tx, tenant, from, stored.size);
      const misfit = await misplaced(tx, rows, from, stored.size);
      // The first place is wanted: what is sealed before it is looked at too.
      const sound = misfit === undefined ? rows : rows.filter(({ idx }) => idx < misfit.index);
      return { rows, fault: (await checkSealed(tx, sound)) ?? misfit };
    });
    if (page.fault !== undefined) return { kind: 'broken', ...page.fault };
    for (const row of page.rows) {
      if (isEmptied(row)) erasures.emptied(row.idx);
      else erasures.told(row.idx, row.kind, () => bodyOf(row));
      await roots.leaf(row.leaf);
      head = nextHead(head, row.leaf);
      latest = Math.max(latest, row.at);
      index += 1;
    }
    if (page.rows.length === 0) return { kind: 'broken', index, reason: 'missing' };
  }
  return (await wrongAsAWhole(database, tenant, { stored, head, latest, roots, erasures })) ?? { kind: 'intact', size: stored.size, head };
}

/** The first event that is not in its place or does not fit its leaf. */
async function misplaced(tx: Tx, rows: readonly AuditEventRow[], from: number, size: number): Promise<Misfit | undefined> {
  for (const [offset, row] of rows.entries()) {
    const index = from + offset;
    if (row.idx !== index) return { index, reason: 'missing' };
    if (!isEmptied(row) && leafHash(row) !== row.leaf) return placeMisfit(tx, row, size);
  }
  return undefined;
}

interface Whole {
  readonly stored: AuditHeadRow;
  readonly head: string;
  /** Time of the last event. */
  readonly latest: number;
  readonly roots: KnownRoots;
  readonly erasures: ErasureBook;
}

async function wrongAsAWhole(
  database: Database,
  tenant: TenantId,
  { stored, head, latest, roots, erasures }: Whole,
): Promise<Broken | undefined> {
  const { size } = stored;
  const parting = roots.parting();
  if (head !== stored.head || parting !== undefined) {
    const place = roots.rewritten() ?? parting;
    return place === undefined ? { kind: 'broken', index: size, reason: 'head' } : { kind: 'broken', ...place, reason: 'rewritten' };
  }
  // A number of erasures that was set back would let a replica write under keys that are gone.
  if (stored.at !== latest || stored.erasures !== erasures.count()) return { kind: 'broken', index: size, reason: 'head' };
  const damaged = await roots.damaged();
  if (damaged !== undefined) return { kind: 'broken', index: damaged, reason: 'checkpoint' };
  const excess = await firstBeyondHead(database, tenant);
  if (excess !== undefined) return { kind: 'broken', index: excess, reason: 'beyond-head' };
  const untold = await erasures.untold(database.db, tenant, size);
  return untold === undefined ? undefined : { kind: 'broken', index: untold, reason: 'erased' };
}

async function headOf({ db }: Pick<Database, 'db'>, tenant: TenantId): Promise<AuditHeadRow> {
  const row = await db.selectFrom('audit_heads').selectAll().where('tenant', '=', tenant).executeTakeFirst();
  return row ?? { tenant, size: 0, head: EMPTY_HEAD, at: 0, erasures: 0 };
}

function pageOf(db: Tx, tenant: TenantId, from: number, size: number): Promise<readonly AuditEventRow[]> {
  return db
    .selectFrom('audit_events')
    .selectAll()
    .where('tenant', '=', tenant)
    .where('idx', '>=', from)
    .where('idx', '<', size)
    .orderBy('idx')
    .limit(PAGE)
    .execute();
}

/** Head and events of one moment, since appends go on. */
function firstBeyondHead(database: Database, tenant: TenantId): Promise<number | undefined> {
  return database.snapshot(async (tx) => {
    const { size } = await headOf({ db: tx }, tenant);
    const row = await tx
      .selectFrom('audit_events')
      .select('idx')
      .where('tenant', '=', tenant)
      .where('idx', '>=', size)
      .orderBy('idx')
      .limit(1)
      .executeTakeFirst();
    return row?.idx;
  });
}
