import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createFrontier, rootOfPeaks } from './frontier.ts';
import { consistencyProof, inclusionPath, peaksFromTiles, rootFromTiles, type ReadTile } from './make-proofs.ts';
import { EMPTY_ROOT, hashChildren, hashLeaf, HASH_SIZE } from './merkle.ts';
import { rootOfInclusion, verifyConsistency, verifyInclusion } from './proofs.ts';
import { hashOfTile, parseTilePath, TILE_WIDTH, tilePath, tilesBetween, tileWidth } from './tiles.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** Definition of RFC 6962, section 2.1, as it is written there. */
function naiveRoot(leaves: readonly Uint8Array[]): Uint8Array {
  const [only, ...others] = leaves;
  if (only === undefined) return EMPTY_ROOT;
  if (others.length === 0) return only;
  let k = 1;
  while (k * 2 < leaves.length) k *= 2;
  return hashChildren(naiveRoot(leaves.slice(0, k)), naiveRoot(leaves.slice(k)));
}

function naivePath(m: number, leaves: readonly Uint8Array[]): readonly Uint8Array[] {
  if (leaves.length === 1) return [];
  let k = 1;
  while (k * 2 < leaves.length) k *= 2;
  return m < k
    ? [...naivePath(m, leaves.slice(0, k)), naiveRoot(leaves.slice(k))]
    : [...naivePath(m - k, leaves.slice(k)), naiveRoot(leaves.slice(0, k))];
}

function naiveSubproof(m: number, leaves: readonly Uint8Array[], whole: boolean): readonly Uint8Array[] {
  if (m === leaves.length) return whole ? [] : [naiveRoot(leaves)];
  let k = 1;
  while (k * 2 < leaves.length) k *= 2;
  return m <= k
    ? [...naiveSubproof(m, leaves.slice(0, k), whole), naiveRoot(leaves.slice(k))]
    : [...naiveSubproof(m - k, leaves.slice(k), false), naiveRoot(leaves.slice(0, k))];
}

function leavesOf(count: number): readonly Uint8Array[] {
  return Array.from({ length: count }, (_, i) => hashLeaf(`leaf ${i}`));
}

/** Tiles built one level from another, as a log does. */
function tilesOf(leaves: readonly Uint8Array[]): ReadTile {
  const levels: Uint8Array[][] = [[...leaves]];
  for (let below = levels[0] ?? []; below.length >= TILE_WIDTH; below = levels.at(-1) ?? []) {
    const full = Math.floor(below.length / TILE_WIDTH);
    levels.push(Array.from({ length: full }, (_, i) => hashOfTile(Buffer.concat(below.slice(i * TILE_WIDTH, (i + 1) * TILE_WIDTH)))));
  }
  return ({ level, index, width }) => {
    const from = index * TILE_WIDTH;
    return Buffer.concat((levels[level] ?? []).slice(from, from + width));
  };
}

