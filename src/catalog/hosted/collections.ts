import type { Kysely } from 'kysely';
import { named } from '../../core/audit-names.ts';
import { normaliseAcl } from '../../core/acl.ts';
import { digestOf } from '../../core/digest.ts';
import { AppError } from '../../core/errors.ts';
import type { CollectionKey, CollectionName, DocumentKey, SourceId, TenantId } from '../../core/ids.ts';
import type { ExpectedRevision } from '../../core/ports/catalog.ts';
import { MAX_COLLECTIONS, type CollectionCatalog, type CollectionSettings, type HostedCollection } from '../../core/ports/collections.ts';
import type { Tx } from '../../database/database.ts';
import type { CollectionRow } from '../../database/point-tables.ts';
import type { Schema } from '../../database/schema.ts';
import { changedBy, databaseNow, demandOne, type CatalogContext } from '../context.ts';
import { moveEpoch } from '../epochs.ts';
import { changeEvent } from '../events.ts';
import { endGrants } from '../grants.ts';
import { demandLiveSource } from '../live-source.ts';
import { aclText } from '../rows.ts';
import { collectionOf, writersText } from './collection-rows.ts';
import { emptyCollection, forgetCollection } from './purge-collections.ts';

/** Every change begins with the tenant's epoch row, so that two of them never read the same list of sources. */
export function hostedCollections(context: CatalogContext): CollectionCatalog {
  const { database } = context;
  return {
    putCollection: createPut(context),
    deleteCollection: createDelete(context),
    noteSource: createNoteSource(context),
    async deletedCollections(limit) {
      const rows = await database.db
        .selectFrom('collections')
        .select(['tenant', 'key'])
        .where('state', '=', 'deleting')
        .orderBy('key')
        .limit(limit)
        .execute();
      return rows.map(({ tenant, key }) => ({ tenant: tenant as TenantId, key: key as CollectionKey }));
    },
    emptyCollection: (key, limit) => emptyCollection(context, key, limit),
    forgetCollection: (key) => forgetCollection(context, key),
  };
}

function createPut(context: CatalogContext): CollectionCatalog['putCollection'] {
  return (tenant, name, collection, expected, change) =>
    context.database.transaction(async (tx) => {
      // Who may write from now on is in the view; nobody reads less.
      await moveEpoch(tx, tenant, { epoch: false, generation: true });
      const at = await databaseNow(tx, context);
      const found = await liveRow(tx, tenant, name);
      demandExpected(found, expected);
      if (found !== undefined && found.key !== collection.key) throw new AppError('conflict', { detail: 'another collection by now' });
      const bound = boundSources(collection);
      for (const source of bound) await demandLiveSource(tx, tenant, source, context.database.kind);
      const sources = [...new Set([...(found === undefined ? [] : collectionOf(found).sources), ...bound])];
      const { key, params, writers, profile, defaultAcl } = collection;
      const after: CollectionRow = {
        key,
        tenant,
        name,
        revision: (found?.revision ?? 0) + 1,
        state: 'live',
        params: JSON.stringify(params),
        writers: writersText(writers),
        profile: JSON.stringify(profile),
        default_acl: defaultAcl.kind === 'none' ? null : aclText(normaliseAcl(defaultAcl.acl)),
        sources: JSON.stringify(sources),
        recorded_from: at,
        ...changedBy(change),
      };
      await (found === undefined ? insert(tx, tenant, after) : update(tx, after, found.revision));
      const acls = { before: found?.default_acl ?? null, after: after.default_acl };
      await context.auditSink(
        tx,
        changeEvent(tenant, 'collection.put', change, eventBody(after, collection), {
          facts: { acl: { before: acls.before && digestOf(acls.before), after: acls.after && digestOf(acls.after) } },
        }),
      );
      return collectionOf(after);
    });
}

/** The row stays `deleting` until its points have been dropped; its name is free at once. */
function createDelete(context: CatalogContext): CollectionCatalog['deleteCollection'] {
  return (tenant, name, expected, change) =>
    context.database.transaction(async (tx) => {
      await moveEpoch(tx, tenant, { epoch: true, generation: true });
      const at = await databaseNow(tx, context);
      const found = await liveRow(tx, tenant, name);
      if (found === undefined) throw new AppError('conflict', { detail: 'there is no such collection any more' });
      demandExpected(found, expected);
      const { numUpdatedRows } = await tx
        .updateTable('collections')
        .set({ state: 'deleting', revision: found.revision + 1, recorded_from: at, ...changedBy(change) })
        .where('key', '=', found.key)
        .where('state', '=', 'live')
        .where('revision', '=', found.revision)
        .executeTakeFirstOrThrow();
      demandOne(numUpdatedRows, 'the collection has moved on');
      const { sources } = collectionOf(found);
      await endGrantsWithin(tx, tenant, found, change.by, at);
      await context.auditSink(tx, changeEvent(tenant, 'collection.deleted', change, { collection: name, key: found.key, sources }));
    });
}

