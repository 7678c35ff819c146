import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SubLog } from '../ports/evidence.ts';
import { createMapTree } from './map-tree.ts';
import { hashChildren, hashLeaf } from './merkle.ts';
import { createRebuiltMap } from './rebuilt-map.ts';
import {
  bucketOf,
  EMPTY_SUB_LOG,
  hashBucket,
  MAP_BUCKETS,
  MAP_DEPTH,
  nextSubLogHead,
  subLogKey,
  subLogValue,
  valueInMap,
  verifyComplete,
  type MapEntry,
} from './sub-log-map.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const sha = (...parts: readonly (string | Uint8Array)[]): Buffer => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
};

/** The whole map written down at once: what the form in docs/audit.md says. */
function naiveRoot(entries: readonly MapEntry[]): Uint8Array {
  const buckets: MapEntry[][] = Array.from({ length: MAP_BUCKETS }, () => []);
  for (const entry of entries) buckets[bucketOf(entry.key)]?.push(entry);
  let level: Uint8Array[] = buckets.map((bucket) => {
    const count = Buffer.alloc(4);
    count.writeUInt32BE(bucket.length);
    const sorted = bucket.toSorted((a, b) => Buffer.compare(a.key, b.key));
    return sha(Uint8Array.of(4), count, ...sorted.flatMap(({ key, value }) => [key, value]));
  });
  while (level.length > 1) {
    level = Array.from({ length: level.length / 2 }, (_, i) => sha(Uint8Array.of(1), level[2 * i] ?? '', level[2 * i + 1] ?? ''));
  }
  return level[0] ?? EMPTY_SUB_LOG;
}

const entry = (seed: number, bucket?: number): MapEntry => {
  const key = sha(`key ${seed}`);
  if (bucket !== undefined) key.writeUInt16BE(bucket);
  return { key, value: sha(`value ${seed}`) };
};

function treeOf(entries: readonly MapEntry[]): ReturnType<typeof createMapTree> {
  const tree = createMapTree();
  for (const bucket of new Set(entries.map(({ key }) => bucketOf(key)))) {
    tree.set(bucket, hashBucket(entries.filter(({ key }) => bucketOf(key) === bucket)));
  }
  return tree;
}

describe('sub-logs', () => {
  const log: SubLog = { about: 'document', what: 'released', name: 'p"1' };

  it('are named, chained and valued as their form says', () => {
    expect(hex(subLogKey(log))).toBe(hex(sha('["document","released","p\\"1"]')));
    const leaf = hashLeaf('x');
    const head = nextSubLogHead(EMPTY_SUB_LOG, leaf, 258);
    expect(hex(head)).toBe(hex(sha(Uint8Array.of(2), Buffer.alloc(32), leaf, Uint8Array.of(0, 0, 0, 0, 0, 0, 1, 2))));
    expect(hex(subLogValue(1, head))).toBe(hex(sha(Uint8Array.of(3), Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1), head)));
  });

  it('stand in the map, and the map made anew from events is the same', () => {
    const line = JSON.stringify({
      at: 1,
      body: { by: 'client:a' },
      index: 0,
      kind: 'source.put',
      requestId: 'r',
      salt: '',
      tenant: 't',
      v: 2,
    });
    const map = createRebuiltMap();
    expect(hex(map.root())).toBe(hex(naiveRoot([])));
    expect(map.add(line, hashLeaf(line))).toBe(true);
    expect(map.add(line, hashLeaf('2'))).toBe(true);
    const value = subLogValue(2, nextSubLogHead(nextSubLogHead(EMPTY_SUB_LOG, hashLeaf(line), 0), hashLeaf('2'), 1));
    const names: readonly SubLog[] = [
      { about: 'kind', what: 'all', name: 'source.put' },
      { about: 'client', what: 'done', name: 'client:a' },
    ];
    expect(map.subLogs()).toBe(2);
    expect(hex(map.root())).toBe(hex(naiveRoot(names.map((name) => ({ key: subLogKey(name), value })))));
    expect(map.add('{"body":null}', hashLeaf('3'))).toBe(false);
  });
});

