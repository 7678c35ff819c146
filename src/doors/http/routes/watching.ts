import { callRoute, type CallRoute } from '../route.ts';
import { pageSchema } from '../schemas/common.ts';
import { watchingSchema } from '../schemas/watching.ts';
import type { HttpServices } from '../services.ts';

const PATH = '/v1/watching';
const DEFAULT_PAGE = 100;

export function watchingRoutes({ watching }: HttpServices): readonly CallRoute[] {
  return [
    callRoute({
      method: 'get',
      path: PATH,
      operationId: 'listWatched',
      summary: 'Who reads more than a threshold, or nearly so, as far as this replica knows.',
      scopes: ['admin', 'audit'],
      query: pageSchema,
      answers: [{ status: 200, description: 'A page; without `next` it was the last.', schema: watchingSchema }],
      handle: async ({ context, query }) => ({
        status: 200,
        body: await watching.list(context, query.after, query.limit === undefined ? DEFAULT_PAGE : Number(query.limit)),
      }),
    }),
    callRoute({
      method: 'delete',
      path: `${PATH}/blocks/{id}`,
      operationId: 'liftWatchBlock',
      summary: 'End the block and the limit of a user or client before their time, and count from nothing again.',
      scopes: ['admin'],
      answers: [{ status: 204, description: 'They may read again.' }],
      async handle({ context, param }) {
        await watching.lift(context, param('id'));
        return { status: 204 };
      },
    }),
  ];
}
