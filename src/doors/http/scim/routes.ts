import { z } from 'zod';
import { AppError } from '../../../core/errors.ts';
import { MAX_GROUP_MEMBERS, type DirectoryGroup, type DirectoryUser } from '../../../core/ports/directory.ts';
import type { RequestContext } from '../../../core/request-context.ts';
import type { HttpDoorConfig } from '../config.ts';
import { callRoute, type AnswerSpec, type CallRoute, type Method } from '../route.ts';
import type { Reply } from '../../entrance/send.ts';
import type { HttpServices } from '../services.ts';
import { SCIM_DIALECT, SCIM_TYPE, ScimError } from './dialect.ts';
import { MAX_RESULTS, resourceTypes, schemas, serviceProviderConfig } from './discovery.ts';
import { GROUP_FIELDS, parseFilter, USER_FIELDS } from './filter.ts';
import { groupResource, patchGroup, readGroup } from './group-resource.ts';
import { patchUser, readUser, userResource, versionOf } from './user-resource.ts';
import { isRecord, LIST } from './values.ts';

type Resource = Readonly<Record<string, unknown>>;

const DEFAULT_COUNT = 100;
const number = z.string().regex(/^-?\d{1,9}$/);
const shownShape = {
  attributes: z.string().max(2_048).optional().meta({ description: 'Only these, and the id; separated by commas.' }),
  excludedAttributes: z.string().max(2_048).optional().meta({ description: 'All but these.' }),
} as const;
const shownSchema = z.strictObject(shownShape);
const listSchema = z.strictObject({
  ...shownShape,
  filter: z.string().max(4_096).optional().meta({ description: 'eq, and, or, parentheses.' }),
  startIndex: number.optional().meta({ description: 'From 1.' }),
  count: number.optional().meta({ description: `At most ${MAX_RESULTS} are given; ${DEFAULT_COUNT} where absent.` }),
  sortBy: z.string().max(256).optional().meta({ description: 'Has no effect.' }),
  sortOrder: z.string().max(16).optional().meta({ description: 'Has no effect.' }),
});
type Shown = z.output<typeof shownSchema>;

const resourceBody = z
  .custom<Resource>(isRecord, 'expected an object')
  .meta({ type: 'object', description: 'A SCIM resource (RFC 7643).' });
const patchBody = z.custom<Resource>(isRecord, 'expected an object').meta({ type: 'object', description: 'A PatchOp (RFC 7644 §3.5.2).' });
const resourceAnswer = z.custom<Resource>(isRecord).meta({ id: 'ScimResource', type: 'object' });

function namesIn(list: string | undefined): ReadonlySet<string> | undefined {
  return list === undefined
    ? undefined
    : new Set(list.split(',').map((name) => name.trim().toLowerCase().split(':').at(-1)?.split('.')[0] ?? ''));
}

/** RFC 7644 §3.9, whole attributes. `id` and `schemas` are always there. */
function shown(resource: Resource, { attributes, excludedAttributes }: Shown): Resource {
  const only = namesIn(attributes);
  const without = namesIn(excludedAttributes);
  const kept = Object.entries(resource).filter(([name]) => {
    const key = name.toLowerCase();
    if (key === 'id' || key === 'schemas') return true;
    return only === undefined ? without?.has(key) !== true : only.has(key);
  });
  return Object.fromEntries(kept);
}

function wantsMembers({ attributes, excludedAttributes }: Shown): boolean {
  const only = namesIn(attributes);
  return only === undefined ? namesIn(excludedAttributes)?.has('members') !== true : only.has('members');
}

function pageOf({ startIndex, count }: { readonly startIndex?: string | undefined; readonly count?: string | undefined }) {
  const start = Math.max(1, Number(startIndex ?? 1));
  return { start, limit: Math.min(MAX_RESULTS, Math.max(0, Number(count ?? DEFAULT_COUNT))) };
}

function listReply(total: number, start: number, resources: readonly Resource[]): Reply {
  return {
    status: 200,
    body: { schemas: [LIST], totalResults: total, startIndex: start, itemsPerPage: resources.length, Resources: resources },
  };
}

/** The revision that If-Match names; undefined without one, or with `*`. One that names none of ours matches nothing. */
function versionIn(ifMatch: string | undefined): number | undefined {
  if (ifMatch === undefined || ifMatch.trim() === '*') return undefined;
  const revision = /^(?:W\/)?"(\d{1,15})"$/.exec(ifMatch.trim())?.[1];
  if (revision === undefined) throw new AppError('precondition_failed');
  return Number(revision);
}

const one = (status: number, description: string): AnswerSpec => ({ status, description, schema: resourceAnswer, mediaType: SCIM_TYPE });
const NOTHING: AnswerSpec = { status: 204, description: 'Done.' };

