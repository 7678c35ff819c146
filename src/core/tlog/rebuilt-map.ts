import type { JsonObject } from '../json.ts';
import { subLogsOf } from '../sub-logs.ts';
import { HASH_SIZE } from './merkle.ts';
import { createMapTree } from './map-tree.ts';
import { bucketOf, EMPTY_SUB_LOG, hashBucket, nextSubLogHead, subLogKey, subLogValue } from './sub-log-map.ts';

/** The map of sub-logs, made anew from the events themselves. About 200 bytes of memory for each sub-log, and 10 MB. */
export interface RebuiltMap {
  /** How many events it holds. */
  size(): number;
  /** The next event. False where it has not the form of one. */
  add(line: string, leaf: Uint8Array): boolean;
  root(): Uint8Array;
  subLogs(): number;
}

const SIZE_BYTES = 8;
const SLOT = 2 * HASH_SIZE + SIZE_BYTES;

export function createRebuiltMap(): RebuiltMap {
  const slots = new Map<string, number>();
  const buckets = new Map<number, number[]>();
  const changed = new Set<number>();
  const tree = createMapTree();
  // key, head and size of each sub-log.
  let table = Buffer.alloc(1_024 * SLOT);
  let size = 0;
  const slotOf = (key: Buffer): number => {
    const name = key.toString('latin1');
    const known = slots.get(name);
    if (known !== undefined) return known;
    const slot = slots.size;
    if ((slot + 1) * SLOT > table.length) table = Buffer.concat([table, Buffer.alloc(table.length)]);
    key.copy(table, slot * SLOT);
    table.set(EMPTY_SUB_LOG, slot * SLOT + HASH_SIZE);
    slots.set(name, slot);
    const bucket = bucketOf(key);
    const inBucket = buckets.get(bucket);
    if (inBucket === undefined) buckets.set(bucket, [slot]);
    else inBucket.push(slot);
    return slot;
  };
  const grow = (key: Buffer, leaf: Uint8Array): void => {
    const at = slotOf(key) * SLOT + HASH_SIZE;
    nextSubLogHead(table.subarray(at, at + HASH_SIZE), leaf, size).copy(table, at);
    table.writeDoubleBE(table.readDoubleBE(at + HASH_SIZE) + 1, at + HASH_SIZE);
    changed.add(bucketOf(key));
  };
  const entryOf = (slot: number): { readonly key: Uint8Array; readonly value: Uint8Array } => {
    const at = slot * SLOT;
    const head = table.subarray(at + HASH_SIZE, at + 2 * HASH_SIZE);
    return { key: table.subarray(at, at + HASH_SIZE), value: subLogValue(table.readDoubleBE(at + 2 * HASH_SIZE), head) };
  };
  return {
    size: () => size,
    subLogs: () => slots.size,
    add(line, leaf) {
      const keys = keysOf(line);
      if (keys === undefined) return false;
      for (const key of keys) grow(key, leaf);
      size += 1;
      return true;
    },
    root() {
      for (const bucket of changed) tree.set(bucket, hashBucket((buckets.get(bucket) ?? []).map(entryOf)));
      changed.clear();
      return tree.root();
    },
  };
}

/** Whatever an event holds, it must not end the verification. */
function keysOf(line: string): readonly Buffer[] | undefined {
  try {
    const { v, kind, body } = JSON.parse(line) as { readonly v: number; readonly kind: string; readonly body: JsonObject };
    return subLogsOf({ v, kind, body }).map(subLogKey);
  } catch {
    return undefined;
  }
}
