/** What was looked for last, by tenant and a name within it. */
export interface Recent<T> {
  get(tenant: string, name: string): T | undefined;
  set(tenant: string, name: string, value: T): void;
}

/**
 * Holds at most `most` values and at least half of them: when one half is full, it becomes the older one, and what was not looked for
 * since then is forgotten. Tenant and name are two keys, because joining them makes and hashes a long text at each look, thirty times
 * a release.
 */
export function createRecent<T>(most: number): Recent<T> {
  let younger = new Map<string, Map<string, T>>();
  let older: ReadonlyMap<string, ReadonlyMap<string, T>> = new Map();
  let held = 0;

  function set(tenant: string, name: string, value: T): void {
    let names = younger.get(tenant);
    if (names === undefined) younger.set(tenant, (names = new Map<string, T>()));
    const before = names.size;
    names.set(name, value);
    held += names.size - before;
    if (held < most / 2) return;
    older = younger;
    younger = new Map();
    held = 0;
  }

  return {
    get(tenant, name) {
      const found = younger.get(tenant)?.get(name);
      if (found !== undefined) return found;
      const before = older.get(tenant)?.get(name);
      if (before !== undefined) set(tenant, name, before);
      return before;
    },
    set,
  };
}
