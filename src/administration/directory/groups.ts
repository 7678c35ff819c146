import { AppError } from '../../core/errors.ts';
import type { DirectoryGroup, DirectoryGroupFields, DirectoryUserFields } from '../../core/ports/directory.ts';
import { MAX_GROUP_MEMBERS } from '../../core/ports/directory.ts';
import { principal, principalParts, qualifyPrincipal, type Principal } from '../../core/principal.ts';
import type { RequestContext } from '../../core/request-context.ts';
import { openDirectory, withRetries, type DirectoryParts, type OpenDirectory } from './directory.ts';

export interface GroupBody {
  readonly issuer?: string | undefined;
  readonly members: readonly string[];
  readonly title?: string | undefined;
}

export interface GroupSummary {
  /** Its name in ACLs and policy. */
  readonly group: Principal;
  readonly issuer: string;
  readonly title: string;
  /** How many members it has itself. */
  readonly size: number;
  /** ISO 8601. */
  readonly updatedAt: string;
}

export interface GroupResource extends GroupSummary {
  /** Sorted; those of nested groups are not among them. */
  readonly members: readonly Principal[];
}

export interface GroupListing {
  readonly groups: readonly GroupSummary[];
  readonly next?: string;
}

/** `/v1/groups`: groups by the names that ACLs and policy know them by. */
export interface Groups {
  list(context: RequestContext, issuer: string | undefined, after: string | undefined, limit: number): Promise<GroupListing>;
  get(context: RequestContext, issuer: string | undefined, group: string): Promise<GroupResource>;
  /** Members are then exactly these. A person whom the directory never knew is made; a group has to be there. */
  put(context: RequestContext, group: string, body: GroupBody): Promise<{ readonly created: boolean; readonly resource: GroupSummary }>;
  remove(context: RequestContext, issuer: string | undefined, group: string): Promise<void>;
}

export function createGroups(parts: DirectoryParts): Groups {
  const { catalog } = parts;
  return {
    async list(context, issuer, after, limit) {
      const open = await openDirectory(parts, context, issuer);
      const from = after === undefined ? undefined : named(open, after);
      const page = await catalog.directoryGroupsAfter(open.tenant, open.issuer, from, limit + 1);
      const shown = page.slice(0, limit);
      const last = shown.at(-1);
      return {
        groups: shown.map(summary),
        ...(page.length > limit && last !== undefined ? { next: principalParts(last.principal)?.id ?? '' } : {}),
      };
    },

    async get(context, issuer, group) {
      const open = await openDirectory(parts, context, issuer);
      const found = await existing(parts, open, group);
      const members = await catalog.directoryMembers(open.tenant, found.id, undefined, MAX_GROUP_MEMBERS);
      return { ...summary(found), members: members.map((member) => member.principal).sort() };
    },

    // Two who make the same group at once: the second finds the first one's on its next try.
    put: (context, group, body) => withRetries(context.signal, () => putOnce(parts, context, group, body), ['conflict', 'already_exists']),

    async remove(context, issuer, group) {
      const open = await openDirectory(parts, context, issuer);
      const found = await existing(parts, open, group);
      open.demandNotDenied(found.principal);
      await catalog.deleteDirectoryGroup(open.tenant, open.issuer, found.id, 'any', open.change);
    },
  };
}

