import { named, namedDocument } from '../core/audit-names.ts';
import { sql } from 'kysely';
import { normaliseAcl, isNoNarrower } from '../core/acl.ts';
import { digestOf } from '../core/digest.ts';
import { AppError } from '../core/errors.ts';
import type { DocumentKey, TenantId } from '../core/ids.ts';
import type { DocumentHygiene } from '../core/hygiene.ts';
import type { Json } from '../core/json.ts';
import { atLeastAsSensitive, type Label, type LabelScheme } from '../core/label.ts';
import type { Change, DocumentAttributes, StoredDocument, WriteCatalog } from '../core/ports/catalog.ts';
import type { OriginalCatalog } from '../core/ports/originals.ts';
import type { Principal } from '../core/principal.ts';
import type { DocumentRow } from '../database/catalog-tables.ts';
import type { Tx } from '../database/database.ts';
import { readDatabaseTime } from '../database/time.ts';
import { attributeColumns, reservedIn } from './attribute-columns.ts';
import { writeRow } from './bury.ts';
import { changedBy, databaseNow, type CatalogContext } from './context.ts';
import { documentRow, selectDocuments, storedDocument } from './document-rows.ts';
import { moveEpoch } from './epochs.ts';
import { changeEvent } from './events.ts';
import { recordDocument } from './history.ts';
import { leftBehindIn } from './hosted/leftovers.ts';
import { demandLiveSource } from './live-source.ts';
import { digests, readBack } from './publish.ts';
import { labelDigest } from './rows.ts';
import { readTombstones } from './tombstones.ts';

type DocumentReads = OriginalCatalog &
  Pick<WriteCatalog, 'document' | 'tombstone' | 'time' | 'nextRevision' | 'chunkSecret' | 'listDocuments'>;

export function documentReads(context: CatalogContext): DocumentReads {
  const { database, scheme } = context;
  return {
    tombstone: async (tenant, key) => (await readTombstones(context, tenant, [key])).get(key),
    original: (tenant, key, expected, change) => readOriginal(context, tenant, key, expected, change),
    time: () => readDatabaseTime(database.db, database.kind),
    async document(tenant, source, document) {
      const row = await selectDocuments(database.db, tenant)
        .where('d.source', '=', source)
        .where('d.document', '=', document)
        .executeTakeFirst();
      return row && storedDocument(scheme, row);
    },
    async chunkSecret() {
      const { value } = await database.db.selectFrom('secrets').select('value').where('name', '=', 'chunk-ids').executeTakeFirstOrThrow();
      return value;
    },
    async nextRevision(tenant, key) {
      const row = await documentRow(database.db, tenant, key);
      // The tombstone that is still to be set takes a revision of its own.
      const grave = (await leftBehindIn(database.db, row)) === undefined ? 0 : 1;
      return (row?.revision ?? 0) + grave + 1;
    },
    async listDocuments(tenant, source, after, limit, state) {
      const rows = await selectDocuments(database.db, tenant)
        .where('d.source', '=', source)
        .$if(after !== undefined, (query) => query.where('d.document', '>', after ?? ''))
        // Spelt out, or the partial index of quarantined documents is not used.
        .$if(state === 'quarantined', (query) => query.where(sql<boolean>`d.state = 'quarantined'`))
        .$if(state === 'live', (query) => query.where('d.state', '=', 'live'))
        .orderBy('d.document')
        .limit(limit)
        .execute();
      return rows.map((row) => storedDocument(scheme, row));
    },
  };
}

/** The event is in the log, or nothing is answered. */
async function readOriginal(
  context: CatalogContext,
  tenant: TenantId,
  key: DocumentKey,
  expected: number,
  change: Change,
): Promise<string | undefined> {
  const found = await find(context, tenant, key, expected);
  return context.database.transaction(async (tx) => {
    const row = await documentRow(tx, tenant, key);
    if (row?.revision !== expected) throw new AppError('conflict', { detail: 'the document has moved on' });
    const version = await tx
      .selectFrom('document_versions')
      .select('original')
      .where('tenant', '=', tenant)
      .where('key', '=', key)
      .where('content', '=', row.content)
      .executeTakeFirstOrThrow();
    const { source, document } = found;
    const body = { source, document: namedDocument(source, document), revision: expected, kept: version.original !== null };
    await context.auditSink(tx, changeEvent(tenant, 'document.original-read', change, body));
    return version.original ?? undefined;
  });
}

