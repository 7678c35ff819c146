import type { HttpDoorConfig } from '../config.ts';
import { callRoute, type CallRoute } from '../route.ts';
import { pageQuerySchema } from '../schemas/common.ts';
import { eraseSchema, erasureSchema, heldSchema, holdSchema, holdsSchema, liftHoldQuery, namedOf } from '../schemas/erasure.ts';
import type { HttpServices } from '../services.ts';

const HOLDS = '/v1/legal-holds';

export function erasureRoutes({ erasures, legalHolds }: HttpServices, config: HttpDoorConfig): readonly CallRoute[] {
  const bytes = config.limits.requestBytes;
  return [
    callRoute({
      method: 'post',
      path: '/v1/erasures',
      operationId: 'erase',
      summary: 'Erase a caller, or the text of a document, from the catalog, the index and the log. It cannot be undone.',
      scopes: ['admin', 'sources'],
      body: { schema: eraseSchema, bytes },
      answers: [{ status: 201, description: 'It is gone, for every request from now on.', schema: erasureSchema }],
      handle: async ({ context, body }) => ({ status: 201, body: await erasures.erase(context, namedOf(body), body.reason) }),
    }),
    ...holdRoutes(legalHolds, bytes),
  ];
}

function holdRoutes(legalHolds: HttpServices['legalHolds'], bytes: number): readonly CallRoute[] {
  return [
    callRoute({
      method: 'get',
      path: HOLDS,
      operationId: 'listLegalHolds',
      summary: 'What may not be erased, and why.',
      scopes: ['admin'],
      query: pageQuerySchema,
      answers: [{ status: 200, description: 'A page; without `next` it was the last.', schema: holdsSchema }],
      handle: async ({ context, query: { after, limit } }) => ({ status: 200, body: await legalHolds.list(context, after, limit) }),
    }),
    callRoute({
      method: 'post',
      path: HOLDS,
      operationId: 'placeLegalHold',
      summary: 'Keep a caller or a text from being erased, whether it exists or not.',
      scopes: ['admin'],
      body: { schema: holdSchema, bytes },
      answers: [
        { status: 200, description: 'It was held already.', schema: heldSchema },
        { status: 201, description: 'It is held.', schema: heldSchema },
      ],
      async handle({ context, body }) {
        const what = namedOf(body);
        const { placed } = await legalHolds.place(context, what, body.reason);
        return { status: placed ? 201 : 200, body: { held: what } };
      },
    }),
    callRoute({
      method: 'delete',
      path: HOLDS,
      operationId: 'liftLegalHold',
      summary: 'End a hold: what it was on may be erased again.',
      scopes: ['admin'],
      query: liftHoldQuery,
      answers: [{ status: 204, description: 'Nothing holds it any more.' }],
      async handle({ context, query }) {
        await legalHolds.lift(context, namedOf(query), query.reason);
        return { status: 204 };
      },
    }),
  ];
}