describe('the tree of RFC 6962', () => {
  // The eight inputs and the roots that the implementations of Certificate Transparency publish for them.
  const inputs = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'];
  const roots = [
    'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
    'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
    'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
    'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
    '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
    'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
    '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
  ];
  const leaves = inputs.map((input) => hashLeaf(Buffer.from(input, 'hex')));

  it('has the published roots at every size', () => {
    const tree = createFrontier();
    const seen = [hex(tree.root())];
    for (const leaf of leaves) {
      tree.append(leaf);
      seen.push(hex(tree.root()));
    }
    expect(seen).toEqual(roots);
  });

  it('has the published proofs', async () => {
    const read = tilesOf(leaves);
    expect((await inclusionPath(0, 8, read)).map(hex)).toEqual([
      '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4',
    ]);
    expect((await consistencyProof(6, 8, read)).map(hex)).toEqual([
      '0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a',
      'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
      'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    ]);
  });
});

describe('against the recursive definition', () => {
  const COUNT = 300;
  const leaves = leavesOf(COUNT);
  const read = tilesOf(leaves);
  const rootAt = (size: number): Uint8Array => naiveRoot(leaves.slice(0, size));

  it('grows to the same roots, from anywhere', async () => {
    for (const start of [0, 1, 7, 255, 256, 257]) {
      const tree = createFrontier(await peaksFromTiles(start, read, COUNT));
      for (const leaf of leaves.slice(start)) tree.append(leaf);
      expect(hex(tree.root())).toBe(hex(rootAt(COUNT)));
      expect(hex(rootOfPeaks(tree.peaks().hashes))).toBe(hex(rootAt(COUNT)));
      expect(hex(await rootFromTiles(start, read, COUNT))).toBe(hex(rootAt(start)));
    }
  });

  it('makes the same inclusion paths, and they verify for this leaf at this place alone', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: COUNT }), fc.nat(), fc.nat(), fc.nat(), async (size, at, elsewhere, flip) => {
        const index = at % size;
        const path = await inclusionPath(index, size, read);
        expect(path.map(hex)).toEqual(naivePath(index, leaves.slice(0, size)).map(hex));
        const leaf = leaves[index] ?? EMPTY_ROOT;
        const tree = { size, root: rootAt(size) };
        expect(verifyInclusion(leaf, index, tree, path)).toBe(true);
        const other = elsewhere % (size + 2);
        expect(verifyInclusion(leaf, other, tree, path)).toBe(other === index);
        expect(verifyInclusion(hashLeaf('another'), index, tree, path)).toBe(false);
        expect(verifyInclusion(leaf, index, tree, [...path, leaf])).toBe(false);
        // A tree of one leaf has no path that could be bent or cut.
        expect(verifyInclusion(leaf, index, tree, path.slice(1))).toBe(size === 1);
        const bent = path.map((hash, i) => (i === flip % path.length ? hashLeaf(hash) : hash));
        expect(verifyInclusion(leaf, index, tree, bent)).toBe(size === 1);
      }),
      { numRuns: 150 },
    );
  });

  it('makes the same consistency proofs, and they verify for these two trees alone', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: COUNT }), fc.nat(), fc.nat(), async (to, at, flip) => {
        const from = (at % to) + 1;
        const proof = await consistencyProof(from, to, read);
        expect(proof.map(hex)).toEqual(naiveSubproof(from, leaves.slice(0, to), true).map(hex));
        const [old, grown] = [
          { size: from, root: rootAt(from) },
          { size: to, root: rootAt(to) },
        ];
        expect(verifyConsistency(old, grown, proof)).toBe(true);
        expect(verifyConsistency({ ...old, root: hashLeaf('forged') }, grown, proof)).toBe(false);
        expect(verifyConsistency(old, { ...grown, root: hashLeaf('forged') }, proof)).toBe(false);
        expect(verifyConsistency(old, grown, [...proof, EMPTY_ROOT])).toBe(false);
        expect(verifyConsistency(grown, old, proof)).toBe(from === to);
        const bent = proof.map((hash, i) => (i === flip % proof.length ? hashLeaf(hash) : hash));
        expect(verifyConsistency(old, grown, bent)).toBe(from === to);
      }),
      { numRuns: 150 },
    );
  });

  it('proves in trees of more than two levels of tiles, beyond 2^31 leaves too', async () => {
    const size = 70_000;
    const many = Array.from({ length: size }, (_, i) => hashLeaf(String(i)));
    const tiles = tilesOf(many);
    const tree = createFrontier();
    for (const leaf of many) tree.append(leaf);
    const root = await rootFromTiles(size, tiles);
    expect(hex(root)).toBe(hex(tree.root()));
    for (const index of [0, 255, 256, 65_535, 65_536, 69_999]) {
      expect(verifyInclusion(many[index] ?? root, index, { size, root }, await inclusionPath(index, size, tiles))).toBe(true);
    }
    // A log whose leaves are all the same has one hash for each height, so its tiles need no memory.
    const heights = [hashLeaf('same')];
    for (let height = 0; height < 50; height += 1) heights.push(hashChildren(heights[height] ?? root, heights[height] ?? root));
    const same: ReadTile = ({ level, width }) => Buffer.concat(Array.from({ length: width }, () => heights[level * 8] ?? root));
    const huge = 2 ** 40 + 2 ** 33 + 5;
    const top = { size: huge, root: await rootFromTiles(huge, same) };
    for (const index of [0, 2 ** 32, 2 ** 40, huge - 1]) {
      expect(verifyInclusion(heights[0] ?? root, index, top, await inclusionPath(index, huge, same))).toBe(true);
    }
    const before = 2 ** 39 + 3;
    const old = { size: before, root: await rootFromTiles(before, same) };
    expect(verifyConsistency(old, top, await consistencyProof(before, huge, same))).toBe(true);
  });

  it('refuses what is no place in a tree', async () => {
    const [leaf = EMPTY_ROOT] = leaves;
    expect(rootOfInclusion(leaf, 0, 0, [])).toBeUndefined();
    expect(rootOfInclusion(leaf, -1, 4, [])).toBeUndefined();
    expect(rootOfInclusion(leaf, 0.5, 1, [])).toBeUndefined();
    expect(verifyConsistency({ size: 0, root: EMPTY_ROOT }, { size: 4, root: rootAt(4) }, [])).toBe(false);
    await expect(inclusionPath(4, 4, read)).rejects.toThrow(RangeError);
    await expect(consistencyProof(0, 4, read)).rejects.toThrow(RangeError);
    await expect(inclusionPath(1, 4, () => new Uint8Array(HASH_SIZE))).rejects.toThrow(RangeError);
    expect(() => createFrontier({ size: 3, hashes: [leaf] })).toThrow(RangeError);
  });
});

