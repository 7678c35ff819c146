import { createHash, timingSafeEqual } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { Registry } from 'prom-client';
import { z } from 'zod';
import { SCOPES, type Scope } from '../../../core/caller.ts';
import { AppError } from '../../../core/errors.ts';
import { ASYMMETRIC_ALGORITHMS, type DpopRule } from '../../../core/ports/identity.ts';
import { bearerToken } from '../../entrance/authenticate.ts';
import { coalesced } from '../../entrance/coalesced.ts';
import type { MetricsExposure } from '../config.ts';
import { stateOf } from '../../entrance/request-state.ts';
import type { PublicRoute } from '../route.ts';
import { readinessSchema } from '../schemas/answers.ts';
import { send } from '../../entrance/send.ts';
import type { HttpServices, PartReadiness } from '../services.ts';

export const METADATA_PATH = '/.well-known/oauth-protected-resource';

const metadataSchema = z
  .object({
    resource: z.string(),
    authorization_servers: z.array(z.string()),
    scopes_supported: z.array(z.enum(SCOPES)),
    bearer_methods_supported: z.tuple([z.literal('header')]),
    dpop_signing_alg_values_supported: z.array(z.string()).optional(),
    dpop_bound_access_tokens_required: z.boolean().optional(),
    resource_documentation: z.string(),
  })
  .meta({ id: 'ProtectedResource' });

const WHOLE_SERVICE: ProtectedResource = { path: '', operationId: 'protectedResource', scopes: SCOPES, documentation: '/docs' };

function healthRoute(): PublicRoute {
  return {
    kind: 'public',
    method: 'get',
    path: '/healthz',
    operationId: 'health',
    summary: 'Answers while the process can. Says nothing of its parts.',
    answers: [{ status: 200, description: 'Alive.', schema: z.object({ status: z.literal('ok') }).meta({ id: 'Health' }) }],
    handle: (_req, res) => send(res, { status: 200, body: { status: 'ok' } }),
  };
}

function readyRoute(services: HttpServices): PublicRoute {
  const ask = coalesced(() => services.readiness());
  return {
    kind: 'public',
    method: 'get',
    path: '/readyz',
    operationId: 'readiness',
    summary: 'Whether requests can be answered, and which part is in the way.',
    answers: [
      { status: 200, description: 'Ready.', schema: readinessSchema },
      { status: 503, description: 'Not ready.', schema: readinessSchema },
    ],
    async handle(req, res) {
      const parts: readonly PartReadiness[] = await stateOf(req).guard(ask());
      const ready = parts.every((part) => part.ready);
      send(res, { status: ready ? 200 : 503, body: { ready, parts } });
    },
  };
}

/** RFC 9728 section 2. */
function dpopMetadata(rule: DpopRule): Readonly<Record<string, unknown>> {
  if (rule === 'refused') return {};
  return { dpop_signing_alg_values_supported: ASYMMETRIC_ALGORITHMS, dpop_bound_access_tokens_required: rule === 'required' };
}

/** What of the metadata differs from one resource of this service to the next. */
export interface ProtectedResource {
  /** Below the origin; empty for the service itself. RFC 9728 section 3.1 puts it behind the well-known path. */
  readonly path: string;
  readonly operationId: string;
  readonly scopes: readonly Scope[];
  readonly documentation: string;
}

/** RFC 9728: `resource` is exactly the address that clients use, or they must not use the metadata (section 3.3). */
export function metadataRoute(services: HttpServices, publicUrl: () => string, resource: ProtectedResource): PublicRoute {
  return {
    kind: 'public',
    method: 'get',
    path: METADATA_PATH + resource.path,
    operationId: resource.operationId,
    summary: 'RFC 9728: where to get a token for this service.',
    answers: [{ status: 200, description: 'Metadata.', schema: metadataSchema }],
    handle(_req, res) {
      const body = {
        resource: publicUrl() + resource.path,
        authorization_servers: services.identity.issuers.map((issuer) => issuer.url),
        scopes_supported: resource.scopes,
        bearer_methods_supported: ['header'],
        ...dpopMetadata(services.identity.dpop),
        resource_documentation: publicUrl() + resource.documentation,
      };
      send(res, { status: 200, body });
    },
  };
}

export async function sendMetrics(res: ServerResponse, registry: Registry): Promise<void> {
  const text = await registry.metrics();
  res.writeHead(200, { 'content-type': registry.contentType, 'cache-control': 'no-store' }).end(text);
}

/** Digests first: `timingSafeEqual` needs equal lengths, and the length of the secret is one too. */
function sameSecret(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}

function metricsRoute(token: string, registry: Registry): PublicRoute {
  return {
    kind: 'public',
    method: 'get',
    path: '/metrics',
    operationId: 'metrics',
    summary: 'Prometheus metrics, for the bearer of the metrics token.',
    answers: [{ status: 200, description: 'Prometheus text.', mediaType: 'text/plain' }],
    async handle(req, res) {
      if (!sameSecret(bearerToken(req), token)) throw new AppError('invalid_token', { detail: 'not the metrics token' });
      await sendMetrics(res, registry);
    },
  };
}

export function operationRoutes(
  services: HttpServices,
  metrics: MetricsExposure,
  registry: Registry,
  publicUrl: () => string,
): readonly PublicRoute[] {
  const always = [healthRoute(), readyRoute(services), metadataRoute(services, publicUrl, WHOLE_SERVICE)];
  return metrics.kind === 'token' ? [...always, metricsRoute(metrics.token, registry)] : always;
}
