import type { Kysely } from 'kysely';
import { HASH_SIZE } from '../../core/tlog/merkle.ts';
import type { Schema } from '../../database/schema.ts';
import { readTile } from '../index/read-tiles.ts';
import type { KnownLeaves } from './known-roots.ts';

/**
 * Leaves as the derived index keeps them, over a connection to it. They only place what is found without them, so an index that is not
 * there, or cannot be read, is one that keeps none.
 */
export function indexLeaves(db: Kysely<Schema>): KnownLeaves {
  return async (tenant, tile) => {
    const hashes = await readTile(db, tenant, { level: 0, index: tile, width: 1 }).catch(() => undefined);
    if (hashes === undefined) return [];
    const hex = Buffer.from(hashes).toString('hex');
    return Array.from({ length: hashes.length / HASH_SIZE }, (_, n) => hex.slice(n * HASH_SIZE * 2, (n + 1) * HASH_SIZE * 2));
  };
}
