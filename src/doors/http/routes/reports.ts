import type { HttpDoorConfig } from '../config.ts';
import { callRoute, type CallRoute } from '../route.ts';
import { explainSchema, explanationSchema, toExplainRequest } from '../schemas/explain.ts';
import { blastRadiusAnswerSchema, blastRadiusSchema, policyDiffAnswerSchema, policyDiffSchema } from '../schemas/reports.ts';
import type { HttpServices } from '../services.ts';

export function reportRoutes({ reports }: HttpServices, config: HttpDoorConfig): readonly CallRoute[] {
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
    callRoute({
      method: 'post',
      path: '/v1/policy/diff',
      operationId: 'diffPolicy',
      summary: 'Who gains and loses which documents of the catalog under another policy.',
      scopes: ['admin'],
      body: { schema: policyDiffSchema, bytes: config.limits.documentBytes },
      answers: [{ status: 200, description: 'Totals, and a page of principals.', schema: policyDiffAnswerSchema }],
      handle: async ({ context, body }) => ({ status: 200, body: await reports.diff(context, body) }),
    }),
    callRoute({
      method: 'post',
      path: '/v1/policy/blast-radius',
      operationId: 'blastRadius',
      summary: 'What one identity, application or stolen token could read now.',
      scopes: ['audit', 'sources'],
      body: { schema: blastRadiusSchema, bytes },
      answers: [{ status: 200, description: 'Totals, and a page of documents, most sensitive first.', schema: blastRadiusAnswerSchema }],
      handle: async ({ context, body }) => ({ status: 200, body: await reports.blastRadius(context, body) }),
    }),
  ];
}
