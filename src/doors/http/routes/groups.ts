import type { HttpDoorConfig } from '../config.ts';
import { callRoute, type CallRoute } from '../route.ts';
import {
  groupBodySchema,
  groupListingSchema,
  groupPageSchema,
  groupQuerySchema,
  groupSchema,
  groupSummarySchema,
} from '../schemas/groups.ts';
import type { HttpServices } from '../services.ts';

const PATH = '/v1/groups/{group}';
const DEFAULT_PAGE = 100;

/** Groups of the directory that Sluice holds, by the names that ACLs and policy know them by. */
export function groupRoutes(services: HttpServices, config: HttpDoorConfig): readonly CallRoute[] {
  return [...readingRoutes(services), ...writingRoutes(services, config)];
}

function readingRoutes({ groups }: HttpServices): readonly CallRoute[] {
  return [
    callRoute({
      method: 'get',
      path: '/v1/groups',
      operationId: 'listGroups',
      summary: 'Groups of the directory, in order, page by page.',
      scopes: ['admin'],
      query: groupPageSchema,
      answers: [{ status: 200, description: 'A page; without `next` it was the last.', schema: groupListingSchema }],
      async handle({ context, query }) {
        const limit = query.limit === undefined ? DEFAULT_PAGE : Number(query.limit);
        return { status: 200, body: await groups.list(context, query.issuer, query.after, limit) };
      },
    }),
    callRoute({
      method: 'get',
      path: PATH,
      operationId: 'getGroup',
      summary: 'One group with the members it has itself.',
      scopes: ['admin'],
      query: groupQuerySchema,
      answers: [{ status: 200, description: 'The group.', schema: groupSchema }],
      handle: async ({ context, query, param }) => ({ status: 200, body: await groups.get(context, query.issuer, param('group')) }),
    }),
  ];
}

function writingRoutes({ groups }: HttpServices, config: HttpDoorConfig): readonly CallRoute[] {
  return [
    callRoute({
      method: 'put',
      path: PATH,
      operationId: 'putGroup',
      summary: 'Make a group, or set exactly who is in it. In force for every request that starts afterwards.',
      scopes: ['admin'],
      body: { schema: groupBodySchema, bytes: config.limits.documentBytes },
      answers: [
        { status: 200, description: 'It holds these members now.', schema: groupSummarySchema },
        { status: 201, description: 'It was made.', schema: groupSummarySchema },
      ],
      async handle({ context, body, param }) {
        const { created, resource } = await groups.put(context, param('group'), body);
        return { status: created ? 201 : 200, body: resource };
      },
    }),
    callRoute({
      method: 'delete',
      path: PATH,
      operationId: 'deleteGroup',
      summary: 'Delete a group. Nobody is in it any more.',
      scopes: ['admin'],
      query: groupQuerySchema,
      answers: [{ status: 204, description: 'It is gone.' }],
      async handle({ context, query, param }) {
        await groups.remove(context, query.issuer, param('group'));
        return { status: 204 };
      },
    }),
  ];
}