type Spec = Parameters<typeof callRoute>[0];
const scim = <B extends z.ZodType, Q extends z.ZodType>(
  method: Method,
  path: string,
  operationId: string,
  summary: string,
  rest: Pick<Spec, 'answers'> & Omit<Parameters<typeof callRoute<B, Q>>[0], 'method' | 'path' | 'operationId' | 'summary' | 'scopes'>,
): CallRoute =>
  callRoute<B, Q>({ method, path: `/scim/v2${path}`, operationId, summary, scopes: ['admin'], dialect: SCIM_DIALECT, ...rest });

/** SCIM 2.0 (RFC 7643, RFC 7644): an identity provider keeps the directory that Sluice holds for it. */
export function scimRoutes(services: HttpServices, config: HttpDoorConfig, publicUrl: () => string): readonly CallRoute[] {
  const base = (): string => `${publicUrl()}/scim/v2`;
  return [...discoveryRoutes(services, base), ...userRoutes(services, config, base), ...groupRoutes(services, config, base)];
}

function discoveryRoutes({ provisioning }: HttpServices, base: () => string): readonly CallRoute[] {
  const all = (path: string, name: string, summary: string, resources: (at: string) => readonly Resource[]): readonly CallRoute[] => [
    scim('get', path, `scim${name}s`, summary, {
      answers: [one(200, 'All there are.')],
      async handle({ context }) {
        await provisioning.admit(context);
        const list = resources(base());
        return listReply(list.length, 1, list);
      },
    }),
    scim('get', `${path}/{id}`, `scim${name}`, `${summary} One of them.`, {
      answers: [one(200, 'It.')],
      async handle({ context, param }) {
        await provisioning.admit(context);
        const found = resources(base()).find((resource) => resource['id'] === param('id'));
        if (found === undefined) throw new AppError('not_found');
        return { status: 200, body: found };
      },
    }),
  ];
  return [
    scim('get', '/ServiceProviderConfig', 'scimServiceProviderConfig', 'What of SCIM is spoken here.', {
      answers: [one(200, 'RFC 7643 §5.')],
      async handle({ context }) {
        await provisioning.admit(context);
        return { status: 200, body: serviceProviderConfig(base()) };
      },
    }),
    ...all('/ResourceTypes', 'ResourceType', 'Kinds of resources.', resourceTypes),
    ...all('/Schemas', 'Schema', 'Attributes that are kept.', schemas),
  ];
}

type UserReply = (status: number, user: DirectoryUser, query?: Shown) => Reply;

function userRoutes(services: HttpServices, config: HttpDoorConfig, base: () => string): readonly CallRoute[] {
  const reply: UserReply = (status, user, query = {}) => ({
    status,
    headers: { etag: versionOf(user), ...(status === 201 ? { location: `${base()}/Users/${user.id}` } : {}) },
    body: shown(userResource(user, base()), query),
  });
  return [...userReads(services, base, reply), ...userWrites(services, config.limits.documentBytes, reply)];
}

function userReads({ provisioning }: HttpServices, base: () => string, reply: UserReply): readonly CallRoute[] {
  return [
    scim('get', '/Users', 'scimListUsers', 'People of the directory, filtered, page by page.', {
      query: listSchema,
      answers: [one(200, 'A ListResponse.')],
      async handle({ context, query }) {
        const { start, limit } = pageOf(query);
        const filter = query.filter === undefined ? ({ kind: 'all' } as const) : parseFilter(query.filter, USER_FIELDS);
        const { total, entries } = await provisioning.users(context, filter, start - 1, limit);
        return listReply(
          total,
          start,
          entries.map((user) => shown(userResource(user, base()), query)),
        );
      },
    }),
    scim('get', '/Users/{id}', 'scimGetUser', 'One person.', {
      query: shownSchema,
      answers: [one(200, 'The User.')],
      handle: async ({ context, param, query }) => reply(200, await provisioning.user(context, param('id')), query),
    }),
  ];
}

function userWrites({ provisioning }: HttpServices, bytes: number, reply: UserReply): readonly CallRoute[] {
  return [
    scim('post', '/Users', 'scimCreateUser', 'Make a person known.', {
      body: { schema: resourceBody, bytes },
      answers: [one(201, 'The User.')],
      handle: async ({ context, body }) => reply(201, await provisioning.createUser(context, readUser(body))),
    }),
    scim('put', '/Users/{id}', 'scimReplaceUser', 'Replace what is known of a person.', {
      body: { schema: resourceBody, bytes },
      answers: [one(200, 'The User.')],
      async handle({ context, param, body, header }) {
        const input = readUser(body);
        return reply(200, await provisioning.updateUser(context, param('id'), versionIn(header('if-match')), () => input));
      },
    }),
    scim('patch', '/Users/{id}', 'scimPatchUser', 'Change what is known of a person, such as whether they are active.', {
      body: { schema: patchBody, bytes },
      answers: [one(200, 'The User.')],
      async handle({ context, param, body, header }) {
        const update = patchUser(body);
        return reply(200, await provisioning.updateUser(context, param('id'), versionIn(header('if-match')), update));
      },
    }),
    scim('delete', '/Users/{id}', 'scimDeleteUser', 'Forget a person. They are refused from the next request on.', {
      answers: [NOTHING],
      async handle({ context, param, header }) {
        await provisioning.deleteUser(context, param('id'), versionIn(header('if-match')));
        return { status: 204 };
      },
    }),
  ];
}

