import { ok } from '../envelope.ts';
import { paramOf, type Route } from '../route.ts';

/** What can be known of collections without their points. Nobody has aliases here. */
export const collectionRoutes: readonly Route[] = [
  {
    kind: 'call',
    method: 'GET',
    path: '/collections',
    scope: 'retrieve',
    body: false,
    async handle({ services, context, startedAt }) {
      const visible = await services.reader.collections(context);
      return ok(JSON.stringify({ collections: visible.map(({ name }) => ({ name })) }), startedAt);
    },
  },
  {
    kind: 'call',
    method: 'GET',
    path: '/collections/:collection/exists',
    scope: 'retrieve',
    body: false,
    async handle(call) {
      const visible = await call.services.reader.collection(call.context, paramOf(call, 'collection'));
      return ok(JSON.stringify({ exists: visible !== undefined }), call.startedAt);
    },
  },
  ...['/aliases', '/collections/:collection/aliases'].map((path): Route => ({
    kind: 'call',
    method: 'GET',
    path,
    scope: 'retrieve',
    body: false,
    handle: async ({ startedAt }) => ok('{"aliases":[]}', startedAt),
  })),
];
