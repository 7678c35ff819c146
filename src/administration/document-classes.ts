import type { Acl } from '../core/acl.ts';
import { aclPrincipals } from '../core/acl.ts';
import type { Grants } from '../core/grants.ts';
import type { DocumentKey, SourceId, TenantId, ZoneId } from '../core/ids.ts';
import type { ScanCatalog } from '../core/ports/history.ts';
import type { Principal } from '../core/principal.ts';
import { createPace } from './pace.ts';

/** All documents of one zone with one ACL: whatever policy says, they are readable together or not at all. */
export interface DocumentClass {
  readonly zone: ZoneId;
  readonly source: SourceId;
  readonly acl: Acl;
  /** The same for the same ACL, from 0. */
  readonly aclNumber: number;
  /** Of a document that a grant names by itself: it is a class of its own. */
  readonly key: DocumentKey | undefined;
  count: number;
  /** Ids, the first in order, at most as many as examples are wanted. */
  readonly first: string[];
}

export interface DocumentClasses {
  readonly byZone: ReadonlyMap<ZoneId, readonly DocumentClass[]>;
  readonly documents: number;
  readonly acls: readonly Acl[];
  readonly principals: ReadonlySet<Principal>;
}

/** Documents that are live and valid at `at`, milliseconds. Switches are no part of it: what is off for now is still what policy gives. */
export async function documentClasses(
  catalog: ScanCatalog,
  tenant: TenantId,
  wanted: { readonly sources: ReadonlySet<string> | undefined; readonly examples: number; readonly at: number; readonly grants: Grants },
  signal: AbortSignal,
): Promise<DocumentClasses> {
  const granted = grantedAlone(wanted.grants);
  const byZone = new Map<ZoneId, Map<Acl | DocumentKey, DocumentClass>>();
  const principals = new Set<Principal>();
  const numbers = new Map<Acl, number>();
  const numberOf = (acl: Acl): number => {
    const known = numbers.get(acl) ?? numbers.size;
    numbers.set(acl, known);
    return known;
  };
  const pace = createPace(signal);
  let documents = 0;
  for await (const page of catalog.scan(tenant, signal)) {
    for (const { key, source, document, zone, acl, state, validFrom, validUntil } of page) {
      if (state !== 'live' || (wanted.sources !== undefined && !wanted.sources.has(source))) continue;
      if (validFrom !== 'always' && wanted.at < validFrom * 1000) continue;
      if (validUntil !== 'forever' && wanted.at >= validUntil * 1000) continue;
      documents += 1;
      const classes = byZone.get(zone) ?? new Map<Acl | DocumentKey, DocumentClass>();
      byZone.set(zone, classes);
      const alone = granted.has(key) ? key : undefined;
      const known = classes.get(alone ?? acl);
      const one = known ?? { zone, source, acl, aclNumber: numberOf(acl), key: alone, count: 0, first: [] };
      if (known === undefined) {
        classes.set(alone ?? acl, one);
        for (const principal of aclPrincipals(acl)) principals.add(principal);
      }
      one.count += 1;
      keepFirst(one.first, document, wanted.examples);
    }
    await pace();
  }
  return {
    byZone: new Map([...byZone].map(([zone, classes]) => [zone, [...classes.values()]])),
    documents,
    acls: [...numbers.keys()],
    principals,
  };
}

function grantedAlone(grants: Grants): ReadonlySet<DocumentKey> {
  const all = [...grants.values()].flat();
  return new Set(all.flatMap(({ document }) => (document.kind === 'one' ? [document.key] : [])));
}

/** Sorted, so that the same catalog gives the same examples in whatever order it is read. */
function keepFirst(first: string[], id: string, limit: number): void {
  const last = first.at(-1);
  if (limit === 0 || (first.length >= limit && last !== undefined && id >= last)) return;
  const at = first.findIndex((other) => other > id);
  first.splice(at === -1 ? first.length : at, 0, id);
  if (first.length > limit) first.pop();
}