/** True where somebody who could read the document under `before` may not under `after`. Errs towards true. */
function narrows(scheme: LabelScheme, before: DocumentAttributes, after: DocumentAttributes): boolean {
  const start = (bound: number | 'always'): number => (bound === 'always' ? -Infinity : bound);
  const end = (bound: number | 'forever'): number => (bound === 'forever' ? Infinity : bound);
  return (
    !isNoNarrower(normaliseAcl(before.acl), normaliseAcl(after.acl)) ||
    !atLeastAsSensitive(scheme, before.declared, after.declared) ||
    start(after.validFrom) > start(before.validFrom) ||
    end(after.validUntil) < end(before.validUntil) ||
    (before.state === 'live' && after.state === 'quarantined')
  );
}

async function find(context: CatalogContext, tenant: TenantId, key: DocumentKey, expected: number): Promise<StoredDocument> {
  const row = await selectDocuments(context.database.db, tenant).where('d.key', '=', key).executeTakeFirst();
  if (row?.revision !== expected) throw new AppError('conflict', { detail: 'the document has moved on' });
  return storedDocument(context.scheme, row);
}

/** Whether it narrows is decided before the epoch row is taken; the revision, compared and set, guards what it was decided on. */
export function createChange(context: CatalogContext): WriteCatalog['change'] {
  return async (key, tenant, expected, attributes, change) => {
    const found = await find(context, tenant, key, expected);
    const revoking = narrows(context.scheme, found, attributes);
    return context.database.transaction(async (tx) => {
      await moveEpoch(tx, tenant, { epoch: revoking, generation: false });
      const at = await databaseNow(tx, context);
      await demandLiveSource(tx, tenant, found.source, context.database.kind);
      const before = await documentRow(tx, tenant, key);
      if (before?.revision !== expected) throw new AppError('conflict', { detail: 'the document has moved on' });
      const revision = expected + 1;
      const reserved = reservedIn(tx, found);
      const after = { ...before, revision, ...(await attributeColumns(reserved, before, attributes, revision, at)) };
      await writeRow(tx, before, after);
      await recordDocument(tx, { before, after, declared: attributes.declared }, changedBy(change), at);
      await auditChange(tx, context, { found, before, after, declared: attributes.declared }, change);
      return readBack(tx, context, tenant, key);
    });
  };
}

/** What its text takes from a document, and whether an owner accepted it. */
function hygieneOf({ hygiene }: DocumentRow): Json {
  if (hygiene === null) return null;
  const { action, accepted } = JSON.parse(hygiene) as DocumentHygiene;
  return { action, accepted };
}

async function auditChange(
  tx: Tx,
  context: CatalogContext,
  what: { readonly found: StoredDocument; readonly before: DocumentRow; readonly after: DocumentRow; readonly declared: Label },
  change: Change,
): Promise<void> {
  const { found, before, after, declared } = what;
  await context.auditSink(
    tx,
    changeEvent(
      found.tenant,
      'document.changed',
      change,
      {
        source: found.source,
        document: namedDocument(found.source, found.document),
        revision: after.revision,
        state: after.state,
        ...(after.hygiene === before.hygiene ? {} : { hygiene: hygieneOf(after) }),
        acl: { version: after.acl_version, changed: before.acl !== after.acl },
        label: { zone: after.zone, ...digests(labelDigest(found.declared), labelDigest(declared)) },
        validity: { from: after.valid_from, until: after.valid_until },
        // An owner let it out of quarantine: with which denies that reach nobody.
        ...(after.released === null || after.released === before.released ? {} : { released: namesIn(after.released) }),
      },
      { facts: { acl: digests(digestOf(before.acl), digestOf(after.acl)) } },
    ),
  );
}

function namesIn(released: string): Json {
  return (JSON.parse(released) as readonly Principal[]).map(named);
}
