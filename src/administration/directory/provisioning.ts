import { AppError } from '../../core/errors.ts';
import {
  MAX_GROUP_MEMBERS,
  type DirectoryFilter,
  type DirectoryGroup,
  type DirectoryMember,
  type DirectoryPage,
  type DirectoryUser,
  type MemberChange,
} from '../../core/ports/directory.ts';
import { principal, type Principal } from '../../core/principal.ts';
import type { RequestContext } from '../../core/request-context.ts';
import { openDirectory, withRetries, type DirectoryParts, type OpenDirectory } from './directory.ts';

/** What a provider says of a person. Nothing else of them is kept. */
export interface UserInput {
  readonly userName: string;
  readonly externalId: string | undefined;
  readonly displayName: string | undefined;
  readonly userType: string | undefined;
  readonly active: boolean;
}

export interface GroupInput {
  readonly displayName: string;
  readonly externalId: string | undefined;
  readonly members: MemberChange;
}

/** The revision that an If-Match named; undefined: any. Another one found: `precondition_failed`. */
type Version = number | undefined;

/** What an identity provider does to a directory through SCIM. Each call is made by somebody who may administer the tenant. */
export interface Provisioning {
  users(context: RequestContext, filter: DirectoryFilter, offset: number, limit: number): Promise<DirectoryPage<DirectoryUser>>;
  user(context: RequestContext, id: string): Promise<DirectoryUser>;
  createUser(context: RequestContext, input: UserInput): Promise<DirectoryUser>;
  updateUser(context: RequestContext, id: string, version: Version, update: (now: DirectoryUser) => UserInput): Promise<DirectoryUser>;
  deleteUser(context: RequestContext, id: string, version: Version): Promise<void>;
  groups(context: RequestContext, filter: DirectoryFilter, offset: number, limit: number): Promise<DirectoryPage<DirectoryGroup>>;
  group(context: RequestContext, id: string): Promise<DirectoryGroup>;
  members(context: RequestContext, group: DirectoryGroup): Promise<readonly DirectoryMember[]>;
  createGroup(context: RequestContext, input: GroupInput): Promise<DirectoryGroup>;
  updateGroup(context: RequestContext, id: string, version: Version, update: (now: DirectoryGroup) => GroupInput): Promise<DirectoryGroup>;
  deleteGroup(context: RequestContext, id: string, version: Version): Promise<void>;
  /** Fails like the rest where the caller may not; for answers that hold nothing of a tenant. */
  admit(context: RequestContext): Promise<void>;
}

export function createProvisioning(parts: DirectoryParts): Provisioning {
  return { ...userMethods(parts), ...groupMethods(parts), admit: async (context) => void (await openDirectory(parts, context)) };
}

type UserMethods = Pick<Provisioning, 'users' | 'user' | 'createUser' | 'updateUser' | 'deleteUser'>;

function userMethods(parts: DirectoryParts): UserMethods {
  const { catalog } = parts;
  async function found(open: OpenDirectory, id: string): Promise<DirectoryUser> {
    const user = await catalog.directoryUser(open.tenant, open.issuer, id);
    if (user === undefined) throw new AppError('not_found');
    return user;
  }
  return {
    async users(context, filter, offset, limit) {
      const { tenant, issuer } = await openDirectory(parts, context);
      return catalog.directoryUsers(tenant, issuer, filter, offset, limit);
    },
    user: async (context, id) => found(await openDirectory(parts, context), id),
    async createUser(context, input) {
      const open = await openDirectory(parts, context);
      const made = await catalog.putDirectoryUser(open.tenant, userFields(open, parts.newId(), input), 'absent', open.change);
      parts.mend();
      return made;
    },
    updateUser: (context, id, version, update) =>
      retried(context, version, async () => {
        const open = await openDirectory(parts, context);
        const now = await found(open, id);
        demandVersion(now, version);
        const fields = userFields(open, id, update(now));
        if (fields.principal !== now.principal) open.demandNotDenied(now.principal);
        const stored = await catalog.putDirectoryUser(open.tenant, fields, now.revision, open.change);
        if (stored.principal !== now.principal) parts.mend();
        return stored;
      }),
    deleteUser: (context, id, version) =>
      retried(context, version, async () => {
        const open = await openDirectory(parts, context);
        demandVersion(await found(open, id), version);
        await catalog.deleteDirectoryUser(open.tenant, open.issuer, id, version ?? 'any', open.change);
      }),
  };
}

