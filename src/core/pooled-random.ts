const POOL = 4_096;

/** Random bytes of `source`, drawn many at a time: a call of its own for each handful costs as much as 4,096. What was given is wiped from the pool. */
export function pooledRandom(source: (size: number) => Buffer): (size: number) => Buffer {
  let pool: Buffer = Buffer.alloc(0);
  let used = 0;
  return (size) => {
    if (size > POOL) return source(size);
    if (used + size > pool.length) {
      pool = source(POOL);
      used = 0;
      if (pool.length !== POOL) throw new Error('the source of randomness gave too few bytes');
    }
    const given = Buffer.from(pool.subarray(used, used + size));
    pool.fill(0, used, used + size);
    used += size;
    return given;
  };
}