/** What was given over one of its points must not come to life again with another point of that id. */
async function endGrantsWithin(tx: Tx, tenant: TenantId, { key }: CollectionRow, by: string, at: number): Promise<void> {
  const covered = await tx
    .selectFrom('access_grants as g')
    .innerJoin('documents as d', (join) => join.onRef('d.tenant', '=', 'g.tenant').onRef('d.key', '=', 'g.key'))
    .select(['d.source', 'd.key'])
    .distinct()
    .where('g.tenant', '=', tenant)
    .where('g.recorded_to', 'is', null)
    .where('d.collection', '=', key)
    .execute();
  for (const document of covered) {
    const gone = { kind: 'document', source: document.source as SourceId, key: document.key as DocumentKey } as const;
    await endGrants(tx, tenant, gone, by, at);
  }
}

/** The revision moves: whoever deletes or changes the collection meanwhile has not been asked about this source. */
function createNoteSource({ database }: CatalogContext): CollectionCatalog['noteSource'] {
  const read = (tx: Kysely<Schema>, tenant: TenantId, key: CollectionKey) =>
    tx
      .selectFrom('collections')
      .selectAll()
      .where('tenant', '=', tenant)
      .where('key', '=', key)
      .where('state', '=', 'live')
      .executeTakeFirst();
  return async (tenant, key, source) => {
    const known = await read(database.db, tenant, key);
    if (known === undefined) throw new AppError('conflict', { detail: 'the collection was deleted' });
    if (collectionOf(known).sources.includes(source)) return;
    await database.transaction(async (tx) => {
      await moveEpoch(tx, tenant, { epoch: false, generation: true });
      const row = await read(tx, tenant, key);
      if (row === undefined) throw new AppError('conflict', { detail: 'the collection was deleted' });
      const sources = [...new Set([...collectionOf(row).sources, source])];
      await tx
        .updateTable('collections')
        .set({ sources: JSON.stringify(sources), revision: row.revision + 1 })
        .where('key', '=', key)
        .execute();
    });
  };
}

function liveRow(tx: Tx, tenant: TenantId, name: CollectionName): Promise<CollectionRow | undefined> {
  return tx
    .selectFrom('collections')
    .selectAll()
    .where('tenant', '=', tenant)
    .where('name', '=', name)
    .where('state', '=', 'live')
    .executeTakeFirst();
}

function demandExpected(found: CollectionRow | undefined, expected: ExpectedRevision): void {
  if ((found?.revision ?? 'absent') !== expected) throw new AppError('conflict', { detail: 'the collection has moved on' });
}

/** Whoever may read what an application is about to write there sees the collection, empty as it is. */
function boundSources({ writers }: CollectionSettings): readonly SourceId[] {
  const own = writers.source.kind === 'source' ? [writers.source.source] : [];
  return [...new Set([...own, ...writers.byClient.values()])];
}

async function insert(tx: Tx, tenant: TenantId, row: CollectionRow): Promise<void> {
  const { held } = await tx
    .selectFrom('collections')
    .select(({ fn }) => fn.countAll<number | string>().as('held'))
    .where('tenant', '=', tenant)
    .where('state', '=', 'live')
    .executeTakeFirstOrThrow();
  if (Number(held) >= MAX_COLLECTIONS) {
    throw new AppError('limit_exceeded', { issues: [{ pointer: '', message: `at most ${MAX_COLLECTIONS} collections of a tenant` }] });
  }
  await tx.insertInto('collections').values(row).execute();
}

async function update(tx: Tx, row: CollectionRow, expected: number): Promise<void> {
  const { numUpdatedRows } = await tx
    .updateTable('collections')
    .set(row)
    .where('key', '=', row.key)
    .where('revision', '=', expected)
    .where('state', '=', 'live')
    .executeTakeFirstOrThrow();
  demandOne(numUpdatedRows, 'the collection has moved on');
}

function eventBody(
  { name, key, revision }: CollectionRow,
  { writers, profile, defaultAcl }: Pick<HostedCollection, keyof CollectionSettings>,
) {
  return {
    collection: name,
    key,
    revision,
    writers: {
      source: writers.source.kind === 'source' ? writers.source.source : null,
      byClient: [...writers.byClient].map(([client, source]) => ({ client: named(client), source })),
    },
    text: profile.text.path,
    provenance: profile.provenance,
    defaultAcl: defaultAcl.kind === 'acl',
  };
}
