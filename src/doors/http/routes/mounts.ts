import { z } from 'zod';
import type { Mount } from '../../entrance/mount.ts';
import { JSON_TYPE } from '../../entrance/send.ts';
import { callRoute, type Route } from '../route.ts';
import type { HttpServices } from '../services.ts';
import { metadataRoute } from './operations.ts';

/** The routes of what is mounted: its one path, and the metadata that says where to get a token for it. */
export function mountRoutes(mounts: readonly Mount[], services: HttpServices, publicUrl: () => string): readonly Route[] {
  return mounts.flatMap((mount) => [mountRoute(mount), metadataRoute(services, publicUrl, resourceOf(mount))]);
}

function resourceOf({ path, operationId, scope, documentation }: Mount): Parameters<typeof metadataRoute>[2] {
  return { path, operationId: `${operationId}Resource`, scopes: [scope], documentation };
}

function mountRoute(mount: Mount): Route {
  const { path, operationId, summary, scope, bytes } = mount;
  return callRoute({
    method: 'post',
    path,
    operationId,
    summary,
    scopes: [scope],
    dialect: { types: [JSON_TYPE], problem: (error) => mount.refusal(error) },
    body: { schema: z.unknown(), bytes },
    answers: [
      { status: 200, description: 'An answer of the protocol.', mediaType: JSON_TYPE },
      { status: 202, description: 'A message that has no answer was taken.' },
    ],
    handle: ({ caller, context, traceId, body, header }) =>
      mount.post({ caller, requestId: context.requestId, traceId, signal: context.signal, body, header }),
  });
}
