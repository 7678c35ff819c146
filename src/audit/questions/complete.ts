import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../../core/errors.ts';
import type { TenantId } from '../../core/ids.ts';
import type { CompletenessProof, SubLog } from '../../core/ports/evidence.ts';
import { hashChildren, HASH_SIZE } from '../../core/tlog/merkle.ts';
import { bucketOf, subLogKey, type MapEntry } from '../../core/tlog/sub-log-map.ts';
import type { Tx } from '../../database/database.ts';
import { newestCheckpoint } from '../checkpoints/stored.ts';
import { MAP_TILE_WIDTH, readBucket, readMapTile, TOP_TILE } from '../index/build-map.ts';
import { logState } from '../index/index-step.ts';
import type { LogAndIndex } from '../index/open-index.ts';
import { decodePositions } from '../index/positions.ts';

/** Positions in one proof; a longer list is exported and made anew from the export. */
const MOST_POSITIONS = 100_000;
const LEAVES_PER_READ = 500;
const POLL_MS = 100;
const PATIENCE_MS = 5_000;

/**
 * What the map of the newest checkpoint says of one sub-log, with all its positions. Undefined for a log without a checkpoint. Fails with
 * `limit_exceeded` for a sub-log of more than 100,000 events.
 */
export async function completeness({ log, index }: LogAndIndex, tenant: TenantId, subLog: SubLog): Promise<CompletenessProof | undefined> {
  const key = subLogKey(subLog);
  const giveUpAt = performance.now() + PATIENCE_MS;
  for (;;) {
    const { size, root, ...found } = await index.snapshot((tx) => inMap(tx, tenant, key));
    const checkpoint = await newestCheckpoint(log.db, tenant, size);
    if (checkpoint?.size === size && checkpoint.map === root) {
      const { note, root: tree, map, at } = checkpoint;
      const leaves = await leavesAt(log, tenant, found.positions);
      return { checkpoint: { note, size, root: tree, map, at }, key: key.toString('hex'), ...found, leaves };
    }
    if (size === 0 && (await newestCheckpoint(log.db, tenant)) === undefined) return undefined;
    // The map is made first and signed a moment later.
    if (performance.now() > giveUpAt) throw new AppError('audit_unavailable', { detail: 'the map is not signed', retryAfter: 5 });
    await sleep(POLL_MS);
  }
}

async function inMap(tx: Tx, tenant: string, key: Buffer) {
  const { mapSize, mapRoot } = await logState(tx, tenant);
  const bucket = bucketOf(key);
  const [entries, path] = [await readBucket(tx, tenant, bucket), await mapPath(tx, tenant, bucket)];
  return {
    size: mapSize,
    root: mapRoot,
    positions: await positionsBelow(tx, tenant, key, mapSize),
    map: { bucket: entries.map(({ key: of, value }: MapEntry) => ({ key: hex(of), value: hex(value) })), path: path.map(hex) },
  };
}

/** The hashes beside a bucket's way to the root: 8 within its tile, 8 within the tile of tiles. */
async function mapPath(tx: Tx, tenant: string, bucket: number): Promise<readonly Uint8Array[]> {
  const tile = Math.floor(bucket / MAP_TILE_WIDTH);
  const below = await readMapTile(tx, tenant, tile);
  const above = await readMapTile(tx, tenant, TOP_TILE);
  return [...siblings(below, bucket % MAP_TILE_WIDTH), ...siblings(above, tile)];
}

function siblings(hashes: Uint8Array, at: number): readonly Uint8Array[] {
  const path: Uint8Array[] = [];
  let level = Array.from({ length: MAP_TILE_WIDTH }, (_, i) => hashes.subarray(i * HASH_SIZE, (i + 1) * HASH_SIZE));
  for (let place = at; level.length > 1; place >>= 1) {
    const sibling = level[place ^ 1];
    if (sibling === undefined) throw new RangeError('a tile of the map is too short');
    path.push(sibling);
    level = Array.from({ length: level.length / 2 }, (_, i) => hashChildren(level[2 * i] ?? sibling, level[2 * i + 1] ?? sibling));
  }
  return path;
}

async function positionsBelow(tx: Tx, tenant: string, key: Buffer, size: number): Promise<readonly number[]> {
  const row = await tx
    .selectFrom('audit_sublogs')
    .select(['size', 'tail'])
    .where('tenant', '=', tenant)
    .where('key', '=', key)
    .executeTakeFirst();
  if (row === undefined) return [];
  const blocks = await tx
    .selectFrom('audit_sublog_blocks')
    .select('positions')
    .where('tenant', '=', tenant)
    .where('key', '=', key)
    .where('first', '<', size)
    .orderBy('block')
    .limit(Math.ceil(MOST_POSITIONS / 512) + 1)
    .execute();
  const positions = [...blocks.flatMap(({ positions: bytes }) => decodePositions(bytes)), ...decodePositions(row.tail)].filter(
    (at) => at < size,
  );
  if (positions.length <= MOST_POSITIONS) return positions;
  throw new AppError('limit_exceeded', {
    issues: [{ pointer: 'query', message: `a proof holds at most ${MOST_POSITIONS} events; export the log` }],
  });
}

async function leavesAt({ db }: LogAndIndex['log'], tenant: string, positions: readonly number[]): Promise<readonly string[]> {
  const leaves: string[] = [];
  for (let at = 0; at < positions.length; at += LEAVES_PER_READ) {
    const rows = await db
      .selectFrom('audit_events')
      .select('leaf')
      .where('tenant', '=', tenant)
      .where('idx', 'in', positions.slice(at, at + LEAVES_PER_READ))
      .orderBy('idx')
      .execute();
    leaves.push(...rows.map(({ leaf }) => leaf));
  }
  return leaves;
}

function hex(hash: Uint8Array): string {
  return Buffer.from(hash).toString('hex');
}
