import type { DocumentKey, TenantId } from '../ids.ts';
import type { Principal } from '../principal.ts';
import type { Change, StoredDocument } from './catalog.ts';

/** Documented limits of one directory, which is one tenant and issuer. Beyond them: `limit_exceeded`. */
export const MAX_DIRECTORY_USERS = 250_000;
export const MAX_DIRECTORY_GROUPS = 50_000;
export const MAX_DIRECTORY_MEMBERSHIPS = 5_000_000;
/** Members that a group has itself; those of nested groups count there. */
export const MAX_GROUP_MEMBERS = 100_000;
/** Groups that one person is in, nested ones included. With more the person is refused with `groups_incomplete`, never cut. */
export const MAX_GROUPS_OF_USER = 20_000;

interface DirectoryEntry {
  /** UUID, never used again. */
  readonly id: string;
  readonly issuer: string;
  readonly principal: Principal;
  readonly externalId: string | undefined;
}

export interface DirectoryUserFields extends DirectoryEntry {
  readonly userName: string;
  readonly displayName: string | undefined;
  /** As the provider calls it, such as `Guest`. */
  readonly userType: string | undefined;
  readonly active: boolean;
  /** Unknown counts as guest. */
  readonly guest: boolean;
}

export interface DirectoryGroupFields extends DirectoryEntry {
  readonly title: string;
}

/** `revision` counts up with every change; times are milliseconds since 1970. */
interface Stored {
  readonly revision: number;
  readonly createdAt: number;
  readonly updatedAt: number;
}

export type DirectoryUser = DirectoryUserFields & Stored;
/** `members`: how many it has itself. */
export type DirectoryGroup = DirectoryGroupFields & Stored & { readonly members: number };

export interface DirectoryMember {
  readonly kind: 'user' | 'group';
  readonly id: string;
  readonly principal: Principal;
}

/** What a write does to the members of a group, by id. Of `change` an id that is in both lists is removed. */
export type MemberChange =
  | { readonly kind: 'keep' }
  | { readonly kind: 'exactly'; readonly ids: ReadonlySet<string> }
  | { readonly kind: 'change'; readonly add: ReadonlySet<string>; readonly remove: ReadonlySet<string> };

/** Names of users compare without regard to case, as SCIM has it; ids exactly. */
export type DirectoryFilter =
  | { readonly kind: 'all' }
  | {
      readonly kind: 'equal';
      readonly field: 'id' | 'userName' | 'externalId' | 'displayName' | 'principal' | 'member';
      readonly value: string;
    }
  | { readonly kind: 'active'; readonly value: boolean }
  | { readonly kind: 'and' | 'or'; readonly filters: readonly DirectoryFilter[] };

export interface DirectoryPage<T> {
  readonly total: number;
  readonly entries: readonly T[];
}

/** `absent`, the revision that the writer saw, or `any` one of an entry that is there. Another found: `conflict`. */
export type ExpectedEntry = number | 'absent' | 'any';

/**
 * Users and groups of issuers that leave them to Sluice. Each write is one transaction with its audit event. What may take reading
 * from somebody moves epoch and generation in it: a membership either way (a deny may name the group), a user who is deactivated,
 * deleted, renamed or becomes a guest, a group deleted or renamed.
 * Fail with `already_exists` for a name that is taken, `not_found`, `conflict`, `limit_exceeded`, `invalid_request` (a member that is
 * not in the same directory) or `catalog_unavailable`.
 */
export interface DirectoryCatalog {
  directoryUser(tenant: TenantId, issuer: string, id: string): Promise<DirectoryUser | undefined>;
  /** Ordered by id; `offset` from 0. */
  directoryUsers(
    tenant: TenantId,
    issuer: string,
    filter: DirectoryFilter,
    offset: number,
    limit: number,
  ): Promise<DirectoryPage<DirectoryUser>>;
  putDirectoryUser(tenant: TenantId, user: DirectoryUserFields, expected: ExpectedEntry, change: Change): Promise<DirectoryUser>;
  deleteDirectoryUser(tenant: TenantId, issuer: string, id: string, expected: ExpectedEntry, change: Change): Promise<void>;

  directoryGroup(tenant: TenantId, issuer: string, id: string): Promise<DirectoryGroup | undefined>;
  directoryGroups(
    tenant: TenantId,
    issuer: string,
    filter: DirectoryFilter,
    offset: number,
    limit: number,
  ): Promise<DirectoryPage<DirectoryGroup>>;
  /** Ordered by principal, after `after`. */
  directoryGroupsAfter(tenant: TenantId, issuer: string, after: Principal | undefined, limit: number): Promise<readonly DirectoryGroup[]>;
  /** Members it has itself, ordered by id, after `after`. */
  directoryMembers(tenant: TenantId, group: string, after: string | undefined, limit: number): Promise<readonly DirectoryMember[]>;
  /** `newcomers` are made in the same transaction, before the members are read. */
  putDirectoryGroup(
    tenant: TenantId,
    group: DirectoryGroupFields,
    members: MemberChange,
    newcomers: readonly DirectoryUserFields[],
    expected: ExpectedEntry,
    change: Change,
  ): Promise<DirectoryGroup>;
  deleteDirectoryGroup(tenant: TenantId, issuer: string, id: string, expected: ExpectedEntry, change: Change): Promise<void>;

  /** What the directory holds under these names. `deleted`: it did once. Missing: it never did. */
  directoryEntries(tenant: TenantId, principals: readonly Principal[]): Promise<ReadonlyMap<Principal, DirectoryMember | 'deleted'>>;
  /** Those of these users and groups that no directory of the tenant holds now. */
  unknownPrincipals(tenant: TenantId, principals: readonly Principal[]): Promise<ReadonlySet<Principal>>;
  readonly quarantinedDocuments: QuarantinedDocuments;
  /** The groups that a person was in at a time, nested ones included; undefined where the directory did not know them then. */
  groupsAt(tenant: TenantId, user: Principal, at: number): Promise<readonly Principal[] | undefined>;
}

/** Documents in quarantine, of all tenants, ordered by tenant and key. Fails with `catalog_unavailable`. */
export type QuarantinedDocuments = (
  after: { readonly tenant: TenantId; readonly key: DocumentKey } | undefined,
  limit: number,
) => Promise<readonly StoredDocument[]>;