async function putOnce(parts: DirectoryParts, context: RequestContext, group: string, body: GroupBody): ReturnType<Groups['put']> {
  const open = await openDirectory(parts, context, body.issuer);
  const name = named(open, group);
  const found = await byName(parts, open, name);
  const members = readMembers(open, body.members);
  const known = await parts.catalog.directoryEntries(open.tenant, members);
  const newcomers = members.flatMap((member, index): readonly DirectoryUserFields[] => {
    const entry = known.get(member);
    if (entry === undefined && principalParts(member)?.kind === 'user') return [newcomer(parts, open, member)];
    if (entry === undefined) throw wrongMember(index, 'is a group that is not in the directory; make it first');
    // Who was deleted is not brought back by a list that is older than the deletion.
    if (entry === 'deleted') throw wrongMember(index, 'was deleted from the directory; make it again first');
    return [];
  });
  const ids = members.flatMap((member) => {
    const entry = known.get(member);
    return entry === undefined || entry === 'deleted' ? [] : [entry.id];
  });
  if (found !== undefined && open.subjects.group === 'displayName' && body.title !== undefined && body.title !== found.title) {
    throw wrong('/title', 'is the name of the group in this directory; leave it out');
  }
  const fields = found === undefined ? newGroup(parts, open, group, name, body.title) : { ...found, title: body.title ?? found.title };
  const stored = await parts.catalog.putDirectoryGroup(
    open.tenant,
    fields,
    { kind: 'exactly', ids: new Set([...ids, ...newcomers.map(({ id }) => id)]) },
    newcomers,
    found === undefined ? 'absent' : 'any',
    open.change,
  );
  if (found === undefined || newcomers.length > 0) parts.mend();
  return { created: found === undefined, resource: summary(stored) };
}

function newGroup(parts: DirectoryParts, open: OpenDirectory, id: string, name: Principal, title = id): DirectoryGroupFields {
  const { issuer, subjects } = open;
  switch (subjects.group) {
    case 'externalId':
      return { id: parts.newId(), issuer, principal: name, externalId: id, title };
    case 'displayName':
      if (title !== id) throw wrong('/title', 'is the name of the group in this directory; leave it out');
      return { id: parts.newId(), issuer, principal: name, externalId: undefined, title };
    case 'id':
      throw wrong('path/group', 'groups of this directory are named by an id that SCIM gives them');
  }
}

/** Known by name alone, so they count as guests until SCIM says more. */
function newcomer(parts: DirectoryParts, { issuer, subjects }: OpenDirectory, name: Principal): DirectoryUserFields {
  const subject = principalParts(name)?.id ?? '';
  if (subjects.user === 'id') throw wrong('/members', 'people of this directory are named by an id that SCIM gives them');
  const rest = { displayName: undefined, userType: undefined, active: true, guest: true };
  const externalId = subjects.user === 'externalId' ? subject : undefined;
  return { id: parts.newId(), issuer, principal: name, userName: subject, externalId, ...rest };
}

function readMembers(open: OpenDirectory, members: readonly string[]): readonly Principal[] {
  if (members.length > MAX_GROUP_MEMBERS) {
    throw new AppError('limit_exceeded', { issues: [{ pointer: '/members', message: `at most ${MAX_GROUP_MEMBERS} members in a group` }] });
  }
  const read = members.map((text, index) => {
    const member = qualifyPrincipal(text, [open.issuer]);
    const issued = member === undefined ? undefined : principalParts(member);
    if (member === undefined || issued?.issuer !== open.issuer || issued.kind === 'client') {
      throw wrongMember(index, 'must be user: or group: of the same issuer');
    }
    return member;
  });
  return [...new Set(read)];
}

/** A name that can be no principal names nothing that is there. */
function named(open: OpenDirectory, group: string): Principal {
  const made = principal('group', open.issuer, group);
  if (made === undefined) throw wrong('path/group', 'can be no name of a group');
  return made;
}

async function byName(parts: DirectoryParts, open: OpenDirectory, name: Principal): Promise<DirectoryGroup | undefined> {
  const filter = { kind: 'equal', field: 'principal', value: name } as const;
  const { entries } = await parts.catalog.directoryGroups(open.tenant, open.issuer, filter, 0, 1);
  return entries[0];
}

async function existing(parts: DirectoryParts, open: OpenDirectory, group: string): Promise<DirectoryGroup> {
  const found = await byName(parts, open, named(open, group));
  if (found === undefined) throw new AppError('not_found');
  return found;
}

function summary({ principal: group, issuer, title, members, updatedAt }: DirectoryGroup): GroupSummary {
  return { group, issuer, title, size: members, updatedAt: new Date(updatedAt).toISOString() };
}

function wrong(pointer: string, message: string): AppError {
  return new AppError('invalid_request', { issues: [{ pointer, message }] });
}

function wrongMember(index: number, message: string): AppError {
  return wrong(`/members/${index}`, message);
}