describe('the map', () => {
  it('has the root of its form, however it grew', () => {
    const entries = [...Array.from({ length: 40 }, (_, i) => entry(i)), entry(100, 7), entry(101, 7), entry(102, 0), entry(103, 65_535)];
    expect(hex(treeOf(entries).root())).toBe(hex(naiveRoot(entries)));
    const tree = createMapTree();
    for (const [i, { key }] of entries.entries()) {
      tree.set(bucketOf(key), hashBucket(entries.slice(0, i + 1).filter((other) => bucketOf(other.key) === bucketOf(key))));
      if (i % 10 === 0) tree.root();
    }
    expect(hex(tree.root())).toBe(hex(naiveRoot(entries)));
  });

  it('proves what it holds and what it does not, and nothing else', () => {
    const entries = [entry(1, 9), entry(2, 9), entry(3, 9), entry(4), entry(5)];
    const tree = treeOf(entries);
    const root = tree.root();
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 12 }), fc.nat(MAP_DEPTH - 1), (seed, level) => {
        const { key } = seed <= 3 ? entry(seed, 9) : entry(seed);
        const bucket = entries.filter((other) => bucketOf(other.key) === bucketOf(key)).toSorted((a, b) => Buffer.compare(a.key, b.key));
        const proof = { bucket, path: tree.path(bucketOf(key)) };
        const held = entries.find((other) => hex(other.key) === hex(key));
        expect(valueInMap(key, proof, root)).toEqual(held === undefined ? { kind: 'none' } : { kind: 'value', value: held.value });
        const bent = proof.path.map((hash, i) => (i === level ? hashChildren(hash, hash) : hash));
        const lies = [
          { bucket, path: bent },
          { bucket, path: proof.path.slice(1) },
          { bucket: [...bucket, entry(77, bucketOf(key))], path: proof.path },
          { bucket: [...bucket, entry(77)], path: proof.path },
          { bucket: [...bucket.slice(1), ...bucket.slice(1)], path: bucket.length === 0 ? [] : proof.path },
          { bucket: bucket.map(({ key: k, value }) => ({ key: k, value: sha(value) })), path: bucket.length === 0 ? bent : proof.path },
          { bucket: bucket.toReversed(), path: bucket.length < 2 ? bent : proof.path },
        ];
        expect(lies.map((lie) => valueInMap(key, lie, root).kind)).toEqual(lies.map(() => 'invalid'));
      }),
      { numRuns: 100 },
    );
  });

  it('shows that a list of events is all of them, or that there is none', () => {
    const log: SubLog = { about: 'caller', what: 'asked', name: 'p' };
    const events = [3, 8, 90].map((index) => ({ index, leaf: hashLeaf(String(index)) }));
    const head = events.reduce<Uint8Array>((before, { leaf, index }) => nextSubLogHead(before, leaf, index), EMPTY_SUB_LOG);
    const entries = [{ key: subLogKey(log), value: subLogValue(3, head) }];
    const tree = treeOf(entries);
    const proof = { bucket: entries, path: tree.path(bucketOf(subLogKey(log))) };
    expect(verifyComplete(log, events, proof, tree.root())).toBe(true);
    expect(verifyComplete(log, events.slice(1), proof, tree.root())).toBe(false);
    expect(verifyComplete(log, [], proof, tree.root())).toBe(false);
    expect(verifyComplete(log, events.toReversed(), proof, tree.root())).toBe(false);
    expect(verifyComplete(log, [...events, { index: 91, leaf: hashLeaf('91') }], proof, tree.root())).toBe(false);
    const absent: SubLog = { ...log, name: 'q' };
    const nothing = { bucket: [], path: tree.path(bucketOf(subLogKey(absent))) };
    expect(verifyComplete(absent, [], nothing, tree.root())).toBe(true);
    expect(verifyComplete(absent, events, nothing, tree.root())).toBe(false);
    expect(verifyComplete(log, [], nothing, tree.root())).toBe(false);
  });
});
