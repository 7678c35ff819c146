import type { Kysely } from 'kysely';
import type { DocumentId, DocumentKey, SourceId, TenantId, ZoneId } from '../core/ids.ts';
import type { TenantView } from '../core/ports/catalog.ts';
import type { DocumentFacts, HistoryCatalog, Moment, NamedDocument } from '../core/ports/history.ts';
import type { Principal } from '../core/principal.ts';
import type { Source } from '../core/zone.ts';
import type { DocumentRow } from '../database/catalog-tables.ts';
import type { Tx } from '../database/database.ts';
import type { Schema } from '../database/schema.ts';
import { readDatabaseTime } from '../database/time.ts';
import type { CatalogContext } from './context.ts';
import { EVERYTHING } from './epochs.ts';
import { readGrants } from './grants.ts';
import { leftBehindIn } from './hosted/leftovers.ts';
import { aclOf, labelOf, policyOf, sourceOf, zoneOf } from './rows.ts';

/** No counter of a live view is negative, so a past one is never taken for the newest. */
const PAST_GENERATION = -1;

/** Everything with recorded_from <= at < recorded_to, from one snapshot: what was changed later cannot alter the answer. */
export function createHistory(context: CatalogContext): HistoryCatalog {
  const { database } = context;
  return {
    databaseTime: () => database.snapshot((tx) => readDatabaseTime(tx, database.kind)),
    viewAt: (tenant, at) => database.snapshot((tx) => viewAt(context, tx, tenant, at)),
    documentAt: (tenant, named, at) => database.snapshot((tx) => documentAt(context, tx, tenant, named, at)),
  };
}

async function viewAt(context: CatalogContext, tx: Tx, tenant: TenantId, at: number): Promise<TenantView | undefined> {
  const policy = await tx
    .selectFrom('policy_activations as a')
    .innerJoin('policy_revisions as r', (join) => join.onRef('r.tenant', '=', 'a.tenant').onRef('r.revision', '=', 'a.revision'))
    .select(['r.revision', 'r.digest', 'r.lines'])
    .where('a.tenant', '=', tenant)
    .where('a.recorded_from', '<=', at)
    .where((eb) => eb.or([eb('a.recorded_to', 'is', null), eb('a.recorded_to', '>', at)]))
    .orderBy('a.recorded_from', 'desc')
    .executeTakeFirst();
  if (policy === undefined) return undefined;
  const sources = await sourcesAt(context, tx, tenant, at);
  return {
    tenant,
    generation: PAST_GENERATION,
    scheme: context.scheme,
    policy: policyOf(policy),
    sources,
    zones: await zonesAt(context, tx, tenant, sources, at),
    off: await switchesAt(tx, tenant, at),
    grants: await readGrants(tx, tenant, at, 'then'),
    // What could be read then is asked about documents; a collection decides nothing about them.
    collections: new Map(),
  };
}

async function sourcesAt(context: CatalogContext, tx: Tx, tenant: TenantId, at: number): Promise<ReadonlyMap<SourceId, Source>> {
  const rows = await tx
    .selectFrom('source_history')
    .selectAll()
    .where('tenant', '=', tenant)
    .where('state', '=', 'live')
    .where('recorded_from', '<=', at)
    .where((eb) => eb.or([eb('recorded_to', 'is', null), eb('recorded_to', '>', at)]))
    .execute();
  return new Map(rows.map((row) => [row.source as SourceId, sourceOf(context.scheme, row)]));
}

async function zonesAt(
  context: CatalogContext,
  tx: Tx,
  tenant: TenantId,
  sources: ReadonlyMap<SourceId, Source>,
  at: number,
): Promise<TenantView['zones']> {
  const rows = await tx
    .selectFrom('zones')
    .select(['zone', 'source', 'level', 'compartments', 'trust'])
    .where('tenant', '=', tenant)
    .where('recorded_from', '<=', at)
    .orderBy('zone')
    .execute();
  const known = rows.filter((row) => sources.has(row.source as SourceId));
  return new Map(known.map((row) => [row.zone as ZoneId, zoneOf(context.scheme, row)]));
}

async function switchesAt(tx: Tx, tenant: TenantId, at: number): Promise<TenantView['off']> {
  const rows = await switched(tx, [EVERYTHING, tenant], at).where('kind', '<>', 'document').execute();
  const targets = (...kinds: readonly string[]): readonly string[] => rows.filter(({ kind }) => kinds.includes(kind)).map((r) => r.target);
  return {
    everything: targets('tenant', 'all').length > 0,
    sources: new Set(targets('source') as readonly SourceId[]),
    principals: new Set(targets('user', 'client') as readonly Principal[]),
  };
}

function switched(db: Kysely<Schema>, scopes: readonly string[], at: Moment) {
  const query = db.selectFrom('switches').select(['kind', 'target']).where('scope', 'in', scopes);
  if (at === 'now') return query.where('recorded_to', 'is', null);
  return query.where('recorded_from', '<=', at).where((eb) => eb.or([eb('recorded_to', 'is', null), eb('recorded_to', '>', at)]));
}

/** What the row of a document said at a moment. */
type Then = Pick<
  DocumentRow,
  'key' | 'source' | 'document' | 'revision' | 'state' | 'content' | 'acl_version' | 'valid_from' | 'valid_until'
> & {
  readonly zone: number;
  readonly acl: string;
};

