import { sql, type Kysely } from 'kysely';
import { CHANGED_BY, RECORDED, tableTool, type TableTool } from './support/tables.ts';

export async function up(db: Kysely<unknown>, dialect: 'sqlite' | 'postgres'): Promise<void> {
  const tool = tableTool(db, dialect);
  await tenancy(tool);
  await sources(tool);
  await documents(tool);
  await documentHistory(tool);
  await chunks(tool);
  await policy(tool);
  await sql`insert into epochs (scope, epoch, generation) values ('*', 0, 0)`.execute(db);
}

async function tenancy({ table, index }: TableTool): Promise<void> {
  await table('epochs', ['scope'], { scope: 'text', epoch: 'bigint', generation: 'bigint' });
  await table('tenants', ['tenant'], { tenant: 'text', recorded_from: 'bigint' });
  await table('principals', ['tenant', 'name'], { tenant: 'text', number: 'bigint', name: 'text', recorded_from: 'bigint' });
  await index('principals', ['tenant', 'number'], { unique: true });
  await table('memberships', [], {
    tenant: 'text',
    member: 'text',
    group_name: 'text',
    origin: 'text',
    valid_from: 'bigint?',
    valid_until: 'bigint?',
    ...RECORDED,
  });
  await index('memberships', ['tenant', 'member']);
  await index('memberships', ['tenant', 'group_name']);
}

async function sources({ table, index }: TableTool): Promise<void> {
  const facts = {
    tenant: 'text',
    source: 'text',
    revision: 'bigint',
    title: 'text',
    owner: 'text',
    level: 'text',
    compartments: 'text',
    trust: 'text',
    ceiling: 'text?',
    state: 'text',
  } as const;
  await table('sources', ['tenant', 'source'], { ...facts, recorded_from: 'bigint' });
  await index('sources', ['state'], { where: `state = 'deleting'` });
  await table('source_history', ['tenant', 'source', 'revision'], { ...facts, ...CHANGED_BY, ...RECORDED });
  await table('zones', ['tenant', 'zone'], {
    tenant: 'text',
    zone: 'bigint',
    source: 'text',
    declared: 'text',
    level: 'text',
    compartments: 'text',
    trust: 'text',
    recorded_from: 'bigint',
  });
  await index('zones', ['tenant', 'source', 'declared'], { unique: true });
  await table('zone_blocks', ['tenant', 'block'], { tenant: 'text', block: 'bigint', declared: 'text', used: 'integer' });
  await index('zone_blocks', ['tenant', 'declared']);
}

// In the tables below the small columns come first and the long ones last: SQLite then reads a row's head without its overflow pages.

async function documents({ table, index }: TableTool): Promise<void> {
  await table('documents', ['tenant', 'key'], {
    tenant: 'text',
    key: 'text',
    source: 'text',
    document: 'text',
    revision: 'bigint',
    indexed_revision: 'bigint',
    state: 'text',
    zone: 'bigint',
    acl_version: 'bigint',
    label_version: 'bigint',
    content: 'text',
    valid_from: 'bigint?',
    valid_until: 'bigint?',
    chunk_count: 'integer',
    updated_at: 'bigint',
    written_by: 'text',
    write_digest: 'text',
    title: 'text',
    uri: 'text?',
    acl: 'text',
    metadata: 'text',
  });
  await index('documents', ['tenant', 'source', 'document'], { unique: true });
  await index('documents', ['updated_at'], { where: `indexed_revision < revision and state <> 'deleted'` });
  await table('document_versions', ['tenant', 'key', 'content'], {
    tenant: 'text',
    key: 'text',
    content: 'text',
    version: 'text',
    pipeline: 'text',
    media_type: 'text',
    language: 'text',
    removed: 'text',
    lineage: 'text',
    staged_at: 'bigint',
    text: 'text',
  });
}

async function documentHistory({ table }: TableTool): Promise<void> {
  await table('document_history', ['tenant', 'key', 'revision'], {
    tenant: 'text',
    key: 'text',
    revision: 'bigint',
    state: 'text',
    content: 'text',
    acl_version: 'bigint',
    label_version: 'bigint',
    valid_from: 'bigint?',
    valid_until: 'bigint?',
    write_digest: 'text',
    title: 'text',
    uri: 'text?',
    metadata: 'text',
    ...CHANGED_BY,
    ...RECORDED,
  });
  await table('document_acls', ['tenant', 'key', 'acl_version'], {
    tenant: 'text',
    key: 'text',
    acl_version: 'bigint',
    digest: 'text',
    acl: 'text',
    ...CHANGED_BY,
    ...RECORDED,
  });
  await table('document_labels', ['tenant', 'key', 'label_version'], {
    tenant: 'text',
    key: 'text',
    label_version: 'bigint',
    zone: 'bigint',
    level: 'text',
    compartments: 'text',
    trust: 'text',
    ...CHANGED_BY,
    ...RECORDED,
  });
}

async function chunks({ table, index }: TableTool): Promise<void> {
  await table('chunks', ['tenant', 'chunk'], {
    tenant: 'text',
    chunk: 'text',
    key: 'text',
    content: 'text',
    ordinal: 'integer',
    state: 'text',
    revision: 'bigint?',
    staged_at: 'bigint',
    span_start: 'integer',
    span_end: 'integer',
    digest: 'text',
    path: 'text',
    text: 'text',
  });
  await index('chunks', ['tenant', 'key', 'state']);
  // What is left to clean up is few among many: dead ones and staged ones, by age.
  await index('chunks', ['state', 'staged_at'], { where: `state <> 'live'` });
}

async function policy({ table, index }: TableTool): Promise<void> {
  await table('policy_revisions', ['tenant', 'revision'], {
    tenant: 'text',
    revision: 'text',
    parent: 'text?',
    digest: 'text',
    lines: 'text',
    author: 'text',
    recorded_from: 'bigint',
  });
  await table('policy_activations', [], { tenant: 'text', revision: 'text', ...CHANGED_BY, ...RECORDED });
  await index('policy_activations', ['tenant'], { unique: true, where: 'recorded_to is null' });
  await index('policy_activations', ['tenant', 'recorded_from']);
  await table('switches', [], {
    scope: 'text',
    kind: 'text',
    target: 'text',
    reason: 'text',
    lifted_by: 'text?',
    ...CHANGED_BY,
    ...RECORDED,
  });
  await index('switches', ['scope', 'kind', 'target'], { unique: true, where: 'recorded_to is null' });
  await table('collection_identity', ['collection'], { collection: 'text', identity: 'text', recorded_from: 'bigint' });
}