describe('tiles', () => {
  it('have the paths of tlog-tiles', () => {
    expect(tilePath({ level: 0, index: 1_234_067, width: 256 })).toBe('tile/0/x001/x234/067');
    expect(tilePath({ level: 2, index: 0, width: 17 })).toBe('tile/2/000.p/17');
    expect(parseTilePath('tile/0/x001/x234/067')).toEqual({ level: 0, index: 1_234_067, width: 256 });
    for (const bad of [
      'tile/00/000',
      'tile/0/0',
      'tile/0/x000/001',
      'tile/0/000.p/256',
      'tile/0/000.p/0',
      'tile/0/000.p/01',
      'tile/7/000',
      'tile/0/001/002',
    ])
      expect([bad, parseTilePath(bad)]).toEqual([bad, undefined]);
  });

  it('round trip', () => {
    fc.assert(
      fc.property(fc.nat(6), fc.maxSafeNat(), fc.integer({ min: 1, max: 256 }), (level, index, width) => {
        const tile = { level, index, width };
        expect(parseTilePath(tilePath(tile))).toEqual(tile);
      }),
    );
  });

  it('are as many as the specification counts for 70,000 entries', () => {
    const tiles = [...tilesBetween(0, 70_000)];
    const count = (level: number, full: boolean): number =>
      tiles.filter((tile) => tile.level === level && (tile.width === 256) === full).length;
    expect([count(0, true), count(0, false), count(1, true), count(1, false), count(2, false)]).toEqual([273, 1, 1, 1, 1]);
    expect([tileWidth(70_000, 0, 273), tileWidth(70_000, 1, 1), tileWidth(70_000, 2, 0)]).toEqual([112, 17, 1]);
    expect([...tilesBetween(0, 256)].map(tilePath)).toEqual(['tile/0/000', 'tile/1/000.p/1']);
    expect([...tilesBetween(256, 258)].map(tilePath)).toEqual(['tile/0/001.p/2']);
    expect([...tilesBetween(255, 256)].map(tilePath)).toEqual(['tile/0/000', 'tile/1/000.p/1']);
    expect([...tilesBetween(5, 5)]).toEqual([]);
  });
});
