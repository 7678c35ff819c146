import { callRoute, type CallRoute } from '../route.ts';
import type { HttpDoorConfig } from '../config.ts';
import { policyRevisionSchema, publishPolicySchema } from '../schemas/policy.ts';
import type { HttpServices } from '../services.ts';

export function policyRoutes({ policyRevisions }: HttpServices, config: HttpDoorConfig): readonly CallRoute[] {
  return [
    callRoute({
      method: 'get',
      path: '/v1/policy/revisions',
      operationId: 'getPolicyRevision',
      summary: 'The policy revision of the tenant that is in force.',
      scopes: ['admin'],
      answers: [{ status: 200, description: 'Its name and its lines.', schema: policyRevisionSchema }],
      handle: async ({ context }) => ({ status: 200, body: await policyRevisions.active(context) }),
    }),
    callRoute({
      method: 'post',
      path: '/v1/policy/revisions',
      operationId: 'publishPolicyRevision',
      summary: 'Checks, stores and activates a policy revision, against the one it was written for.',
      scopes: ['admin'],
      body: { schema: publishPolicySchema, bytes: config.limits.documentBytes },
      answers: [{ status: 201, description: 'It is in force, on every replica.', schema: policyRevisionSchema }],
      handle: async ({ context, body }) => ({ status: 201, body: await policyRevisions.publish(context, body) }),
    }),
  ];
}
