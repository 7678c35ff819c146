import type { HttpDoorConfig } from '../config.ts';
import { callRoute, type CallRoute } from '../route.ts';
import {
  accessPageSchema,
  accessRequestSchema,
  accessRequestsSchema,
  askAccessSchema,
  decideAccessSchema,
  withdrawAccessSchema,
} from '../schemas/access-requests.ts';
import type { HttpServices } from '../services.ts';

const PATH = '/v1/access-requests';
const DEFAULT_PAGE = 100;

function askRoutes({ accessRequests }: HttpServices, config: HttpDoorConfig): readonly CallRoute[] {
  return [
    callRoute({
      method: 'get',
      path: PATH,
      operationId: 'listAccessRequests',
      summary: 'Requests for access, newest first: one’s own, or those that the caller may answer or audit.',
      scopes: ['retrieve', 'sources', 'audit'],
      query: accessPageSchema,
      answers: [{ status: 200, description: 'A page; without `next` it was the last.', schema: accessRequestsSchema }],
      async handle({ context, query: { role = 'requester', source, after, limit } }) {
        const listing = { role, source, after, limit: limit === undefined ? DEFAULT_PAGE : Number(limit) };
        return { status: 200, body: await accessRequests.list(context, listing) };
      },
    }),
    callRoute({
      method: 'post',
      path: PATH,
      operationId: 'askAccess',
      summary: 'Ask the owners of a source for access for a time.',
      scopes: ['retrieve', 'sources'],
      body: { schema: askAccessSchema, bytes: config.limits.requestBytes },
      answers: [{ status: 201, description: 'It waits for a decision.', schema: accessRequestSchema }],
      handle: async ({ context, body }) => ({ status: 201, body: await accessRequests.ask(context, body) }),
    }),
  ];
}

export function accessRequestRoutes(services: HttpServices, config: HttpDoorConfig): readonly CallRoute[] {
  const { accessRequests } = services;
  return [
    ...askRoutes(services, config),
    callRoute({
      method: 'get',
      path: `${PATH}/{request}`,
      operationId: 'getAccessRequest',
      summary: 'One request: who asked and why, who decided and why, who reviews it, who answers for it.',
      scopes: ['retrieve', 'sources', 'audit'],
      answers: [{ status: 200, description: 'The request.', schema: accessRequestSchema }],
      handle: async ({ context, param }) => ({ status: 200, body: await accessRequests.get(context, param('request')) }),
    }),
    callRoute({
      method: 'post',
      path: `${PATH}/{request}/decision`,
      operationId: 'decideAccess',
      summary: 'Approve it for a time, within one’s own authority over the source, or deny it.',
      scopes: ['sources'],
      body: { schema: decideAccessSchema, bytes: config.limits.requestBytes },
      answers: [{ status: 200, description: 'Decided; an approval holds from the next request on.', schema: accessRequestSchema }],
      handle: async ({ context, body, param }) => ({ status: 200, body: await accessRequests.decide(context, param('request'), body) }),
    }),
    callRoute({
      method: 'delete',
      path: `${PATH}/{request}`,
      operationId: 'withdrawAccess',
      summary: 'Take back a request of one’s own, or end access before its time.',
      scopes: ['retrieve', 'sources'],
      query: withdrawAccessSchema,
      answers: [{ status: 200, description: 'Nobody reads by it any more.', schema: accessRequestSchema }],
      handle: async ({ context, query, param }) => ({
        status: 200,
        body: await accessRequests.withdraw(context, param('request'), query.reason),
      }),
    }),
  ];
}
