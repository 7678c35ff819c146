/**
 * Makes a value for a key once. Bounded by what the values weigh together: where that is too much, all are forgotten. It is
 * asked tens of thousands of times a decision, and a cache that keeps the order of use would cost more than what it finds.
 */
export interface Memo<K, V> {
  (key: K, make: (key: K) => V): V;
}

export function memo<K, V extends object>(maximum: number, weight: (value: V) => number): Memo<K, V> {
  const known = new Map<K, V>();
  let total = 0;
  return (key, make) => {
    const found = known.get(key);
    if (found !== undefined) return found;
    const value = make(key);
    total += weight(value);
    if (total > maximum) {
      known.clear();
      total = weight(value);
    }
    known.set(key, value);
    return value;
  };
}
