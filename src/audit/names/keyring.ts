import type { Kysely } from 'kysely';
import type { Schema } from '../../database/schema.ts';
import type { RandomBytes } from '../entry.ts';
import { createRecent } from '../recent.ts';
import { readErasures, readKeys } from './key-rows.ts';
import { newKey, subjectId, type IdentifiedSubject, type Key } from './key.ts';

/** Keys as they were when `erasures` keys of the tenant had been destroyed. Good for as long as that is so. */
export interface Keys {
  readonly erasures: number;
  readonly known: ReadonlyMap<string, KnownKey>;
  /** Each that was asked for is known and `stored`. */
  readonly allStored: boolean;
}

export interface KnownKey extends Key {
  /** False: made here and in no table yet. Another replica may be faster. */
  readonly stored: boolean;
}

export interface Keyring {
  /** Keys of these subjects as they were read last, or new ones. No lock is held, so the writer has to compare `erasures`. */
  keys(tenant: string, subjects: readonly IdentifiedSubject[]): Keys | Promise<Keys>;
  /** After the commit of a transaction that held the tenant's head: so many erasures, and these keys are stored. */
  learn(tenant: string, erasures: number, keys: Iterable<Key>): void;
}

/** About 400 bytes each. */
const MAX_CACHED = 100_000;

interface Cached {
  readonly key: KnownKey;
  readonly erasures: number;
}

/**
 * Keys in memory. They outlive no erasure: each was read under a number of erasures that the writer compares with the one in the head,
 * under its lock, in the transaction that writes.
 */
export function createKeyring(db: Kysely<Schema>, random: RandomBytes): Keyring {
  const cache = createRecent<Cached>(MAX_CACHED);
  /** Of erasures, as last heard of: a number for each tenant. */
  const counts = new Map<string, number>();

  function remember(tenant: string, key: KnownKey, erasures: number): KnownKey {
    cache.set(tenant, subjectId(key), { key, erasures });
    return key;
  }

  function cached(tenant: string, subjects: readonly IdentifiedSubject[], erasures: number) {
    const known = new Map<string, KnownKey>();
    const missing: IdentifiedSubject[] = [];
    let allStored = true;
    for (const subject of subjects) {
      const found = cache.get(tenant, subject.id);
      if (found !== undefined && found.erasures === erasures) {
        known.set(subject.id, found.key);
        allStored &&= found.key.stored;
      } else missing.push(subject);
    }
    return { known, missing, allStored };
  }

  async function read(tenant: string, subjects: readonly IdentifiedSubject[]): Promise<Keys> {
    let erasures = counts.get(tenant);
    if (erasures === undefined) counts.set(tenant, (erasures = await readErasures(db, tenant)));
    const { known, missing } = cached(tenant, subjects, erasures);
    const found = await readKeys(db, tenant, missing);
    for (const subject of missing) {
      const { id } = subject;
      const row = found.get(id);
      // Somebody beside us may have made the same one meanwhile: both must come with the same key.
      const beside = cache.get(tenant, id);
      const proposed = beside?.erasures === erasures ? beside.key : undefined;
      const key = row === undefined ? (proposed ?? { ...newKey(subject, random), stored: false }) : { ...row, stored: true };
      known.set(id, remember(tenant, key, erasures));
    }
    return { erasures, known, allStored: [...known.values()].every(({ stored }) => stored) };
  }

  return {
    keys(tenant, subjects) {
      const erasures = counts.get(tenant);
      if (erasures === undefined) return read(tenant, subjects);
      const { known, missing, allStored } = cached(tenant, subjects, erasures);
      return missing.length === 0 ? { erasures, known, allStored } : read(tenant, subjects);
    },
    learn(tenant, erasures, keys) {
      // Two transactions may tell in the wrong order; the number never sinks.
      if (erasures < (counts.get(tenant) ?? 0)) return;
      counts.set(tenant, erasures);
      for (const key of keys) remember(tenant, { ...key, stored: true }, erasures);
    },
  };
}
