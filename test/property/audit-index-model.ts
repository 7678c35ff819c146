import type { Json, JsonObject } from '../../src/core/json.ts';
import { subLogsOf } from '../../src/core/sub-logs.ts';
import { createFrontier } from '../../src/core/tlog/frontier.ts';
import { createMapTree } from '../../src/core/tlog/map-tree.ts';
import {
  bucketOf,
  EMPTY_SUB_LOG,
  hashBucket,
  nextSubLogHead,
  subLogKey,
  subLogValue,
  type MapEntry,
} from '../../src/core/tlog/sub-log-map.ts';
import type { SubLog } from '../../src/core/ports/evidence.ts';
import { leafHash } from '../../src/audit/leaf.ts';
import type { AuditEventRow } from '../../src/database/audit-tables.ts';
import type { Database } from '../../src/database/database.ts';
import { createHash } from 'node:crypto';

/** What a log says, computed the plain way: everything in memory, from the beginning. */
export interface LogModel {
  readonly root: string;
  readonly map: string;
  readonly subLogs: readonly { readonly subLog: SubLog; readonly positions: readonly number[] }[];
}

export function modelOf(rows: readonly AuditEventRow[]): LogModel {
  const tree = createFrontier();
  const positions = new Map<string, { subLog: SubLog; positions: number[]; head: Uint8Array }>();
  for (const row of rows) {
    const leaf = Buffer.from(row.leaf, 'hex');
    tree.append(leaf);
    for (const subLog of subLogsOf({ v: row.v, kind: row.kind, body: JSON.parse(row.body) as JsonObject })) {
      const name = JSON.stringify(subLog);
      const known = positions.get(name) ?? { subLog, positions: [], head: EMPTY_SUB_LOG };
      known.positions.push(row.idx);
      known.head = nextSubLogHead(known.head, leaf, row.idx);
      positions.set(name, known);
    }
  }
  const buckets = new Map<number, MapEntry[]>();
  for (const { subLog, positions: all, head } of positions.values()) {
    const key = subLogKey(subLog);
    buckets.set(bucketOf(key), [...(buckets.get(bucketOf(key)) ?? []), { key, value: subLogValue(all.length, head) }]);
  }
  const map = createMapTree();
  for (const [bucket, entries] of buckets) map.set(bucket, hashBucket(entries));
  return { root: hex(tree.root()), map: hex(map.root()), subLogs: [...positions.values()] };
}

function hex(hash: Uint8Array): string {
  return Buffer.from(hash).toString('hex');
}

/** One event as a log holds it, from a few small numbers. */
export interface Drawn {
  readonly kind: 'intent' | 'release' | 'error' | 'document.changed' | 'switch.thrown' | 'audit.read';
  readonly person: number;
  readonly documents: readonly number[];
  readonly v: 1 | 2;
}

/** Rows of a whole log, with leaves and times as the audit writes them. */
export function rowsOf(tenant: string, drawn: readonly Drawn[]): readonly AuditEventRow[] {
  return drawn.map((event, idx) => {
    const content = {
      tenant,
      idx,
      at: 1_700_000_000_000 + idx * 1_000,
      kind: event.kind,
      request_id: `r${Math.floor(idx / 2)}`,
      body: JSON.stringify(bodyOf(event)),
      salt: createHash('md5').update(`${tenant} ${idx}`).digest('hex'),
      v: event.v,
    };
    return { ...content, leaf: leafHash(content) };
  });
}

function bodyOf({ kind, person, documents, v }: Drawn): JsonObject {
  const someone: Json = v === 1 ? `user:idp|${person}` : { '@person': `p${person}` };
  const client = `client:idp|app${person % 3}`;
  const source = (document: number): string => `s${document % 4}`;
  const named = (document: number): Json => (v === 1 ? `d${document}` : { '@document': `d${document}` });
  if (kind === 'release') {
    return { user: someone, client, chunks: documents.map((document) => ({ source: source(document), document: named(document) })) };
  }
  if (kind === 'intent' || kind === 'error') return { user: someone, client };
  const [first = 0] = documents;
  const by: Json = { by: someone, through: client };
  if (kind === 'document.changed') return { ...by, source: source(first), document: named(first) };
  return { ...by, kind: 'user', target: v === 1 ? `user:idp|${first}` : { '@person': `p${first}` } };
}

/** Writes rows from the position `from` on, and the head that counts them all, as no appender would. */
export async function storeLog(database: Database, tenant: string, rows: readonly AuditEventRow[], from = 0): Promise<void> {
  let head: Uint8Array = new Uint8Array(32);
  for (const { leaf } of rows) head = createHash('sha256').update(Uint8Array.of(1)).update(head).update(leaf, 'hex').digest();
  await database.transaction(async (tx) => {
    for (let at = from; at < rows.length; at += 500)
      await tx
        .insertInto('audit_events')
        .values(rows.slice(at, at + 500))
        .execute();
    const stored = { size: rows.length, head: Buffer.from(head).toString('hex'), at: rows.at(-1)?.at ?? 0, erasures: 0 };
    await tx
      .insertInto('audit_heads')
      .values({ tenant, ...stored })
      .onConflict((conflict) => conflict.column('tenant').doUpdateSet(stored))
      .execute();
  });
}
