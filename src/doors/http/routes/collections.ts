import { pageQuerySchema } from '../schemas/common.ts';
import type { HttpDoorConfig } from '../config.ts';
import { callRoute, type CallRoute } from '../route.ts';
import {
  adoptedAnswerSchema,
  adoptedPointsSchema,
  checkAccessSchema,
  checkedAccessSchema,
  toPointWrites,
  toWantedAccess,
} from '../schemas/adopted-points.ts';
import { collectionAnswerSchema, collectionsAnswerSchema, collectionSchema, toCollectionBody } from '../schemas/collections.ts';
import type { HttpServices } from '../services.ts';

const PATH = '/v1/collections/{collection}';

/** Hosted collections of the Qdrant-compatible door: which source an application writes into, and where in a payload stands what. */
export function collectionRoutes(services: HttpServices, config: HttpDoorConfig): readonly CallRoute[] {
  return [...readRoutes(services), ...writeRoutes(services, config), ...adoptionRoutes(services, config)];
}

function readRoutes({ collections }: HttpServices): readonly CallRoute[] {
  return [
    callRoute({
      method: 'get',
      path: '/v1/collections',
      operationId: 'listCollections',
      summary: 'The collections that the caller owns.',
      scopes: ['sources'],
      query: pageQuerySchema,
      answers: [{ status: 200, description: 'A page; without `next` it was the last.', schema: collectionsAnswerSchema }],
      handle: async ({ context, query: { after, limit } }) => ({ status: 200, body: await collections.list(context, after, limit) }),
    }),
    callRoute({
      method: 'get',
      path: PATH,
      operationId: 'getCollection',
      summary: 'One collection.',
      scopes: ['sources'],
      answers: [{ status: 200, description: 'The collection.', schema: collectionAnswerSchema }],
      handle: async ({ context, param }) => ({ status: 200, body: await collections.get(context, param('collection')) }),
    }),
  ];
}

function writeRoutes({ collections }: HttpServices, config: HttpDoorConfig): readonly CallRoute[] {
  return [
    callRoute({
      method: 'put',
      path: PATH,
      operationId: 'putCollection',
      summary: 'Make a collection, or replace who writes into it, its profile and its default ACL.',
      scopes: ['sources'],
      body: { schema: collectionSchema, bytes: config.limits.requestBytes },
      answers: [
        { status: 200, description: 'It existed; this is how it is now.', schema: collectionAnswerSchema },
        { status: 201, description: 'It was made.', schema: collectionAnswerSchema },
      ],
      async handle({ context, body, param }) {
        const { created, resource } = await collections.put(context, param('collection'), toCollectionBody(body));
        return { status: created ? 201 : 200, body: resource };
      },
    }),
    callRoute({
      method: 'delete',
      path: PATH,
      operationId: 'deleteCollection',
      summary: 'Delete a collection and its points.',
      scopes: ['sources'],
      answers: [{ status: 204, description: 'Nobody reads it any more.' }],
      async handle({ context, param }) {
        await collections.delete(context, param('collection'));
        return { status: 204 };
      },
    }),
  ];
}

function adoptionRoutes({ adoptPoints, checkAccess }: HttpServices, config: HttpDoorConfig): readonly CallRoute[] {
  return [
    callRoute({
      method: 'post',
      path: `${PATH}/points`,
      operationId: 'adoptPoints',
      summary: 'Write points into one source of a collection, each with its access said beside its payload.',
      scopes: ['ingest'],
      body: { schema: adoptedPointsSchema, bytes: config.limits.requestBytes, lossless: true },
      answers: [{ status: 200, description: 'All are as they were given.', schema: adoptedAnswerSchema }],
      async handle({ context, body, param }) {
        await adoptPoints(context, param('collection'), body.source, toPointWrites(body));
        return { status: 200, body: { points: body.points.length } };
      },
    }),
    callRoute({
      method: 'post',
      path: '/v1/collections-access-check',
      operationId: 'checkAccess',
      summary: 'Whether points with such sources, ACLs and labels would be taken. Nothing is written.',
      scopes: ['ingest'],
      body: { schema: checkAccessSchema, bytes: config.limits.requestBytes },
      answers: [{ status: 200, description: 'What would be refused, and why.', schema: checkedAccessSchema }],
      async handle({ context, body }) {
        const problems = await checkAccess(context, toWantedAccess(body));
        return { status: 200, body: { problems: problems.map(({ place, code, issues }) => ({ place, code, errors: issues })) } };
      },
    }),
  ];
}
