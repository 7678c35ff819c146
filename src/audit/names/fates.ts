import type { Kysely } from 'kysely';
import type { Schema } from '../../database/schema.ts';
import type { Key } from './key.ts';

/** What became of a pseudonym's key: it is there, was erased by the event at `index`, or nothing is known of it, which should not be. */
export type Fate =
  { readonly kind: 'key'; readonly key: Key } | { readonly kind: 'erased'; readonly index: number } | { readonly kind: 'unknown' };
export type Fates = (pseudonym: string) => Fate;

const PSEUDONYMS_PER_READ = 500;

/** Keys first, then tombstones: what is erased between the two reads is found as erased. */
export async function readFates(db: Kysely<Schema>, tenant: string, pseudonyms: readonly string[]): Promise<Fates> {
  const wanted = [...new Set(pseudonyms)];
  const fates = new Map<string, Fate>();
  for (let start = 0; start < wanted.length; start += PSEUDONYMS_PER_READ) {
    const some = wanted.slice(start, start + PSEUDONYMS_PER_READ);
    const keys = await db
      .selectFrom('audit_keys')
      .select(['kind', 'name', 'pseudonym', 'key'])
      .where('tenant', '=', tenant)
      .where('pseudonym', 'in', some)
      .execute();
    for (const key of keys) fates.set(key.pseudonym, { kind: 'key', key });
    if (keys.length === some.length) continue;
    const stones = await db
      .selectFrom('audit_tombstones')
      .select(['pseudonym', 'idx'])
      .where('tenant', '=', tenant)
      .where('pseudonym', 'in', some)
      .execute();
    for (const { pseudonym, idx } of stones) if (!fates.has(pseudonym)) fates.set(pseudonym, { kind: 'erased', index: idx });
  }
  return (pseudonym) => fates.get(pseudonym) ?? { kind: 'unknown' };
}
