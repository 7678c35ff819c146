import { setImmediate as nextTurn } from 'node:timers/promises';
import { CompiledQuery } from 'kysely';
import { EMPTY_SUB_LOG, nextSubLogHead } from '../../core/tlog/sub-log-map.ts';
import type { DatabaseKind, Tx } from '../../database/database.ts';
import { kept, marks } from '../statements.ts';
import { upsert } from './bulk.ts';
import { BLOCK_POSITIONS, decodePositions, encodePositions } from './positions.ts';

/** What a batch adds to one sub-log, in order. */
export interface SubLogGrowth {
  readonly key: Uint8Array;
  readonly events: { readonly index: number; readonly leaf: Uint8Array }[];
}

interface Stored {
  readonly size: number;
  readonly head: Uint8Array;
  readonly blocks: number;
  readonly tail: Uint8Array;
}

const KEYS_PER_READ = 256;
const SUB_LOGS = { table: 'audit_sublogs', columns: ['tenant', 'key', 'size', 'head', 'blocks', 'tail', 'dirty'], key: 2 };
const BLOCKS = { table: 'audit_sublog_blocks', columns: ['tenant', 'key', 'block', 'first', 'positions'], key: 3 };
/** Written out: building it anew for every 256 keys costs more than running it. */
const readText = kept(
  (kind, count) =>
    `select key, size, head, blocks, tail from audit_sublogs where tenant = ${marks(kind, 1)} and key in (${marks(kind, count, 2)})`,
  KEYS_PER_READ,
);
const NEW: Stored = { size: 0, head: EMPTY_SUB_LOG, blocks: 0, tail: new Uint8Array(0) };

/** Extends heads and positions. A block that became full is written once; what is left stands beside the head, one write for both. */
export async function growSubLogs(tx: Tx, kind: DatabaseKind, tenant: string, grown: readonly SubLogGrowth[]): Promise<void> {
  // In the order of the tree that they lie in.
  const ordered = grown.toSorted((a, b) => Buffer.compare(a.key, b.key));
  for (let from = 0; from < ordered.length; from += KEYS_PER_READ) {
    const some = ordered.slice(from, from + KEYS_PER_READ);
    const known = await storedSubLogs(
      tx,
      kind,
      tenant,
      some.map(({ key }) => key),
    );
    const blocks: (readonly unknown[])[] = [];
    const rows = some.map((growth) => grow(tenant, growth, known.get(hex(growth.key)) ?? NEW, blocks));
    await upsert(tx, kind, SUB_LOGS, rows);
    await upsert(tx, kind, BLOCKS, blocks);
    // Whoever asks this thread something gets a turn within a batch too.
    await nextTurn();
  }
}

function grow(tenant: string, { key, events }: SubLogGrowth, before: Stored, full: (readonly unknown[])[]): readonly unknown[] {
  let head = before.head;
  for (const { leaf, index } of events) head = nextSubLogHead(head, leaf, index);
  let { blocks } = before;
  let positions = decodePositions(before.tail);
  for (const { index } of events) positions.push(index);
  while (positions.length >= BLOCK_POSITIONS) {
    const block = positions.slice(0, BLOCK_POSITIONS);
    full.push([tenant, key, blocks, block[0], encodePositions(block)]);
    positions = positions.slice(BLOCK_POSITIONS);
    blocks += 1;
  }
  return [tenant, key, before.size + events.length, head, blocks, encodePositions(positions), 1];
}

async function storedSubLogs(
  tx: Tx,
  kind: DatabaseKind,
  tenant: string,
  keys: readonly Uint8Array[],
): Promise<ReadonlyMap<string, Stored>> {
  const { rows } = await tx.executeQuery<Stored & { readonly key: Uint8Array }>(
    CompiledQuery.raw(readText(kind, keys.length), [tenant, ...keys]),
  );
  return new Map(rows.map((row) => [hex(row.key), row]));
}

function hex(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1');
}
