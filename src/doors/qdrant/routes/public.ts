import type { Route } from '../route.ts';

/** The version of the protocol that is spoken, in the member by which clients decide whether they fit. */
export const SPOKEN = '1.16.3';
const TITLE = 'Sluice, speaking the REST API of Qdrant';
const TEXT = 'text/plain; charset=utf-8';

const alive: Extract<Route, { kind: 'public' }>['handle'] = () => ({ status: 200, text: 'healthz check passed', type: TEXT });

/** What Qdrant answers to whoever has no key. */
export const publicRoutes: readonly Route[] = [
  {
    kind: 'public',
    path: '/',
    handle: () => ({ status: 200, text: JSON.stringify({ title: TITLE, version: SPOKEN }) }),
  },
  { kind: 'public', path: '/healthz', handle: alive },
  { kind: 'public', path: '/livez', handle: alive },
  {
    kind: 'public',
    path: '/readyz',
    async handle(services) {
      const missing = await services.notReady();
      if (missing.length === 0) return { status: 200, text: 'all shards are ready', type: TEXT };
      return { status: 503, text: `not ready: ${missing.join(', ')}`, type: TEXT };
    },
  },
];
