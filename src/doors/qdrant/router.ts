import findMyWay, { type HTTPMethod } from 'find-my-way';
import type { Found } from './pipeline.ts';
import type { Route } from './route.ts';
import { publicRoutes } from './routes/public.ts';
import { collectionRoutes } from './routes/collections.ts';
import { readRoutes } from './routes/reads.ts';
import { refusedRoutes } from './routes/refused.ts';
import { writeRoutes } from './routes/writes.ts';

/** Qdrant takes collection names of 255 characters; each may be spelt in three times as many. */
const MAX_PART = 1_024;

/** All routes of the door. */
export function allRoutes(): readonly Route[] {
  return [...publicRoutes, ...collectionRoutes, ...readRoutes, ...writeRoutes, ...refusedRoutes];
}

function methodsOf(route: Route): readonly HTTPMethod[] {
  switch (route.kind) {
    case 'public':
      return ['GET', 'HEAD'];
    case 'call':
      return [route.method];
    case 'refused':
      return route.methods;
  }
}

/** The route of a request; undefined where there is none, or its path cannot be decoded. Slashes count as Qdrant counts them. */
export function createRouter(): (method: string, url: string) => Found | undefined {
  const router = findMyWay({
    ignoreTrailingSlash: true,
    ignoreDuplicateSlashes: true,
    caseSensitive: true,
    maxParamLength: MAX_PART,
    querystringParser: () => '',
  });
  const handler = (): void => undefined;
  for (const route of allRoutes()) for (const method of methodsOf(route)) router.on(method, route.path, handler, route);
  return (method, url) => {
    const found = router.find(method as HTTPMethod, url);
    const route = found?.store as Route | undefined;
    return found === null || route === undefined ? undefined : { route, params: found.params };
  };
}
