import { openApiDocument } from '../openapi.ts';
import type { PublicRoute, Route } from '../route.ts';
import { JSON_TYPE } from '../../entrance/send.ts';

/** Serves the contract of the given routes and of itself. Built on the first request: a start does not wait for it. */
export function openApiRoute(others: readonly Route[], version: string): PublicRoute {
  let bytes: Buffer | undefined;
  const route: PublicRoute = {
    kind: 'public',
    method: 'get',
    path: '/openapi.json',
    operationId: 'openapi',
    summary: 'This contract.',
    answers: [{ status: 200, description: 'OpenAPI 3.1.', mediaType: JSON_TYPE }],
    handle(_req, res) {
      bytes ??= Buffer.from(JSON.stringify(openApiDocument([...others, route], version)), 'utf8');
      res.writeHead(200, { 'content-type': JSON_TYPE, 'content-length': bytes.length, 'cache-control': 'no-cache' }).end(bytes);
    },
  };
  return route;
}
