import type { GroupInput } from '../../../administration/directory/provisioning.ts';
import { MAX_GROUP_MEMBERS, type DirectoryGroup, type DirectoryMember, type MemberChange } from '../../../core/ports/directory.ts';
import { ScimError } from './dialect.ts';
import { MEMBER_FIELDS, parseFilter, valuesOf } from './filter.ts';
import { readPatch, type Operation } from './patch.ts';
import { metaOf } from './user-resource.ts';
import { attributesOf, demandSchema, GROUP, isRecord, optionalText, requiredText } from './values.ts';

/** A body names all members; one without `members` names none (RFC 7644 §3.5.1: what is left out is cleared). */
export function readGroup(body: Readonly<Record<string, unknown>>): GroupInput {
  const attributes = attributesOf(body);
  demandSchema(attributes, GROUP);
  return {
    displayName: requiredText('displayName', attributes.get('displayname')),
    externalId: optionalText('externalId', attributes.get('externalid')),
    members: { kind: 'exactly', ids: new Set(memberIds(attributes.get('members') ?? [])) },
  };
}

/** `[{ value }]`, or one such object. */
function memberIds(value: unknown): readonly string[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (list.length > MAX_GROUP_MEMBERS) throw new ScimError('tooMany', `at most ${MAX_GROUP_MEMBERS} members in a group`);
  return list.map((member) => {
    const id = isRecord(member) ? attributesOf(member).get('value') : undefined;
    if (typeof id !== 'string' || id === '' || id.length > 128) throw new ScimError('invalidValue', 'a member is an object with a value');
    return id;
  });
}

/** What a PATCH makes of a group. Members are told as what comes and goes, so that a group of many thousands is not read for one. */
export function patchGroup(body: Readonly<Record<string, unknown>>): (now: DirectoryGroup) => GroupInput {
  const operations = readPatch(body);
  const members = membersAfter(operations.filter(({ attribute, extension }) => attribute === 'members' && !extension));
  return ({ title, externalId }) => operations.reduce(applyTo, { displayName: title, externalId, members });
}

/** The member lists of one PATCH while it is read. Changed in place: a copy an operation would take minutes for a thousand of them. */
interface Members {
  /** Undefined until an operation says who all of them are. */
  exactly: Set<string> | undefined;
  readonly add: Set<string>;
  readonly remove: Set<string>;
}

function membersAfter(operations: readonly Operation[]): MemberChange {
  const so: Members = { exactly: undefined, add: new Set(), remove: new Set() };
  for (const operation of operations) changeMembers(so, operation);
  if (so.exactly !== undefined) return { kind: 'exactly', ids: so.exactly };
  return operations.length === 0 ? { kind: 'keep' } : { kind: 'change', add: so.add, remove: so.remove };
}

function applyTo(group: GroupInput, { op, attribute, extension, filter, sub, value }: Operation): GroupInput {
  if (extension || attribute === 'members') return group;
  if (filter !== undefined || sub !== undefined) throw new ScimError('invalidPath', 'this attribute has no parts');
  const next = op === 'remove' ? undefined : value;
  switch (attribute) {
    case 'displayname':
      return { ...group, displayName: requiredText('displayName', next) };
    case 'externalid':
      return { ...group, externalId: optionalText('externalId', next) };
    default:
      throw new ScimError('invalidPath', 'no attribute of a Group');
  }
}

function changeMembers(so: Members, { op, filter, sub, value }: Operation): void {
  if (sub !== undefined) throw new ScimError('invalidPath', 'a member is added or removed as a whole');
  if (filter !== undefined) {
    if (op !== 'remove') throw new ScimError('invalidPath', 'a filter over members can only remove');
    return without(so, valuesOf(parseFilter(filter, MEMBER_FIELDS)));
  }
  switch (op) {
    case 'add':
      return withMembers(so, memberIds(value));
    case 'replace':
      so.exactly = new Set(memberIds(value ?? []));
      return;
    case 'remove':
      // Entra lists whom to remove in the value; without one everybody goes.
      if (value === undefined || value === null) so.exactly = new Set();
      else without(so, memberIds(value));
  }
}

function withMembers({ exactly, add, remove }: Members, ids: readonly string[]): void {
  for (const id of ids) {
    (exactly ?? add).add(id);
    remove.delete(id);
  }
}

function without({ exactly, add, remove }: Members, ids: readonly string[]): void {
  for (const id of ids) {
    (exactly ?? add).delete(id);
    remove.add(id);
  }
}

export function groupResource(
  group: DirectoryGroup,
  members: readonly DirectoryMember[] | undefined,
  base: string,
): Readonly<Record<string, unknown>> {
  return {
    schemas: [GROUP],
    id: group.id,
    ...(group.externalId === undefined ? {} : { externalId: group.externalId }),
    displayName: group.title,
    ...(members === undefined ? {} : { members: members.map((member) => memberResource(member, base)) }),
    meta: metaOf('Group', group, `${base}/Groups/${group.id}`),
  };
}

function memberResource({ id, kind }: DirectoryMember, base: string): Readonly<Record<string, string>> {
  const [type, path] = kind === 'user' ? ['User', 'Users'] : ['Group', 'Groups'];
  return { value: id, type, $ref: `${base}/${path}/${id}` };
}
