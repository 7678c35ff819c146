import { aclEntryCount, aclPrincipals, indexedPrincipals, MAX_ACL_ENTRIES, MAX_GATES, normaliseAcl, type Acl } from '../core/acl.ts';
import { AppError, type InputIssue } from '../core/errors.ts';
import type { PrincipalNumber, SourceId, TenantId, ZoneId } from '../core/ids.ts';
import { MAX_COMPARTMENTS, type Label } from '../core/label.ts';
import type { WriteCatalog } from '../core/ports/catalog.ts';
import type { NumberedAcl } from '../core/ports/vectors.ts';
import type { Principal } from '../core/principal.ts';
import { MAX_ZONES_PER_SOURCE, MAX_ZONES_PER_TENANT } from '../core/zone.ts';
import type { Schema } from '../database/schema.ts';
import type { Tx } from '../database/database.ts';
import type { Kysely } from 'kysely';
import { databaseNow, type CatalogContext } from './context.ts';
import { moveEpoch } from './epochs.ts';
import { readNumbers } from './numbers.ts';
import { labelColumns, labelDigest } from './rows.ts';
import { demandLiveSource } from './live-source.ts';

/** Zone ids a block of one declared label holds. */
const BLOCK = 64;
const INSERT_SLICE = 500;

/**
 * Zones and numbers are never changed or taken back, so what exists is read without a lock; only what is new takes the tenant's
 * epoch row, which makes one allocation wait for the other.
 */
export function createReserve(context: CatalogContext): WriteCatalog['reserve'] {
  return async (tenant, source, declared, acl) => {
    demandWithinLimits(declared, acl);
    const wanted = normaliseAcl(acl);
    const principals = aclPrincipals(wanted);
    await demandLiveSource(context.database.db, tenant, source);
    const known = await read(context.database.db, tenant, source, declared, principals);
    if (known.zone !== undefined && known.numbers.size === principals.length) {
      return { zone: known.zone, acl: numbered(wanted, known.numbers) };
    }
    return context.database.transaction(async (tx) => {
      await moveEpoch(tx, tenant, { epoch: false, generation: true });
      const at = await databaseNow(tx, context);
      await demandLiveSource(tx, tenant, source, context.database.kind);
      const found = await read(tx, tenant, source, declared, principals);
      const missing = principals.filter((p) => !found.numbers.has(p));
      const added = await addPrincipals(tx, tenant, missing, at);
      const zone = found.zone ?? (await addZone(tx, tenant, source, declared, at));
      return { zone, acl: numbered(wanted, new Map([...found.numbers, ...added])) };
    });
  };
}

interface Found {
  readonly zone: ZoneId | undefined;
  readonly numbers: ReadonlyMap<Principal, PrincipalNumber>;
}

async function read(
  db: Kysely<Schema>,
  tenant: TenantId,
  source: SourceId,
  declared: Label,
  principals: readonly Principal[],
): Promise<Found> {
  return { zone: await findZone(db, tenant, source, declared), numbers: await readNumbers(db, tenant, principals) };
}

export async function findZone(db: Kysely<Schema>, tenant: TenantId, source: SourceId, declared: Label): Promise<ZoneId | undefined> {
  const row = await db
    .selectFrom('zones')
    .select('zone')
    .where('tenant', '=', tenant)
    .where('source', '=', source)
    .where('declared', '=', labelDigest(declared))
    .executeTakeFirst();
  return row?.zone as ZoneId | undefined;
}

/** An ACL with the numbers the index knows its principals by. */
export function numbered(acl: Acl, numbers: ReadonlyMap<Principal, PrincipalNumber>): NumberedAcl {
  const numberOf = (principal: Principal): PrincipalNumber => {
    const number = numbers.get(principal);
    if (number === undefined) throw new AppError('internal', { detail: 'a principal of a stored ACL has no number' });
    return number;
  };
  const { gates, deny } = indexedPrincipals(acl);
  return { gates: gates.map((gate) => gate.map(numberOf)), deny: deny.map(numberOf) };
}