interface GroupReplies {
  resource(context: RequestContext, group: DirectoryGroup, query: Shown): Promise<Resource>;
  reply(context: RequestContext, status: number, group: DirectoryGroup, query?: Shown): Promise<Reply>;
}

function groupRoutes(services: HttpServices, config: HttpDoorConfig, base: () => string): readonly CallRoute[] {
  const { provisioning } = services;
  async function resource(context: RequestContext, group: DirectoryGroup, query: Shown): Promise<Resource> {
    const members = wantsMembers(query) ? await provisioning.members(context, group) : undefined;
    return shown(groupResource(group, members, base()), query);
  }
  async function reply(context: RequestContext, status: number, group: DirectoryGroup, query: Shown = {}): Promise<Reply> {
    const location = status === 201 ? { location: `${base()}/Groups/${group.id}` } : {};
    return { status, headers: { etag: versionOf(group), ...location }, body: await resource(context, group, query) };
  }
  const replies = { resource, reply };
  return [...groupReads(services, replies), ...groupWrites(services, config.limits.documentBytes, replies)];
}

function groupReads({ provisioning }: HttpServices, { resource, reply }: GroupReplies): readonly CallRoute[] {
  return [
    scim('get', '/Groups', 'scimListGroups', 'Groups of the directory, filtered, page by page.', {
      query: listSchema,
      answers: [one(200, 'A ListResponse.')],
      async handle({ context, query }) {
        const { start, limit } = pageOf(query);
        const filter = query.filter === undefined ? ({ kind: 'all' } as const) : parseFilter(query.filter, GROUP_FIELDS);
        const { total, entries } = await provisioning.groups(context, filter, start - 1, limit);
        const members = entries.reduce((sum, group) => sum + group.members, 0);
        if (wantsMembers(query) && members > MAX_GROUP_MEMBERS) {
          throw new ScimError('tooMany', 'the groups of this page have too many members; ask with excludedAttributes=members');
        }
        const resources: Resource[] = [];
        for (const group of entries) resources.push(await resource(context, group, query));
        return listReply(total, start, resources);
      },
    }),
    scim('get', '/Groups/{id}', 'scimGetGroup', 'One group.', {
      query: shownSchema,
      answers: [one(200, 'The Group.')],
      handle: async ({ context, param, query }) => reply(context, 200, await provisioning.group(context, param('id')), query),
    }),
  ];
}

function groupWrites({ provisioning }: HttpServices, bytes: number, { reply }: GroupReplies): readonly CallRoute[] {
  return [
    scim('post', '/Groups', 'scimCreateGroup', 'Make a group.', {
      body: { schema: resourceBody, bytes },
      answers: [one(201, 'The Group.')],
      handle: async ({ context, body }) => reply(context, 201, await provisioning.createGroup(context, readGroup(body))),
    }),
    scim('put', '/Groups/{id}', 'scimReplaceGroup', 'Replace a group. Members that are not named are no longer in it.', {
      body: { schema: resourceBody, bytes },
      answers: [one(200, 'The Group.')],
      async handle({ context, param, body, header }) {
        const input = readGroup(body);
        return reply(context, 200, await provisioning.updateGroup(context, param('id'), versionIn(header('if-match')), () => input));
      },
    }),
    scim('patch', '/Groups/{id}', 'scimPatchGroup', 'Add and remove members, or rename a group.', {
      body: { schema: patchBody, bytes },
      answers: [NOTHING],
      async handle({ context, param, body, header }) {
        const group = await provisioning.updateGroup(context, param('id'), versionIn(header('if-match')), patchGroup(body));
        return { status: 204, headers: { etag: versionOf(group) } };
      },
    }),
    scim('delete', '/Groups/{id}', 'scimDeleteGroup', 'Delete a group. Nobody is in it any more.', {
      answers: [NOTHING],
      async handle({ context, param, header }) {
        await provisioning.deleteGroup(context, param('id'), versionIn(header('if-match')));
        return { status: 204 };
      },
    }),
  ];
}
