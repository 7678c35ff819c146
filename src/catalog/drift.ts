import { sql, type Kysely } from 'kysely';
import { aclPrincipals, indexedValidity } from '../core/acl.ts';
import type { ChunkId, CollectionKey, CollectionName, DocumentKey, TenantId, ZoneId } from '../core/ids.ts';
import type { JsonObject } from '../core/json.ts';
import type { ChunkRecord, DriftCatalog, DriftPlace, DriftScope, StoredText } from '../core/ports/drift.ts';
import type { AccessPayload } from '../core/ports/vectors.ts';
import type { Schema } from '../database/schema.ts';
import type { CatalogContext } from './context.ts';
import { selectDocuments } from './document-rows.ts';
import { readNumbers } from './numbers.ts';
import { numbered } from './reserve.ts';
import { aclOf } from './rows.ts';

type Comparison = Pick<DriftCatalog, 'nextPlace' | 'chunkRecords' | 'chunkRecordsOf' | 'chunkTotal' | 'accessPayloads' | 'storedTexts'>;

interface RecordRow {
  readonly tenant: string;
  readonly chunk: string;
  readonly key: string;
  readonly state: 'staged' | 'live' | 'dead';
  readonly current: number | null;
  readonly pending: number | null;
  readonly source_state: string | null;
  readonly collection: string | null;
  readonly collection_state: string | null;
}

function recordOf({ tenant, chunk, key, state, current, pending, source_state, collection, collection_state }: RecordRow): ChunkRecord {
  const place = collection === null ? {} : { collection: collection as CollectionKey };
  const ids = { tenant: tenant as TenantId, chunk: chunk as ChunkId, key: key as DocumentKey, ...place };
  if (state !== 'live') return { ...ids, state };
  if (source_state !== 'live' || (collection !== null && collection_state !== 'live')) return { ...ids, state: 'moving' };
  if (current !== 1) return { ...ids, state: 'dead' };
  return { ...ids, state: pending === 1 ? 'moving' : 'live' };
}

export function comparison(context: CatalogContext): Comparison {
  const { database } = context;
  const { db } = database;

  const records = () =>
    db
      .selectFrom('chunks as c')
      .leftJoin('documents as d', (join) => join.onRef('d.tenant', '=', 'c.tenant').onRef('d.key', '=', 'c.key'))
      .leftJoin('sources as s', (join) => join.onRef('s.tenant', '=', 'd.tenant').onRef('s.source', '=', 'd.source'))
      .leftJoin('collections as k', 'k.key', 'c.collection')
      .select(['c.tenant', 'c.chunk', 'c.key', 'c.state', 'c.collection', 's.state as source_state', 'k.state as collection_state'])
      .select(sql<number | null>`case when d.state <> 'deleted' and d.content = c.content then 1 else 0 end`.as('current'))
      .select(sql<number | null>`case when d.indexed_revision < d.revision then 1 else 0 end`.as('pending'));

  const within = (scope: DriftScope, place: DriftPlace) => {
    if (place.kind === 'hosted') return records().where('c.tenant', '=', place.tenant).where('c.collection', '=', place.key);
    const own = records().where('c.collection', 'is', null);
    return scope.kind === 'tenant' ? own.where('c.tenant', '=', scope.tenant) : own;
  };

  return {
    nextPlace: (scope, after) => nextPlace(db, scope, after),
    async chunkRecords(scope, place, after, limit) {
      const rows = await within(scope, place).where('c.chunk', '>', after).orderBy('c.chunk').limit(limit).execute();
      return rows.map(recordOf);
    },
    async chunkRecordsOf(chunks) {
      return chunks.length === 0 ? [] : (await records().where('c.chunk', 'in', chunks).execute()).map(recordOf);
    },
    async chunkTotal(scope) {
      const { total } = await db
        .selectFrom('chunks')
        .select(({ fn }) => fn.countAll<number | string>().as('total'))
        .$if(scope.kind === 'tenant', (query) => query.where('tenant', '=', scope.kind === 'tenant' ? scope.tenant : ''))
        .executeTakeFirstOrThrow();
      return Number(total);
    },
    accessPayloads: (tenant, keys) => accessPayloads(context, tenant, keys),
    storedTexts: (tenant, chunks) => storedTexts(db, tenant, chunks),
  };
}

async function nextPlace(db: Kysely<Schema>, scope: DriftScope, after: DriftPlace): Promise<DriftPlace | undefined> {
  const row = await db
    .selectFrom('collections')
    .select(['tenant', 'key', 'name'])
    .where('state', '=', 'live')
    .$if(scope.kind === 'tenant', (query) => query.where('tenant', '=', scope.kind === 'tenant' ? scope.tenant : ''))
    .$if(after.kind === 'hosted', (query) => query.where('key', '>', after.kind === 'hosted' ? after.key : ''))
    .orderBy('key')
    .limit(1)
    .executeTakeFirst();
  if (row === undefined) return undefined;
  return { kind: 'hosted', tenant: row.tenant as TenantId, key: row.key as CollectionKey, name: row.name as CollectionName };
}

async function storedTexts(db: Kysely<Schema>, tenant: TenantId, chunks: readonly ChunkId[]): Promise<readonly StoredText[]> {
  if (chunks.length === 0) return [];
  const rows = await db
    .selectFrom('chunks as c')
    .innerJoin('documents as d', (join) => join.onRef('d.tenant', '=', 'c.tenant').onRef('d.key', '=', 'c.key'))
    .innerJoin('document_versions as v', (join) =>
      join.onRef('v.tenant', '=', 'c.tenant').onRef('v.key', '=', 'c.key').onRef('v.content', '=', 'c.content'),
    )
    .select(['c.chunk', 'c.text', 'c.path', 'd.title', 'v.language'])
    .where('c.tenant', '=', tenant)
    .where('c.chunk', 'in', chunks)
    .execute();
  return rows.map((row) => ({ ...row, chunk: row.chunk as ChunkId, path: JSON.parse(row.path) as readonly string[] }));
}

async function accessPayloads(
  { database: { db } }: CatalogContext,
  tenant: TenantId,
  keys: readonly DocumentKey[],
): Promise<ReadonlyMap<DocumentKey, AccessPayload>> {
  if (keys.length === 0) return new Map();
  const rows = await selectDocuments(db, tenant).where('d.key', 'in', keys).execute();
  const acls = rows.map((row) => aclOf(row.acl));
  const numbers = await readNumbers(db, tenant, [...new Set(acls.flatMap(aclPrincipals))]);
  return new Map(
    rows.map((row, i) => {
      const acl = acls[i] ?? { gates: [], deny: [] };
      const key = row.key as DocumentKey;
      const access: AccessPayload = {
        tenant,
        document: key,
        zone: row.zone as ZoneId,
        revision: row.revision,
        acl: numbered(acl, numbers),
        ...indexedValidity(acl, { validFrom: row.valid_from ?? 'always', validUntil: row.valid_until ?? 'forever' }),
        metadata: JSON.parse(row.metadata) as JsonObject,
        ...(row.collection === null ? {} : { collection: row.collection as CollectionKey }),
      };
      return [key, access] as const;
    }),
  );
}
