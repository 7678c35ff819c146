import { createAudit, type Audit } from '../../src/audit/audit.ts';
import { createCatalog, type Catalog } from '../../src/catalog/catalog.ts';
import type { Acl } from '../../src/core/acl.ts';
import { digestOf, uuidOf } from '../../src/core/digest.ts';
import type { ChunkId, DocumentId, DocumentKey, SourceId, TenantId } from '../../src/core/ids.ts';
import { labelScheme, type Label, type Level } from '../../src/core/label.ts';
import type { PolicyRevision } from '../../src/core/policy-lines.ts';
import type {
  Change,
  DocumentAttributes,
  DocumentContent,
  EpochStamp,
  ExpectedRevision,
  SourceAttributes,
  StoredDocument,
} from '../../src/core/ports/catalog.ts';
import { silentTelemetry } from '../../src/core/ports/telemetry.ts';
import { EVERYONE, type Principal } from '../../src/core/principal.ts';
import type { AuditSink } from '../../src/database/audit-sink.ts';
import type { Database } from '../../src/database/database.ts';
import { migrate } from '../../src/database/migrate.ts';
import { openDatabase, type DatabaseConfig } from '../../src/database/open-database.ts';
import { PATIENT } from './audit-events.ts';

export const ACME = 'acme' as TenantId;
export const GLOBEX = 'globex' as TenantId;
export const HANDBOOK = 'handbook' as SourceId;
export const ANNA = 'user:idp|anna' as Principal;
export const HR = 'group:idp|hr' as Principal;
export const OPS = 'group:idp|ops' as Principal;
export const SCHEME = labelScheme(['public', 'internal', 'confidential', 'restricted']);
export const CHANGE: Change = { requestId: 'request-1', by: ANNA, through: 'client:idp|admin' as Principal };
export const PUBLIC_ACL: Acl = { gates: [[EVERYONE]], deny: [] };

/** What has to be there. */
export function the<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('it is not there');
  return value;
}

export function label(level: string, compartments: readonly string[] = [], trust: Label['trust'] = 'internal'): Label {
  return { level: level as Level, compartments, trust };
}

export function policy(id: string, columns = ['everyone', 'acme', '*', 'retrieve', 'upto:public', '*', '*', 'allow']): PolicyRevision {
  return { id, lines: [{ type: 'p', columns, line: 1 }] };
}

export function sourceAttributes(more: Partial<SourceAttributes> = {}): SourceAttributes {
  return { title: 'Handbook', owner: HR, label: label('internal'), ceiling: { kind: 'none' }, ...more };
}

export function keyOf(tenant: TenantId, source: SourceId, document: string): DocumentKey {
  return uuidOf('document', tenant, source, document) as DocumentKey;
}

/** As ingestion makes it: chunk ids depend on the document, the revision they are for, and the text. */
export function contentOf(key: DocumentKey, revision: number, paragraphs: readonly string[]): DocumentContent {
  const text = paragraphs.join('\n\n');
  const version = digestOf(text);
  let end = -2;
  const chunks = paragraphs.map((paragraph, ordinal) => {
    const start = end + 2;
    end = start + paragraph.length;
    const chunk = uuidOf('chunk', key, revision, version, ordinal) as ChunkId;
    return { chunk, ordinal, text: paragraph, digest: digestOf(paragraph), span: { start, end, path: ['Leave', 'Ärger "quoted"'] } };
  });
  return {
    version,
    pipeline: 'text/plain c1 bm25',
    mediaType: 'text/plain',
    language: 'en',
    text,
    chunks,
    removed: { tag: 0, bidi: 1, zeroWidth: 2 },
    lineage: {
      run: 'run-1',
      connector: 'api',
      parser: 'plain@1',
      chunker: 'c1',
      embedding: 'bm25@1',
      indexedAt: '2026-01-01T00:00:00.000Z',
    },
  };
}

export function chunkIds(content: DocumentContent): readonly ChunkId[] {
  return content.chunks.map(({ chunk }) => chunk);
}

export function attributesOf(more: Partial<DocumentAttributes> = {}): DocumentAttributes {
  return {
    title: 'A document',
    uri: undefined,
    declared: label('public', [], 'trusted'),
    acl: PUBLIC_ACL,
    metadata: {},
    validFrom: 'always',
    validUntil: 'forever',
    state: 'live',
    writtenBy: ANNA,
    writeDigest: digestOf('write'),
    ...more,
  };
}

export interface CatalogWorld {
  readonly config: DatabaseConfig;
  readonly database: Database;
  readonly audit: Audit;
  readonly catalog: Catalog;
  /** Another replica: its own connections and caches on the same database. */
  replica(sink?: AuditSink): Promise<Catalog>;
  stamp(catalog?: Catalog, tenant?: TenantId): Promise<EpochStamp>;
  /** Reserves, stages and publishes, as ingestion does. */
  put(document: string, options?: PutOptions): Promise<StoredDocument>;
  close(): Promise<void>;
}

export interface PutOptions {
  readonly tenant?: TenantId;
  readonly source?: SourceId;
  readonly paragraphs?: readonly string[];
  readonly attributes?: Partial<DocumentAttributes>;
  readonly content?: Partial<DocumentContent>;
  readonly catalog?: Catalog;
  /** What the writer saw; what is there now where absent. */
  readonly expected?: ExpectedRevision;
}

/** A migrated database with two tenants, each with the source `handbook`. */
export async function catalogWorld(config: DatabaseConfig): Promise<CatalogWorld> {
  const opened: Database[] = [];
  async function open(): Promise<Database> {
    const database = await openDatabase(config);
    opened.push(database);
    return database;
  }
  const database = await open();
  await migrate(database);
  const audit = createAudit({ database, telemetry: silentTelemetry, limits: PATIENT });
  const parts = { scheme: SCHEME, telemetry: silentTelemetry };
  const catalog = createCatalog({ ...parts, database, auditSink: audit.sink, auditSinkAll: audit.sinkAll });
  for (const tenant of [ACME, GLOBEX]) {
    await catalog.createTenant(tenant, policy('first'), CHANGE);
    await catalog.putSource(tenant, HANDBOOK, sourceAttributes(), 'absent', CHANGE);
  }
  return {
    config,
    database,
    audit,
    catalog,
    async replica(sink) {
      const own = await open();
      const auditSink = sink ?? createAudit({ database: own, telemetry: silentTelemetry, limits: PATIENT }).sink;
      return createCatalog({ ...parts, database: own, auditSink });
    },
    async stamp(from = catalog, tenant = ACME) {
      const read = await from.epoch(tenant);
      if (read.kind === 'none') throw new Error('no such tenant');
      return read.stamp;
    },
    put: (document, options = {}) => put(options.catalog ?? catalog, document, options),
    async close() {
      for (const one of opened) await one.close();
    },
  };
}

async function put(catalog: Catalog, name: string, options: PutOptions): Promise<StoredDocument> {
  const { tenant = ACME, source = HANDBOOK, paragraphs = ['first paragraph', 'second paragraph'] } = options;
  const document = name as DocumentId;
  const key = keyOf(tenant, source, name);
  const attributes = attributesOf(options.attributes);
  const expected = options.expected ?? (await catalog.document(tenant, source, document))?.revision ?? 'absent';
  await catalog.reserve(tenant, source, attributes.declared, attributes.acl);
  const content = { ...contentOf(key, await catalog.nextRevision(tenant, key), paragraphs), ...options.content };
  await catalog.stage(tenant, key, content);
  return catalog.publish({ tenant, source, document, key, expected, attributes, content, change: CHANGE });
}
