/** Answers with the value of a key, which is made at the first call. */
export type Memo<K, V> = (key: K, make: (key: K) => V) => V;

interface Store<K, V> {
  get(key: K): V | undefined;
  set(key: K, value: V): unknown;
}

/**
 * Bounded by what the values weigh together: where that is too much, all are forgotten. It is asked tens of thousands of times a
 * decision, and a cache that keeps the order of use would cost more than what it finds.
 */
function bounded<K, V>(newStore: () => Store<K, V>, maximum: number, weight: (value: V) => number): Memo<K, V> {
  let known = newStore();
  let total = 0;
  return (key, make) => {
    const found = known.get(key);
    if (found !== undefined) return found;
    const value = make(key);
    total += weight(value);
    if (total > maximum) {
      known = newStore();
      total = weight(value);
    }
    known.set(key, value);
    return value;
  };
}

export function memoByText<V extends object>(maximum: number, weight: (value: V) => number): Memo<string, V> {
  return bounded<string, V>(() => new Map<string, V>(), maximum, weight);
}

/** By the object itself. Keeps no key alive, so what was made from lines of a revision goes when the revision does. */
export function memoByObject<K extends object, V extends object>(maximum: number, weight: (value: V) => number): Memo<K, V> {
  return bounded<K, V>(() => new WeakMap<K, V>(), maximum, weight);
}
