import type { HttpDoorConfig } from '../config.ts';
import { callRoute, type CallRoute } from '../route.ts';
import { addedKeySchema, applicationKeysSchema, newKeySchema } from '../schemas/application-keys.ts';
import { pageSchema } from '../schemas/common.ts';
import type { HttpServices } from '../services.ts';

const PATH = '/v1/application-keys';
const DEFAULT_PAGE = 100;

export function applicationKeyRoutes({ applicationKeys }: HttpServices, config: HttpDoorConfig): readonly CallRoute[] {
  return [
    callRoute({
      method: 'get',
      path: PATH,
      operationId: 'listApplicationKeys',
      summary: 'Static keys of applications, without the keys themselves.',
      scopes: ['admin'],
      query: pageSchema,
      answers: [{ status: 200, description: 'A page; without `next` it was the last.', schema: applicationKeysSchema }],
      handle: async ({ context, query: { after, limit } }) => ({
        status: 200,
        body: await applicationKeys.list(context, after, limit === undefined ? DEFAULT_PAGE : Number(limit)),
      }),
    }),
    callRoute({
      method: 'post',
      path: PATH,
      operationId: 'addApplicationKey',
      summary: 'Make a static key for an application whose tools can send nothing else. It stands for no person.',
      scopes: ['admin'],
      body: { schema: newKeySchema, bytes: config.limits.requestBytes },
      answers: [{ status: 201, description: 'Made; the key is told here alone.', schema: addedKeySchema }],
      handle: async ({ context, body }) => ({ status: 201, body: await applicationKeys.add(context, body) }),
    }),
    callRoute({
      method: 'delete',
      path: `${PATH}/{id}`,
      operationId: 'revokeApplicationKey',
      summary: 'Revoke a key for every request from now on.',
      scopes: ['admin'],
      answers: [{ status: 204, description: 'Revoked.' }],
      async handle({ context, param }) {
        await applicationKeys.revoke(context, param('id'));
        return { status: 204 };
      },
    }),
  ];
}
