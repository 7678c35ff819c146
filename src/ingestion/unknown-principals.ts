import type { TenantId } from '../core/ids.ts';
import { principalParts, qualifyPrincipal, type Principal } from '../core/principal.ts';
import type { AclBody, AclEntryBody } from './types.ts';

/** Those of some principals of a tenant that belong to an issuer whose directory Sluice holds and are not in it. */
export type UnknownPrincipals = (tenant: TenantId, principals: readonly Principal[]) => Promise<ReadonlySet<Principal>>;

/** `held`: issuers that leave their directory to Sluice. Where an ACL names nobody of theirs, nothing is read. */
export function unknownPrincipals(held: readonly string[], look: UnknownPrincipals): UnknownPrincipals {
  return async (tenant, principals) => {
    const asked = principals.filter((principal) => {
      const parts = principalParts(principal);
      return parts !== undefined && parts.kind !== 'client' && held.includes(parts.issuer);
    });
    return asked.length === 0 ? new Set() : look(tenant, asked);
  };
}

/** Every principal that an ACL as written may mean; what is wrong with it is for `readAcl` to say. `limit` of them at most. */
export function principalsIn(body: AclBody | undefined, issuers: readonly string[], limit: number): readonly Principal[] {
  if (body === undefined) return [];
  const lists: readonly (readonly AclEntryBody[])[] = ['allow' in body ? body.allow : body.gates.flat(), body.deny ?? []];
  const names = lists.flatMap((list) => list.slice(0, limit + 1)).map((entry) => (typeof entry === 'string' ? entry : entry.principal));
  // An ACL of more entries than may be is refused anyway, so nobody is looked up for it.
  if (names.length > limit) return [];
  return names.flatMap((name) => qualifyPrincipal(name, issuers) ?? []);
}
