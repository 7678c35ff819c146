import { digestOf, uuidOf } from '../../src/core/digest.ts';
import type { TenantId } from '../../src/core/ids.ts';
import type { PolicyLine } from '../../src/core/policy-lines.ts';
import { parsePolicyCsv } from '../../src/policy/parse-csv.ts';
import type { Database, Tx } from '../../src/database/database.ts';
import { seededRandom, type Random } from '../../test/support/random.ts';

export const DOCUMENTS = 100_000;
export const SOURCES = 200;
const ZONES_EACH = 5;
const ACLS = 2_000;
export const GROUPS = 500;
export const PEOPLE = 5_000;
const ROLES = 200;
const SLICE = 400;
export const TENANT = 'bench' as TenantId;
const LEVELS = ['public', 'internal', 'confidential', 'restricted'];

const group = (n: number): string => `group:idp|g${n}`;
export const sourceName = (n: number): string => `${n % 4 === 0 ? 'hr' : 'wiki'}-${n}`;
export const documentName = (n: number): string => `document-${n}`;

/** 5,000 people and 500 groups in 200 roles with three lines each, over 200 sources. */
export function benchPolicy(seed = 1): readonly PolicyLine[] {
  const random = seededRandom(seed);
  const lines = [
    `p, user:idp|root, ${TENANT}, *, administer, *, *, *, allow`,
    `p, user:idp|root, ${TENANT}, *, audit, upto:restricted, *, *, allow`,
    `p, client:idp|app, ${TENANT}, *, retrieve, upto:restricted, *, *, allow`,
    `p, client:idp|app, ${TENANT}, *, audit, upto:restricted, *, *, allow`,
    `p, client:idp|app, ${TENANT}, *, administer, *, *, *, allow`,
    `p, everyone, ${TENANT}, *, retrieve, upto:public, *, *, allow`,
  ];
  for (let n = 0; n < ROLES; n++) {
    for (let k = 0; k < 3; k++) {
      const source = random.chance(0.1) ? 'wiki-*' : sourceName(random.below(SOURCES));
      lines.push(`p, role:r${n}, ${TENANT}, ${source}, retrieve, upto:${random.pick(LEVELS)}, *, *, allow`);
    }
    if (n % 20 === 0) lines.push(`p, role:r${n}, ${TENANT}, hr-*, retrieve, from:restricted, *, *, deny`);
  }
  for (let n = 0; n < GROUPS; n++) lines.push(`g, ${group(n)}, role:r${random.below(ROLES)}, ${TENANT}`);
  for (let n = 0; n < PEOPLE; n++) lines.push(`g, user:idp|u${n}, role:r${random.below(ROLES)}, ${TENANT}`);
  return parsePolicyCsv(lines.join('\n')).lines;
}

const BY = { changed_by: 'user:idp|root', changed_through: 'client:idp|app', request_id: 'bench' };

/** Rows straight into the tables, with their history: 100,000 writes through the service would take the better part of an hour. */
export async function fillCatalog(database: Database): Promise<void> {
  const random = seededRandom(2);
  const at = Date.now() - 3_600_000;
  const acls = Array.from({ length: ACLS }, () => aclText(random));
  await database.transaction((tx) => fillSources(tx, at));
  for (let from = 0; from < DOCUMENTS; from += 10_000) {
    const rows = Array.from({ length: 10_000 }, (_, index) => documentRow(random, from + index, at, random.pick(acls)));
    await database.transaction((tx) => fillDocuments(tx, rows, at), { timeoutMs: 120_000 });
  }
}

async function fillSources(tx: Tx, at: number): Promise<void> {
  const facts = {
    tenant: TENANT,
    revision: 1,
    owner: 'user:idp|root',
    level: 'public',
    compartments: '[]',
    ceiling: null,
    recorded_from: at,
  };
  const sources = Array.from({ length: SOURCES }, (_, n) => {
    return { ...facts, source: sourceName(n), title: sourceName(n), trust: 'internal' as const, state: 'live' as const };
  });
  await insert(tx, 'sources', sources);
  await insert(
    tx,
    'source_history',
    sources.map((row) => ({ ...row, ...BY, recorded_to: null })),
  );
  const zones = sources.flatMap(({ source }, n) =>
    Array.from({ length: ZONES_EACH }, (_, k) => ({
      tenant: TENANT,
      zone: n * ZONES_EACH + k + 1,
      source,
      declared: `${n}-${k}`,
      level: LEVELS[k % LEVELS.length] ?? 'public',
      compartments: '[]',
      trust: k === ZONES_EACH - 1 ? ('external' as const) : ('internal' as const),
      recorded_from: at,
    })),
  );
  await insert(tx, 'zones', zones);
}

async function fillDocuments(tx: Tx, rows: readonly ReturnType<typeof documentRow>[], at: number): Promise<void> {
  const recorded = { ...BY, recorded_from: at, recorded_to: null };
  const label = { level: 'public', compartments: '[]', trust: 'internal' as const };
  await insert(tx, 'documents', rows);
  const history = rows.map(
    ({ source: _s, document: _d, indexed_revision: _i, zone: _z, chunk_count: _c, updated_at: _u, written_by: _w, acl: _a, ...kept }) => {
      return { ...kept, ...recorded };
    },
  );
  await insert(tx, 'document_history', history);
  const acls = rows.map(({ tenant, key, acl, acl_version }) => ({ tenant, key, acl_version, digest: digestOf(acl), acl, ...recorded }));
  await insert(tx, 'document_acls', acls);
  const labels = rows.map(({ tenant, key, zone, label_version }) => ({ tenant, key, label_version, zone, ...label, ...recorded }));
  await insert(tx, 'document_labels', labels);
}

function aclText(random: Random): string {
  const gate = (): string[] =>
    random.chance(0.2) ? ['everyone'] : [...new Set(Array.from({ length: 1 + random.below(6) }, () => group(random.below(GROUPS))))].sort();
  const deny = random.chance(0.1) ? [group(random.below(GROUPS))] : [];
  return JSON.stringify({ gates: random.chance(0.8) ? [gate()] : [gate(), gate()], deny });
}

function documentRow(random: Random, n: number, at: number, acl: string) {
  const source = n % SOURCES;
  const document = documentName(n);
  return {
    tenant: TENANT,
    key: uuidOf('document', TENANT, sourceName(source), document),
    source: sourceName(source),
    document,
    revision: 1,
    indexed_revision: 1,
    state: 'live' as const,
    zone: source * ZONES_EACH + random.below(ZONES_EACH) + 1,
    acl_version: 1,
    label_version: 1,
    content: `c${n}`,
    valid_from: null,
    valid_until: null,
    chunk_count: 5,
    updated_at: at,
    written_by: 'client:idp|app',
    write_digest: 'sha256:0',
    title: `The title of document number ${n}`,
    uri: null,
    acl,
    metadata: '{"year":2026,"kind":"page"}',
  };
}

async function insert(tx: Tx, table: Parameters<Tx['insertInto']>[0], rows: readonly object[]): Promise<void> {
  for (let from = 0; from < rows.length; from += SLICE) {
    await tx
      .insertInto(table)
      .values(rows.slice(from, from + SLICE))
      .execute();
  }
}
