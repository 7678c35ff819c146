import { HASH_SIZE } from '../../core/tlog/merkle.ts';
import { hashOfTile, TILE_WIDTH } from '../../core/tlog/tiles.ts';
import type { DatabaseKind, Tx } from '../../database/database.ts';
import { upsert } from './bulk.ts';

interface Edge {
  idx: number;
  hashes: Uint8Array[];
}

const TILES = { table: 'audit_tiles', columns: ['tenant', 'level', 'idx', 'hashes'], key: 3 };
const EDGES = { table: 'audit_edges', columns: ['tenant', 'level', 'idx', 'hashes'], key: 2 };

/** Appends leaves to the tree: tiles that became full are written once, and the edge of each level that moved. */
export async function growTree(tx: Tx, kind: DatabaseKind, tenant: string, leaves: readonly Uint8Array[]): Promise<void> {
  const stored = await tx.selectFrom('audit_edges').selectAll().where('tenant', '=', tenant).orderBy('level').execute();
  const edges: Edge[] = stored.map(({ idx, hashes }) => ({ idx, hashes: split(hashes) }));
  const full: (readonly unknown[])[] = [];
  const append = (level: number, hash: Uint8Array): void => {
    const edge = (edges[level] ??= { idx: 0, hashes: [] });
    edge.hashes.push(hash);
    if (edge.hashes.length < TILE_WIDTH) return;
    const tile = Buffer.concat(edge.hashes);
    full.push([tenant, level, edge.idx, tile]);
    edge.idx += 1;
    edge.hashes = [];
    append(level + 1, hashOfTile(tile));
  };
  for (const leaf of leaves) append(0, leaf);
  await upsert(tx, kind, TILES, full);
  await upsert(
    tx,
    kind,
    EDGES,
    edges.map(({ idx, hashes }, level) => [tenant, level, idx, Buffer.concat(hashes)]),
  );
}

function split(hashes: Uint8Array): Uint8Array[] {
  return Array.from({ length: hashes.length / HASH_SIZE }, (_, i) => hashes.subarray(i * HASH_SIZE, (i + 1) * HASH_SIZE));
}
