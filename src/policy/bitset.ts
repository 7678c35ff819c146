/** A set of zone positions, 32 to a word. All sets of one view have the same length. */
export type Bits = Uint32Array;

export function bits(size: number): Bits {
  return new Uint32Array((size + 31) >>> 5);
}

export function setBit(set: Bits, position: number): void {
  set[position >>> 5] = (set[position >>> 5] ?? 0) | (1 << (position & 31));
}

/** Nobody is in it, whatever the length of the others. Half of all sets are empty, and each would be an allocation of its own. */
export const NO_BITS: Bits = new Uint32Array(0);

export function addAll(into: Bits, from: Bits): void {
  for (let word = 0; word < from.length; word += 1) into[word] = (into[word] ?? 0) | (from[word] ?? 0);
}

/** Adds what `a` and `b` have in common. */
export function addIntersection(into: Bits, a: Bits, b: Bits): void {
  for (let word = 0; word < into.length; word += 1) into[word] = (into[word] ?? 0) | ((a[word] ?? 0) & (b[word] ?? 0));
}

export function removeAll(from: Bits, what: Bits): void {
  for (let word = 0; word < what.length; word += 1) from[word] = (from[word] ?? 0) & ~(what[word] ?? 0);
}

export function keepOnly(set: Bits, what: Bits): void {
  for (let word = 0; word < set.length; word += 1) set[word] = (set[word] ?? 0) & (what[word] ?? 0);
}

/** What stands in the list at the positions of the set, in the list's order. Positions beyond its end are no members. */
export function membersOf<T>(set: Bits, list: readonly T[]): T[] {
  const found: T[] = [];
  for (let word = 0; word < set.length; word += 1) {
    let rest = set[word] ?? 0;
    while (rest !== 0) {
      const position = word * 32 + 31 - Math.clz32(rest & -rest);
      rest &= rest - 1;
      if (position < list.length) found.push(list[position] as T);
    }
  }
  return found;
}
