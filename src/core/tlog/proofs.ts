import { hashChildren, sameHash } from './merkle.ts';

/**
 * The root that a leaf hash at this position leads to in a tree of this size (RFC 9162, section 2.1.3.2); undefined where the path has
 * not the length it must have, or there is no such position.
 */
export function rootOfInclusion(leaf: Uint8Array, index: number, size: number, path: readonly Uint8Array[]): Uint8Array | undefined {
  if (!isSize(size) || !isSize(index) || index >= size) return undefined;
  let node = index;
  let last = size - 1;
  let root = leaf;
  for (const sibling of path) {
    if (last === 0) return undefined;
    if (isOdd(node) || node === last) {
      root = hashChildren(sibling, root);
      // A right border without siblings: these levels have no hash of their own.
      while (!isOdd(node) && node !== 0) [node, last] = [half(node), half(last)];
    } else {
      root = hashChildren(root, sibling);
    }
    [node, last] = [half(node), half(last)];
  }
  return last === 0 ? root : undefined;
}

export function verifyInclusion(
  leaf: Uint8Array,
  index: number,
  tree: { readonly size: number; readonly root: Uint8Array },
  path: readonly Uint8Array[],
): boolean {
  const root = rootOfInclusion(leaf, index, tree.size, path);
  return root !== undefined && sameHash(root, tree.root);
}

/** Whether the tree `to` begins with the tree `from`, 0 < from.size <= to.size (RFC 9162, section 2.1.4.2). */
export function verifyConsistency(
  from: { readonly size: number; readonly root: Uint8Array },
  to: { readonly size: number; readonly root: Uint8Array },
  proof: readonly Uint8Array[],
): boolean {
  if (!isSize(from.size) || !isSize(to.size) || from.size === 0 || from.size > to.size) return false;
  if (from.size === to.size) return proof.length === 0 && sameHash(from.root, to.root);
  let node = from.size - 1;
  let last = to.size - 1;
  while (isOdd(node)) [node, last] = [half(node), half(last)];
  // A perfect tree is its own first hash.
  const [first, ...rest] = node === 0 ? [from.root, ...proof] : proof;
  if (first === undefined) return false;
  let [old, grown] = [first, first];
  for (const hash of rest) {
    if (last === 0) return false;
    if (isOdd(node) || node === last) {
      [old, grown] = [hashChildren(hash, old), hashChildren(hash, grown)];
      while (!isOdd(node) && node !== 0) [node, last] = [half(node), half(last)];
    } else {
      grown = hashChildren(grown, hash);
    }
    [node, last] = [half(node), half(last)];
  }
  return last === 0 && sameHash(old, from.root) && sameHash(grown, to.root);
}

function isSize(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

// Sizes may pass 2^31, so no bit operators.
function isOdd(value: number): boolean {
  return value % 2 === 1;
}

function half(value: number): number {
  return Math.floor(value / 2);
}
