import { judgeAcl, type Acl, type AclSubject, type AclVerdict } from './acl.ts';
import type { Caller } from './caller.ts';
import type { DocumentKey, SourceId, ZoneId } from './ids.ts';
import type { Principal } from './principal.ts';

/**
 * An approved request for access: it opens the gates of the ACLs of what it covers, for one person and a time. It overrides no deny,
 * no ceiling, no switch and no line of policy.
 */
export interface Grant {
  /** Of the request it answers. */
  readonly id: string;
  readonly principal: Principal;
  readonly source: SourceId;
  /** Those that the approver might approve at that moment. A zone made later is not covered, nor a document that moved to another. */
  readonly zones: ReadonlySet<ZoneId>;
  /** `all`: everything in the zones. */
  readonly document: { readonly kind: 'all' } | { readonly kind: 'one'; readonly key: DocumentKey };
  /** Milliseconds of the database's clock; [from, until). It ends on a whole second, as the index counts time. */
  readonly validFrom: number;
  readonly validUntil: number;
}

/** By the person they are for. */
export type Grants = ReadonlyMap<Principal, readonly Grant[]>;

/** Where a document lies, as grants see it. */
export interface Placed {
  readonly key: DocumentKey;
  readonly zone: ZoneId;
}

export type AccessVerdict =
  { readonly kind: 'permit'; readonly grant: Grant | undefined } | Exclude<AclVerdict, { readonly kind: 'permit' }>;

/** The caller's grants that have not ended at `at`, milliseconds. A client without a user has none, and an actor lends none. */
export function grantsFor(grants: Grants, { user }: Caller, at: number): readonly Grant[] {
  const own = user.kind === 'user' ? (grants.get(user.principal) ?? []) : [];
  return own.filter(({ validUntil }) => at < validUntil);
}

/**
 * The ACL, or where one of its gates is closed a grant that opens it: of several the one that ends last. `at` is database time in
 * milliseconds. A deny stands whatever was granted.
 */
export function judgeAccess(acl: Acl, subject: AclSubject, grants: Grants, caller: Caller, placed: Placed, at: number): AccessVerdict {
  const verdict = judgeAcl(acl, subject, at);
  if (verdict.kind === 'permit') return { kind: 'permit', grant: undefined };
  if (verdict.kind === 'refused-by-deny') return verdict;
  const grant = openingGrant(grantsFor(grants, caller, at), placed, at);
  return grant === undefined ? verdict : { kind: 'permit', grant };
}

/** Of these the one that opens the gates of a document at `at`, milliseconds: of several the one that ends last. */
export function openingGrant(grants: readonly Grant[], placed: Placed, at: number): Grant | undefined {
  const [last] = grants
    .filter(({ validFrom, validUntil, zones, document }) => {
      return at >= validFrom && at < validUntil && zones.has(placed.zone) && (document.kind === 'all' || document.key === placed.key);
    })
    .sort((a, b) => b.validUntil - a.validUntil);
  return last;
}
