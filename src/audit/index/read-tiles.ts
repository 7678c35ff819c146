import { HASH_SIZE } from '../../core/tlog/merkle.ts';
import { rootFromTiles, type ReadTile } from '../../core/tlog/make-proofs.ts';
import type { Tile } from '../../core/tlog/tiles.ts';
import type { Tx } from '../../database/database.ts';

type Reads = Pick<Tx, 'selectFrom'>;

/** The hashes of a tile as far as it is indexed, at least `width` of them; undefined where there are fewer. */
export async function readTile(db: Reads, tenant: string, { level, index, width }: Tile): Promise<Uint8Array | undefined> {
  const from = (table: 'audit_tiles' | 'audit_edges'): Promise<{ hashes: Uint8Array } | undefined> =>
    db
      .selectFrom(table)
      .select('hashes')
      .where('tenant', '=', tenant)
      .where('level', '=', level)
      .where('idx', '=', index)
      .executeTakeFirst();
  // Between two reads an edge may have become a full tile, never the other way round.
  const found = (await from('audit_tiles')) ?? (await from('audit_edges')) ?? (await from('audit_tiles'));
  return found === undefined || found.hashes.length < width * HASH_SIZE ? undefined : found.hashes;
}

/** Rejects with a RangeError for a tile that is not indexed. */
export function tileReader(db: Reads, tenant: string): ReadTile {
  return async (tile) => {
    const hashes = await readTile(db, tenant, tile);
    if (hashes === undefined) throw new RangeError('this tile is not indexed');
    return hashes;
  };
}

/** The root at a size that is indexed, as hex; undefined where it is not. */
export async function rootAt(db: Reads, tenant: string, size: number): Promise<string | undefined> {
  if (size > (await indexedSize(db, tenant))) return undefined;
  return Buffer.from(await rootFromTiles(size, tileReader(db, tenant))).toString('hex');
}

export async function indexedSize(db: Reads, tenant: string): Promise<number> {
  const row = await db.selectFrom('audit_index_logs').select('size').where('tenant', '=', tenant).executeTakeFirst();
  return row?.size ?? 0;
}
