import { setImmediate as nextTurn } from 'node:timers/promises';
import { HASH_SIZE, perfectRoot } from '../../core/tlog/merkle.ts';
import { bucketOf, hashBucket, subLogValue, type MapEntry } from '../../core/tlog/sub-log-map.ts';
import type { DatabaseKind, Tx } from '../../database/database.ts';
import { upsert } from './bulk.ts';

/** Buckets of a tile of the map, and tiles below the top one. */
export const MAP_TILE_WIDTH = 256;
/** The tile whose hashes are the roots of the others. */
export const TOP_TILE = 256;

const BUCKETS = { table: 'audit_map_buckets', columns: ['tenant', 'bucket', 'entries'], key: 2 };
const TILES = { table: 'audit_map_tiles', columns: ['tenant', 'idx', 'hashes'], key: 2 };
const ENTRY_SIZE = 2 * HASH_SIZE;
const EMPTY_BUCKET = hashBucket([]);
const EMPTY_TILE = Buffer.concat(Array.from({ length: MAP_TILE_WIDTH }, () => EMPTY_BUCKET));
const EMPTY_TOP = Buffer.concat(Array.from({ length: MAP_TILE_WIDTH }, () => perfectRoot(EMPTY_TILE)));

/**
 * Brings the map to where the sub-logs are, a tile of 256 buckets at a time, and returns its root as hex. What grew since the last time
 * is marked, so nothing else is read.
 */
export async function buildMap(tx: Tx, kind: DatabaseKind, tenant: string): Promise<string> {
  const top = Buffer.from(await readMapTile(tx, tenant, TOP_TILE));
  for (let tile = 0; tile < MAP_TILE_WIDTH; tile += 1) {
    const from = Buffer.of(tile);
    const to = tile === MAP_TILE_WIDTH - 1 ? undefined : Buffer.of(tile + 1);
    const dirty = await dirtyBetween(tx, tenant, from, to);
    if (dirty.length === 0) continue;
    top.set(perfectRoot(await updateTile(tx, kind, tenant, tile, dirty)), tile * HASH_SIZE);
    await cleaned(tx, tenant, from, to);
    // Whoever waits for an answer of this thread gets a turn.
    await nextTurn();
  }
  await upsert(tx, kind, TILES, [[tenant, TOP_TILE, top]]);
  return Buffer.from(perfectRoot(top)).toString('hex');
}

/** Its 256 hashes; of an empty map where it was never written. */
export async function readMapTile(db: Pick<Tx, 'selectFrom'>, tenant: string, idx: number): Promise<Uint8Array> {
  const row = await db
    .selectFrom('audit_map_tiles')
    .select('hashes')
    .where('tenant', '=', tenant)
    .where('idx', '=', idx)
    .executeTakeFirst();
  return row?.hashes ?? (idx === TOP_TILE ? EMPTY_TOP : EMPTY_TILE);
}

/** Sorted by key. */
export async function readBucket(db: Pick<Tx, 'selectFrom'>, tenant: string, bucket: number): Promise<readonly MapEntry[]> {
  const row = await db
    .selectFrom('audit_map_buckets')
    .select('entries')
    .where('tenant', '=', tenant)
    .where('bucket', '=', bucket)
    .executeTakeFirst();
  return entriesOf(row?.entries ?? new Uint8Array(0));
}

function dirtyBetween(tx: Tx, tenant: string, from: Uint8Array, to: Uint8Array | undefined) {
  const dirty = tx
    .selectFrom('audit_sublogs')
    .select(['key', 'size', 'head'])
    .where('tenant', '=', tenant)
    .where('dirty', '=', 1)
    .where('key', '>=', from);
  return (to === undefined ? dirty : dirty.where('key', '<', to)).orderBy('key').execute();
}

async function cleaned(tx: Tx, tenant: string, from: Uint8Array, to: Uint8Array | undefined): Promise<void> {
  const clean = tx
    .updateTable('audit_sublogs')
    .set({ dirty: 0 })
    .where('tenant', '=', tenant)
    .where('dirty', '=', 1)
    .where('key', '>=', from);
  await (to === undefined ? clean : clean.where('key', '<', to)).execute();
}

async function updateTile(
  tx: Tx,
  kind: DatabaseKind,
  tenant: string,
  tile: number,
  dirty: readonly { readonly key: Uint8Array; readonly size: number; readonly head: Uint8Array }[],
): Promise<Uint8Array> {
  const changed = new Map<number, MapEntry[]>();
  for (const { key, size, head } of dirty) {
    const bucket = bucketOf(key);
    const entries = changed.get(bucket) ?? [];
    entries.push({ key, value: subLogValue(size, head) });
    changed.set(bucket, entries);
  }
  const stored = await tx
    .selectFrom('audit_map_buckets')
    .select(['bucket', 'entries'])
    .where('tenant', '=', tenant)
    .where('bucket', 'in', [...changed.keys()])
    .execute();
  const before = new Map(stored.map(({ bucket, entries }) => [bucket, entries]));
  const hashes = Buffer.from(await readMapTile(tx, tenant, tile));
  const rows = [...changed].map(([bucket, entries]) => {
    const merged = merge(entriesOf(before.get(bucket) ?? new Uint8Array(0)), entries);
    hashes.set(hashBucket(merged), (bucket % MAP_TILE_WIDTH) * HASH_SIZE);
    return [tenant, bucket, Buffer.concat(merged.flatMap(({ key, value }) => [key, value]))];
  });
  await upsert(tx, kind, BUCKETS, rows);
  await upsert(tx, kind, TILES, [[tenant, tile, hashes]]);
  return hashes;
}

function merge(before: readonly MapEntry[], changed: readonly MapEntry[]): readonly MapEntry[] {
  const text = ({ key }: MapEntry): string => Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1');
  const all = new Map([...before, ...changed].map((entry) => [text(entry), entry]));
  return [...all.values()].sort((a, b) => Buffer.compare(a.key, b.key));
}

function entriesOf(bytes: Uint8Array): readonly MapEntry[] {
  return Array.from({ length: bytes.length / ENTRY_SIZE }, (_, i) => {
    const at = i * ENTRY_SIZE;
    return { key: bytes.subarray(at, at + HASH_SIZE), value: bytes.subarray(at + HASH_SIZE, at + ENTRY_SIZE) };
  });
}
