import type { HttpDoorConfig } from '../config.ts';
import { callRoute, type CallRoute } from '../route.ts';
import { explainSchema, explanationSchema, toExplainRequest } from '../schemas/explain.ts';
import type { HttpServices } from '../services.ts';

export function explainRoutes({ reports }: HttpServices, config: HttpDoorConfig): readonly CallRoute[] {
  const bytes = config.limits.requestBytes;
  return [
    callRoute({
      method: 'post',
      path: '/v1/explain',
      operationId: 'explain',
      summary: 'Why somebody gets a document or does not, stage by stage, now or at a past time.',
      scopes: ['audit', 'sources', 'retrieve'],
      body: { schema: explainSchema, bytes },
      answers: [{ status: 200, description: 'The stages and the decision.', schema: explanationSchema }],
      handle: async ({ context, body }) => ({ status: 200, body: await reports.explain(context, toExplainRequest(body)) }),
    }),
  ];
}