type GroupMethods = Omit<Provisioning, keyof UserMethods | 'admit'>;

function groupMethods(parts: DirectoryParts): GroupMethods {
  const { catalog } = parts;
  async function found(open: OpenDirectory, id: string): Promise<DirectoryGroup> {
    const group = await catalog.directoryGroup(open.tenant, open.issuer, id);
    if (group === undefined) throw new AppError('not_found');
    return group;
  }
  async function put(open: OpenDirectory, id: string, input: GroupInput, expected: number | 'absent'): Promise<DirectoryGroup> {
    const fields = {
      id,
      issuer: open.issuer,
      principal: groupName(open, id, input),
      externalId: input.externalId,
      title: input.displayName,
    };
    const stored = await catalog.putDirectoryGroup(open.tenant, fields, input.members, [], expected, open.change);
    parts.mend();
    return stored;
  }
  return {
    async groups(context, filter, offset, limit) {
      const { tenant, issuer } = await openDirectory(parts, context);
      return catalog.directoryGroups(tenant, issuer, filter, offset, limit);
    },
    group: async (context, id) => found(await openDirectory(parts, context), id),
    async members(context, { id }) {
      const { tenant } = await openDirectory(parts, context);
      return catalog.directoryMembers(tenant, id, undefined, MAX_GROUP_MEMBERS);
    },
    createGroup: async (context, input) => put(await openDirectory(parts, context), parts.newId(), input, 'absent'),
    updateGroup: (context, id, version, update) =>
      retried(context, version, async () => {
        const open = await openDirectory(parts, context);
        const now = await found(open, id);
        demandVersion(now, version);
        const input = update(now);
        if (groupName(open, id, input) !== now.principal) open.demandNotDenied(now.principal);
        return put(open, id, input, now.revision);
      }),
    deleteGroup: (context, id, version) =>
      retried(context, version, async () => {
        const open = await openDirectory(parts, context);
        const now = await found(open, id);
        demandVersion(now, version);
        open.demandNotDenied(now.principal);
        await catalog.deleteDirectoryGroup(open.tenant, open.issuer, id, version ?? 'any', open.change);
      }),
  };
}

function demandVersion({ revision }: { readonly revision: number }, version: Version): void {
  if (version !== undefined && version !== revision) throw new AppError('precondition_failed');
}

/** Without a version, another's write in between means to try again; with one it is the caller's to read again (RFC 7644 §3.14). */
async function retried<T>({ signal }: RequestContext, version: Version, run: () => Promise<T>): Promise<T> {
  try {
    return await withRetries(signal, run);
  } catch (error) {
    if (version !== undefined && error instanceof AppError && error.code === 'conflict') throw new AppError('precondition_failed');
    throw error;
  }
}

/** Where nothing says what kind of person it is, or it says guest, it is one: they see less. */
function isGuest(userType: string | undefined): boolean {
  return userType === undefined || userType.toLowerCase() === 'guest';
}

function userFields({ issuer, subjects }: OpenDirectory, id: string, input: UserInput) {
  const subject = { externalId: input.externalId, userName: input.userName, id }[subjects.user];
  return { ...input, id, issuer, principal: scoped('user', issuer, subject, subjects.user), guest: isGuest(input.userType) };
}

function groupName({ issuer, subjects }: OpenDirectory, id: string, input: GroupInput): Principal {
  const name = { externalId: input.externalId, displayName: input.displayName, id }[subjects.group];
  return scoped('group', issuer, name, subjects.group);
}

function scoped(kind: 'user' | 'group', issuer: string, name: string | undefined, attribute: string): Principal {
  const made = name === undefined ? undefined : principal(kind, issuer, name);
  if (made !== undefined) return made;
  const message = 'is what this directory names its entries by: a text without control characters';
  throw new AppError('invalid_request', { issues: [{ pointer: `/${attribute}`, message }] });
}
