import { LRUCache } from 'lru-cache';
import type { PrincipalNumber, TenantId } from '../core/ids.ts';
import type { ReadCatalog } from '../core/ports/catalog.ts';
import type { Principal } from '../core/principal.ts';
import type { Schema } from '../database/schema.ts';
import type { Kysely } from 'kysely';
import type { CatalogContext } from './context.ts';

/** A number holds for ever; that there is none holds until the generation moves, since a new number moves it. */
type Known = { readonly kind: 'number'; readonly number: PrincipalNumber } | { readonly kind: 'none'; readonly generation: number };

const CACHED = 200_000;
const SLICE = 512;

/** Numbers of a caller's principals, from memory where they are known at this generation. */
export function createNumbers({ database }: CatalogContext): ReadCatalog['numbers'] {
  const cache = new LRUCache<string, Known>({ max: CACHED });

  return async (tenant, principals, { generation }) => {
    const found = new Map<Principal, PrincipalNumber>();
    const unknown: Principal[] = [];
    for (const principal of principals) {
      // A tenant's name holds no space, so no two pairs share a key.
      const known = cache.get(`${tenant} ${principal}`);
      if (known?.kind === 'number') found.set(principal, known.number);
      else if (known === undefined || known.generation < generation) unknown.push(principal);
    }
    if (unknown.length === 0) return found;
    const read = await readNumbers(database.db, tenant, unknown);
    for (const principal of unknown) {
      const number = read.get(principal);
      if (number !== undefined) found.set(principal, number);
      // The read came after the stamp, so it saw every number of that generation.
      cache.set(`${tenant} ${principal}`, number === undefined ? { kind: 'none', generation } : { kind: 'number', number });
    }
    return found;
  };
}

export async function readNumbers(
  db: Kysely<Schema>,
  tenant: TenantId,
  principals: readonly Principal[],
): Promise<ReadonlyMap<Principal, PrincipalNumber>> {
  const found = new Map<Principal, PrincipalNumber>();
  for (let start = 0; start < principals.length; start += SLICE) {
    const rows = await db
      .selectFrom('principals')
      .select(['name', 'number'])
      .where('tenant', '=', tenant)
      .where('name', 'in', principals.slice(start, start + SLICE))
      .execute();
    for (const { name, number } of rows) found.set(name as Principal, number as PrincipalNumber);
  }
  return found;
}