async function documentAt(
  context: CatalogContext,
  tx: Tx,
  tenant: TenantId,
  named: NamedDocument,
  at: Moment,
): Promise<DocumentFacts | undefined> {
  const found = await find(tx, tenant, named);
  if (found === undefined) return undefined;
  const then = at === 'now' ? found.row : await rowAt(tx, found.row, at);
  const source = then === undefined ? undefined : await sourceAt(context, tx, tenant, found.row.source, at);
  if (then === undefined || source === undefined) return undefined;
  const zone = await tx
    .selectFrom('zones')
    .select(['zone', 'source', 'level', 'compartments', 'trust'])
    .where('tenant', '=', tenant)
    .where('zone', '=', then.zone)
    .executeTakeFirstOrThrow();
  const off = await switched(tx, [tenant], at).where('kind', '=', 'document').where('target', '=', then.key).executeTakeFirst();
  return {
    key: then.key as DocumentKey,
    document: then.document as DocumentId,
    source,
    revision: then.revision,
    state: then.state,
    off: off !== undefined,
    honey: await wasHoney(tx, tenant, then.key, at),
    zone: then.zone as ZoneId,
    declared: labelOf(context.scheme, zone),
    acl: aclOf(then.acl),
    aclVersion: then.acl_version,
    validFrom: then.valid_from ?? 'always',
    validUntil: then.valid_until ?? 'forever',
    current: found.content === undefined || (found.content.text === then.content && (at !== 'now' || found.content.live)),
  };
}

async function wasHoney(tx: Tx, tenant: TenantId, key: string, at: Moment): Promise<boolean> {
  const rows = tx.selectFrom('honey_documents').select('key').where('tenant', '=', tenant).where('key', '=', key);
  const found =
    at === 'now'
      ? rows.where('recorded_to', 'is', null)
      : rows.where('recorded_from', '<=', at).where((eb) => eb.or([eb('recorded_to', 'is', null), eb('recorded_to', '>', at)]));
  return (await found.executeTakeFirst()) !== undefined;
}

interface Found {
  readonly row: DocumentRow;
  /** Of the chunk that was named. */
  readonly content?: { readonly text: string; readonly live: boolean };
}

async function find(tx: Tx, tenant: TenantId, named: NamedDocument): Promise<Found | undefined> {
  const documents = tx.selectFrom('documents').selectAll().where('tenant', '=', tenant);
  if (named.kind === 'document') {
    const row = await documents.where('source', '=', named.source).where('document', '=', named.document).executeTakeFirst();
    return row && { row: await asItStands(tx, row) };
  }
  const chunk = await tx
    .selectFrom('chunks')
    .select(['key', 'content', 'state'])
    .where('tenant', '=', tenant)
    .where('chunk', '=', named.chunk)
    // A staged chunk was never part of what anybody could read.
    .where('state', '<>', 'staged')
    .executeTakeFirst();
  if (chunk === undefined) return undefined;
  const row = await documents.where('key', '=', chunk.key).executeTakeFirst();
  return row && { row: await asItStands(tx, row), content: { text: chunk.content, live: chunk.state === 'live' } };
}

/** Without its collection it is a tombstone already. */
async function asItStands(tx: Tx, row: DocumentRow): Promise<DocumentRow> {
  return (await leftBehindIn(tx, row)) === undefined ? row : { ...row, state: 'deleted' };
}

/** Undefined where the document was not written yet. ACL and label are those of the versions that its revision names. */
async function rowAt(tx: Tx, row: DocumentRow, at: number): Promise<Then | undefined> {
  const { tenant, key, source, document } = row;
  const was = await tx
    .selectFrom('document_history as h')
    .innerJoin('document_acls as a', (join) =>
      join.onRef('a.tenant', '=', 'h.tenant').onRef('a.key', '=', 'h.key').onRef('a.acl_version', '=', 'h.acl_version'),
    )
    .innerJoin('document_labels as l', (join) =>
      join.onRef('l.tenant', '=', 'h.tenant').onRef('l.key', '=', 'h.key').onRef('l.label_version', '=', 'h.label_version'),
    )
    .select(['h.revision', 'h.state', 'h.content', 'h.acl_version', 'h.valid_from', 'h.valid_until', 'a.acl', 'l.zone'])
    .where('h.tenant', '=', tenant)
    .where('h.key', '=', key)
    .where('h.recorded_from', '<=', at)
    .where((eb) => eb.or([eb('h.recorded_to', 'is', null), eb('h.recorded_to', '>', at)]))
    .orderBy('h.revision', 'desc')
    .executeTakeFirst();
  return was && { key, source, document, ...was };
}

async function sourceAt(context: CatalogContext, tx: Tx, tenant: TenantId, source: string, at: Moment): Promise<Source | undefined> {
  if (at === 'now') {
    const row = await tx.selectFrom('sources').selectAll().where('tenant', '=', tenant).where('source', '=', source).executeTakeFirst();
    return row && sourceOf(context.scheme, row);
  }
  const row = await tx
    .selectFrom('source_history')
    .selectAll()
    .where('tenant', '=', tenant)
    .where('source', '=', source)
    .where('recorded_from', '<=', at)
    .where((eb) => eb.or([eb('recorded_to', 'is', null), eb('recorded_to', '>', at)]))
    .orderBy('revision', 'desc')
    .executeTakeFirst();
  return row && sourceOf(context.scheme, row);
}
