import type { HttpDoorConfig } from '../config.ts';
import { callRoute, type CallRoute } from '../route.ts';
import { reconcileSchema, reconciliationSchema } from '../schemas/reconciliations.ts';
import type { HttpServices } from '../services.ts';

export function reconciliationRoutes({ reconciliations }: HttpServices, config: HttpDoorConfig): readonly CallRoute[] {
  return [
    callRoute({
      method: 'post',
      path: '/v1/reconciliations',
      operationId: 'reconcile',
      summary: 'Compare the index with the catalog, and mend what differs unless it should only be checked.',
      scopes: ['admin'],
      body: { schema: reconcileSchema, bytes: config.limits.requestBytes },
      answers: [{ status: 202, description: 'It is under way; ask for it by its id.', schema: reconciliationSchema }],
      handle: async ({ context, body }) => ({ status: 202, body: { ...(await reconciliations.begin(context, body)) } }),
    }),
    callRoute({
      method: 'get',
      path: '/v1/reconciliations/{id}',
      operationId: 'getReconciliation',
      summary: 'How far a comparison is, and what it found and mended.',
      scopes: ['admin'],
      answers: [{ status: 200, description: 'The comparison.', schema: reconciliationSchema }],
      handle: async ({ context, param }) => ({ status: 200, body: { ...(await reconciliations.get(context, param('id'))) } }),
    }),
  ];
}