/** Everything that is too much is named at once; nothing is ever cut off. */
function demandWithinLimits(declared: Label, acl: Acl): void {
  const issues: InputIssue[] = [];
  if (aclEntryCount(acl) > MAX_ACL_ENTRIES) issues.push({ pointer: '/acl', message: `at most ${MAX_ACL_ENTRIES} entries` });
  if (acl.gates.length > MAX_GATES) issues.push({ pointer: '/acl/gates', message: `at most ${MAX_GATES} gates` });
  if (declared.compartments.length > MAX_COMPARTMENTS) {
    issues.push({ pointer: '/compartments', message: `at most ${MAX_COMPARTMENTS} compartments` });
  }
  if (issues.length > 0) throw new AppError('limit_exceeded', { issues });
}

/** Under the tenant's epoch row, so the next number is free. */
async function addPrincipals(
  tx: Tx,
  tenant: TenantId,
  missing: readonly Principal[],
  at: number,
): Promise<ReadonlyMap<Principal, PrincipalNumber>> {
  const added = new Map<Principal, PrincipalNumber>();
  if (missing.length === 0) return added;
  const { last } = await tx
    .selectFrom('principals')
    .select((row) => row.fn.max('number').as('last'))
    .where('tenant', '=', tenant)
    .executeTakeFirstOrThrow();
  missing.forEach((name, index) => added.set(name, ((last ?? 0) + 1 + index) as PrincipalNumber));
  const rows = [...added].map(([name, number]) => ({ tenant, number, name, recorded_from: at }));
  for (let start = 0; start < rows.length; start += INSERT_SLICE) {
    await tx
      .insertInto('principals')
      .values(rows.slice(start, start + INSERT_SLICE))
      .execute();
  }
  return added;
}

async function addZone(tx: Tx, tenant: TenantId, source: SourceId, declared: Label, at: number): Promise<ZoneId> {
  await demandRoomForZone(tx, tenant, source);
  const digest = labelDigest(declared);
  const zone = await nextZoneId(tx, tenant, digest);
  await tx
    .insertInto('zones')
    .values({ tenant, zone, source, declared: digest, ...labelColumns(declared), recorded_from: at })
    .execute();
  return zone;
}

/** The next id of the label's last block, or the first of a new block at the end: a caller's zones are then mostly runs. */
async function nextZoneId(tx: Tx, tenant: TenantId, declared: string): Promise<ZoneId> {
  const open = await tx
    .updateTable('zone_blocks')
    .set((row) => ({ used: row('used', '+', 1) }))
    .where('tenant', '=', tenant)
    .where('declared', '=', declared)
    .where('used', '<', BLOCK)
    .returning(['block', 'used'])
    .executeTakeFirst();
  if (open !== undefined) return (open.block * BLOCK + open.used) as ZoneId;
  const { last } = await tx
    .selectFrom('zone_blocks')
    .select((row) => row.fn.max('block').as('last'))
    .where('tenant', '=', tenant)
    .executeTakeFirstOrThrow();
  // `max` of no rows is null, which the types do not say.
  const block = (last as number | null) === null ? 0 : last + 1;
  await tx.insertInto('zone_blocks').values({ tenant, block, declared, used: 1 }).execute();
  return (block * BLOCK + 1) as ZoneId;
}

/** Zones of deleted sources keep their ids but do not count: no view holds them. */
async function demandRoomForZone(tx: Tx, tenant: TenantId, source: SourceId): Promise<void> {
  const { own, all } = await tx
    .selectFrom('zones as z')
    .innerJoin('sources as s', (join) => join.onRef('s.tenant', '=', 'z.tenant').onRef('s.source', '=', 'z.source'))
    .where('z.tenant', '=', tenant)
    .where('s.state', '=', 'live')
    .select((row) => [
      row.fn.countAll<number>().as('all'),
      row.fn.count<number>(row.case().when('z.source', '=', source).then(1).end()).as('own'),
    ])
    .executeTakeFirstOrThrow();
  const issues: InputIssue[] = [];
  if (own >= MAX_ZONES_PER_SOURCE) {
    issues.push({ pointer: '', message: `at most ${MAX_ZONES_PER_SOURCE} different labels among the documents of a source` });
  }
  if (all >= MAX_ZONES_PER_TENANT) issues.push({ pointer: '', message: `at most ${MAX_ZONES_PER_TENANT} zones in a tenant` });
  if (issues.length > 0) throw new AppError('limit_exceeded', { issues });
}
