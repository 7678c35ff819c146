import type { SubLog } from '../ports/evidence.ts';
import { hashChildren, HASH_SIZE, sameHash, sha256 } from './merkle.ts';

/** Buckets of the map: by the first two bytes of the key. */
export const MAP_BUCKETS = 65_536;
/** Levels of the tree over them. */
export const MAP_DEPTH = 16;

const SUB_LOG_NODE = 2;
const SUB_LOG_VALUE = 3;
const BUCKET = 4;

/** What the map holds of one sub-log. 32 bytes each. */
export interface MapEntry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** The whole bucket in which the key stands or would stand, and the hashes beside its way to the root, from below. */
export interface MapProof {
  readonly bucket: readonly MapEntry[];
  readonly path: readonly Uint8Array[];
}

/** The head of a sub-log without events. */
export const EMPTY_SUB_LOG: Uint8Array = new Uint8Array(HASH_SIZE);

/** SHA-256 over the canonical JSON of [about, what, name]; `name` as it stands in events, so a pseudonym where there is one. */
export function subLogKey({ about, what, name }: SubLog): Buffer {
  return sha256(JSON.stringify([about, what, name]));
}

/** SHA-256(0x02 ‖ head ‖ leaf hash ‖ position as 8 bytes). */
export function nextSubLogHead(head: Uint8Array, leaf: Uint8Array, index: number): Buffer {
  if (head.length !== HASH_SIZE || leaf.length !== HASH_SIZE) throw new RangeError('not a hash');
  link.set(head, 1);
  link.set(leaf, 1 + HASH_SIZE);
  link.writeUInt32BE(Math.floor(index / 2 ** 32), 1 + 2 * HASH_SIZE);
  link.writeUInt32BE(index % 2 ** 32, 5 + 2 * HASH_SIZE);
  return sha256(link);
}

// Written over at each call, which nothing interrupts: an event stands in twenty sub-logs.
const link = Buffer.alloc(1 + 2 * HASH_SIZE + 8, SUB_LOG_NODE);

/** What stands in the map: SHA-256(0x03 ‖ number of events as 8 bytes ‖ head). */
export function subLogValue(size: number, head: Uint8Array): Buffer {
  return sha256(Buffer.concat([Uint8Array.of(SUB_LOG_VALUE), eightBytes(size), head]));
}

export function bucketOf(key: Uint8Array): number {
  return (key[0] ?? 0) * 256 + (key[1] ?? 0);
}

/** SHA-256(0x04 ‖ number of entries as 4 bytes ‖ key ‖ value ‖ key ‖ value …), entries in the order of their keys. Takes them in any order. */
export function hashBucket(entries: readonly MapEntry[]): Buffer {
  const count = Buffer.alloc(4);
  count.writeUInt32BE(entries.length);
  const sorted = entries.toSorted((a, b) => Buffer.compare(a.key, b.key));
  return sha256(Buffer.concat([Uint8Array.of(BUCKET), count, ...sorted.flatMap(({ key, value }) => [key, value])]));
}

/** Of the tree over the buckets, whose nodes are those of RFC 6962. Undefined where the path has not 16 hashes. */
export function rootOfBucket(bucket: number, hash: Uint8Array, path: readonly Uint8Array[]): Uint8Array | undefined {
  if (path.length !== MAP_DEPTH || path.some(({ length }) => length !== HASH_SIZE)) return undefined;
  return path.reduce<Uint8Array>(
    (root, sibling, level) => (((bucket >> level) & 1) === 1 ? hashChildren(sibling, root) : hashChildren(root, sibling)),
    hash,
  );
}

/** What the map with this root holds under a key. `none`: proved that it holds nothing. `invalid`: nothing is proved. */
export function valueInMap(
  key: Uint8Array,
  { bucket, path }: MapProof,
  root: Uint8Array,
): { readonly kind: 'value'; readonly value: Uint8Array } | { readonly kind: 'none' } | { readonly kind: 'invalid' } {
  const place = bucketOf(key);
  const wellFormed = bucket.every(
    (entry, i) =>
      entry.key.length === HASH_SIZE &&
      entry.value.length === HASH_SIZE &&
      bucketOf(entry.key) === place &&
      // In order and each key once: else one bucket could hold two values for a key.
      (i === 0 || Buffer.compare(bucket[i - 1]?.key ?? entry.key, entry.key) < 0),
  );
  if (key.length !== HASH_SIZE || !wellFormed) return { kind: 'invalid' };
  const computed = rootOfBucket(place, hashBucket(bucket), path);
  if (computed === undefined || !sameHash(computed, root)) return { kind: 'invalid' };
  const found = bucket.find((entry) => sameHash(entry.key, key));
  return found === undefined ? { kind: 'none' } : { kind: 'value', value: found.value };
}

/** Whether the map with this root says that the sub-log holds exactly these events: all of them, or that there is none. */
export function verifyComplete(
  subLog: SubLog,
  events: readonly { readonly index: number; readonly leaf: Uint8Array }[],
  proof: MapProof,
  root: Uint8Array,
): boolean {
  const found = valueInMap(subLogKey(subLog), proof, root);
  if (found.kind === 'invalid') return false;
  if (found.kind === 'none') return events.length === 0;
  const head = events.reduce<Uint8Array>((before, { leaf, index }) => nextSubLogHead(before, leaf, index), EMPTY_SUB_LOG);
  return events.length > 0 && sameHash(found.value, subLogValue(events.length, head));
}

function eightBytes(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}
