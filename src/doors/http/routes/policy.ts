import { callRoute, type CallRoute } from '../route.ts';
import type { HttpDoorConfig } from '../config.ts';
import {
  activatePolicySchema,
  policyRevisionSchema,
  publishPolicySchema,
  revisionDetailSchema,
  revisionPageQuery,
  revisionPageSchema,
  shadowReportSchema,
} from '../schemas/policy.ts';
import type { HttpServices } from '../services.ts';

const REVISIONS = '/v1/policy/revisions';
const REVISION = `${REVISIONS}/{revision}`;
const DEFAULT_PAGE = 20;

export function policyRoutes(services: HttpServices, config: HttpDoorConfig): readonly CallRoute[] {
  return [...readRoutes(services), ...changeRoutes(services, config), ...shadowRoutes(services)];
}

function readRoutes({ policyRevisions }: HttpServices): readonly CallRoute[] {
  return [
    callRoute({
      method: 'get',
      path: REVISIONS,
      operationId: 'getPolicyRevision',
      summary: 'The policy revision of the tenant that is in force, and a page of what is stored, newest first.',
      scopes: ['admin'],
      query: revisionPageQuery,
      answers: [{ status: 200, description: 'Its name and its lines; without `next` it was the last page.', schema: revisionPageSchema }],
      async handle({ context, query }) {
        const limit = query.limit === undefined ? DEFAULT_PAGE : Number(query.limit);
        return { status: 200, body: await policyRevisions.list(context, { after: query.after, limit }) };
      },
    }),
    callRoute({
      method: 'get',
      path: REVISION,
      operationId: 'getStoredPolicyRevision',
      summary: 'One stored revision: its lines, where it came from and when it was in force.',
      scopes: ['admin'],
      answers: [{ status: 200, description: 'The revision.', schema: revisionDetailSchema }],
      handle: async ({ context, param }) => ({ status: 200, body: await policyRevisions.detail(context, param('revision')) }),
    }),
  ];
}

function changeRoutes({ policyRevisions }: HttpServices, config: HttpDoorConfig): readonly CallRoute[] {
  return [
    callRoute({
      method: 'post',
      path: REVISIONS,
      operationId: 'publishPolicyRevision',
      summary: 'Checks and stores a policy revision, against the one it was written for, and activates it unless told not to.',
      scopes: ['admin'],
      body: { schema: publishPolicySchema, bytes: config.limits.documentBytes },
      answers: [{ status: 201, description: 'It is in force, on every replica; or stored, where asked so.', schema: policyRevisionSchema }],
      handle: async ({ context, body }) => ({ status: 201, body: await policyRevisions.publish(context, body) }),
    }),
    callRoute({
      method: 'post',
      path: `${REVISION}/activate`,
      operationId: 'activatePolicyRevision',
      summary: 'Puts a stored revision into force, in place of the one that is named.',
      scopes: ['admin'],
      body: { schema: activatePolicySchema, bytes: config.limits.requestBytes },
      answers: [{ status: 200, description: 'It is in force, on every replica.', schema: policyRevisionSchema }],
      handle: async ({ context, body, param }) => ({
        status: 200,
        body: await policyRevisions.activate(context, param('revision'), body.replaces),
      }),
    }),
  ];
}

function shadowRoutes({ policyShadow }: HttpServices): readonly CallRoute[] {
  const path = `${REVISION}/shadow`;
  return [
    callRoute({
      method: 'post',
      path,
      operationId: 'startPolicyShadow',
      summary: 'Decides every retrieval under this revision too, beside the active one, for a report.',
      scopes: ['admin'],
      answers: [{ status: 201, description: 'It runs in shadow, on every replica.', schema: shadowReportSchema }],
      handle: async ({ context, param }) => ({ status: 201, body: await policyShadow.start(context, param('revision')) }),
    }),
    callRoute({
      method: 'get',
      path,
      operationId: 'getPolicyShadow',
      summary: 'What the revision would have changed, by outcome, zone, principal and line.',
      scopes: ['admin'],
      answers: [{ status: 200, description: 'Of the run that goes on, else of the last one.', schema: shadowReportSchema }],
      handle: async ({ context, param }) => ({ status: 200, body: await policyShadow.report(context, param('revision')) }),
    }),
    callRoute({
      method: 'delete',
      path,
      operationId: 'stopPolicyShadow',
      summary: 'Ends the run in shadow; its report stays.',
      scopes: ['admin'],
      answers: [{ status: 200, description: 'What it found.', schema: shadowReportSchema }],
      handle: async ({ context, param }) => ({ status: 200, body: await policyShadow.stop(context, param('revision')) }),
    }),
  ];
}
