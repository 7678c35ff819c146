import type { UserInput } from '../../../administration/directory/provisioning.ts';
import type { DirectoryUser } from '../../../core/ports/directory.ts';
import { ScimError } from './dialect.ts';
import { readPatch, type Operation } from './patch.ts';
import { attributesOf, booleanOf, demandSchema, optionalText, requiredText, USER } from './values.ts';

/** Attributes of RFC 7643 §4.1 that providers send and that decide nothing here: taken without a word, and not kept. */
const NOT_KEPT: ReadonlySet<string> = new Set(
  (
    'name nickname profileurl title preferredlanguage locale timezone password emails phonenumbers ims photos addresses ' +
    'entitlements roles x509certificates'
  ).split(' '),
);

/** Reads the attributes that are kept, each by its name; nothing else of a body ever reaches the catalog. */
export function readUser(body: Readonly<Record<string, unknown>>): UserInput {
  const attributes = attributesOf(body);
  demandSchema(attributes, USER);
  const active = attributes.get('active');
  return {
    userName: requiredText('userName', attributes.get('username')),
    externalId: optionalText('externalId', attributes.get('externalid')),
    displayName: optionalText('displayName', attributes.get('displayname')),
    userType: optionalText('userType', attributes.get('usertype')),
    active: active === undefined || active === null ? true : booleanOf('active', active),
  };
}

/** What a PATCH makes of a person. All of its operations, or none. */
export function patchUser(body: Readonly<Record<string, unknown>>): (now: DirectoryUser) => UserInput {
  const operations = readPatch(body);
  return ({ userName, externalId, displayName, userType, active }) =>
    operations.reduce(applyTo, { userName, externalId, displayName, userType, active });
}

function applyTo(user: UserInput, operation: Operation): UserInput {
  const { attribute, extension, filter, sub } = operation;
  if (extension || NOT_KEPT.has(attribute)) return user;
  const value = operation.op === 'remove' ? undefined : operation.value;
  if (filter !== undefined || sub !== undefined) throw new ScimError('invalidPath', 'this attribute has no parts');
  switch (attribute) {
    case 'username':
      return { ...user, userName: requiredText('userName', value) };
    case 'externalid':
      return { ...user, externalId: optionalText('externalId', value) };
    case 'displayname':
      return { ...user, displayName: optionalText('displayName', value) };
    case 'usertype':
      return { ...user, userType: optionalText('userType', value) };
    case 'active':
      return { ...user, active: booleanOf('active', value) };
    default:
      throw new ScimError('invalidPath', 'no attribute of a User');
  }
}

export function userResource(user: DirectoryUser, base: string): Readonly<Record<string, unknown>> {
  return {
    schemas: [USER],
    id: user.id,
    ...(user.externalId === undefined ? {} : { externalId: user.externalId }),
    userName: user.userName,
    ...(user.displayName === undefined ? {} : { displayName: user.displayName }),
    ...(user.userType === undefined ? {} : { userType: user.userType }),
    active: user.active,
    meta: metaOf('User', user, `${base}/Users/${user.id}`),
  };
}

interface Stored {
  readonly revision: number;
  readonly createdAt: number;
  readonly updatedAt: number;
}

export function versionOf({ revision }: Pick<Stored, 'revision'>): string {
  return `W/"${revision}"`;
}

export function metaOf(resourceType: string, stored: Stored, location: string): Readonly<Record<string, string>> {
  return {
    resourceType,
    created: new Date(stored.createdAt).toISOString(),
    lastModified: new Date(stored.updatedAt).toISOString(),
    location,
    version: versionOf(stored),
  };
}
