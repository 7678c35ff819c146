import { sql, type Kysely } from 'kysely';
import type { ChunkId, DocumentKey, TenantId } from '../core/ids.ts';
import type { AggregateCatalog, Unsettled } from '../core/ports/aggregates.ts';
import type { PointPlace } from '../core/ports/collections.ts';
import type { Schema } from '../database/schema.ts';
import type { Tx } from '../database/database.ts';
import { databaseNow, type CatalogContext } from './context.ts';
import { aclOf } from './rows.ts';

// These repeat the conditions of partial indexes to the letter; SQLite uses such an index only then.
const PENDING = sql<boolean>`indexed_revision < revision and state <> 'deleted'`;
const QUARANTINED = sql<boolean>`state = 'quarantined'`;
const TIMED = sql<boolean>`acl like '%"principal":%'`;
const ENDING = sql<boolean>`valid_until is not null`;
const NOT_LIVE = sql<boolean>`state <> 'live'`;

/** Of what a partial index holds. As an expression: by a plain comparison SQLite would walk all chunks of the tenant instead. */
const only = (column: 'tenant' | 'collection', value: string) => sql<boolean>`${sql.ref(column)} || '' = ${value}`;

type Keys = readonly { readonly key: string }[];

function documents(db: Kysely<Schema>, tenant: TenantId, condition: typeof PENDING, limit: number): Promise<Keys> {
  return db.selectFrom('documents').select('key').where('tenant', '=', tenant).where(condition).limit(limit).execute();
}

function switchedOff(db: Kysely<Schema>, tenant: TenantId, limit: number): Promise<Keys> {
  return db
    .selectFrom('switches')
    .select('target as key')
    .where('scope', '=', tenant)
    .where('kind', '=', 'document')
    .where('recorded_to', 'is', null)
    .limit(limit)
    .execute();
}

/** Bait is in no answer, so it must be in no number. */
function bait(db: Kysely<Schema>, tenant: TenantId, limit: number): Promise<Keys> {
  return db
    .selectFrom('honey_documents')
    .select('key')
    .where('tenant', '=', tenant)
    .where('recorded_to', 'is', null)
    .limit(limit)
    .execute();
}

function texts(db: Kysely<Schema>, tenant: TenantId, place: PointPlace, limit: number): Promise<Keys> {
  if (place !== 'own') return Promise.resolve([]);
  const found = db.selectFrom('chunks').select('key').distinct().where(NOT_LIVE).where(only('tenant', tenant));
  return found.where('collection', 'is', null).limit(limit).execute();
}

/**
 * Each text of a point is one chunk, so of a point that was replaced the dead one is named and the live one counts. A point that is
 * published while it is replaced moves the epoch, so no number of before leaves.
 */
async function hostedTexts(db: Kysely<Schema>, tenant: TenantId, place: PointPlace, limit: number): Promise<ReadonlySet<ChunkId>> {
  if (place === 'own') return new Set();
  const found = db.selectFrom('chunks').select('chunk').where(NOT_LIVE).where(only('tenant', tenant)).where(only('collection', place));
  return new Set((await found.limit(limit).execute()).map(({ chunk }) => chunk as ChunkId));
}

function timed(db: Kysely<Schema>, tenant: TenantId, limit: number): Promise<readonly { readonly key: string; readonly acl: string }[]> {
  const found = db.selectFrom('documents').select(['key', 'acl']).where('tenant', '=', tenant).where(TIMED);
  return found.where('state', '=', 'live').limit(limit).execute();
}

/** The document's own validity alone; of entries with bounds the caller makes sure. */
async function nextEnd(tx: Tx, tenant: TenantId, at: number): Promise<number | 'forever'> {
  const row = await tx
    .selectFrom('documents')
    .select('valid_until')
    .where('tenant', '=', tenant)
    .where(ENDING)
    .where('valid_until', '>', Math.floor(at / 1_000))
    .orderBy('valid_until')
    .limit(1)
    .executeTakeFirst();
  const end = row?.valid_until ?? undefined;
  return end === undefined ? 'forever' : end * 1_000;
}

export function aggregates(context: CatalogContext): AggregateCatalog {
  const { database } = context;
  return {
    unsettled: (tenant, place, limit) =>
      database.snapshot(async (tx): Promise<Unsettled | { readonly kind: 'too-many' }> => {
        const some = limit + 1;
        const at = await databaseNow(tx, context);
        const named = new Set<DocumentKey>();
        const baited = new Set((await bait(tx, tenant, some)).map(({ key }) => key as DocumentKey));
        for (const key of baited) named.add(key);
        for (const read of [
          () => documents(tx, tenant, PENDING, some),
          () => documents(tx, tenant, QUARANTINED, some),
          () => switchedOff(tx, tenant, some),
          () => texts(tx, tenant, place, some),
        ]) {
          for (const { key } of await read()) named.add(key as DocumentKey);
          if (named.size > limit) break;
        }
        const chunks = await hostedTexts(tx, tenant, place, some);
        const bounded = named.size + chunks.size > limit ? [] : await timed(tx, tenant, some);
        if (named.size + chunks.size + bounded.length > limit) return { kind: 'too-many' };
        return {
          kind: 'named',
          at,
          documents: named,
          chunks,
          bait: baited,
          timed: bounded.map(({ key, acl }) => ({ key: key as DocumentKey, acl: aclOf(acl) })),
          nextEnd: await nextEnd(tx, tenant, at),
        };
      }),
  };
}
