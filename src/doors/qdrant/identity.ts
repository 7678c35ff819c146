import type { IncomingMessage } from 'node:http';
import type { Caller } from '../../core/caller.ts';
import { AppError } from '../../core/errors.ts';
import { countingFailures, credentialsOf, STATIC_KEY, verified, type Credentials } from '../entrance/authenticate.ts';
import type { RateLimiter } from '../entrance/rate-limits.ts';
import type { QdrantServices } from './services.ts';

const MAX_KEY = 16_384;
// A token stands here under the same rules as in the field that is made for it (RFC 6750 section 2.1).
const TOKEN = /^[A-Za-z0-9\-._~+/]+=*$/;

export interface IdentityParts {
  readonly services: Pick<QdrantServices, 'identity' | 'applicationKeys'>;
  readonly limiter: RateLimiter;
  /** Where clients reach this door. */
  publicUrl(): string;
  /** Whom a refused key or token is counted against. */
  addressOf(req: IncomingMessage): string;
}

interface Sent {
  readonly key: string | undefined;
  readonly credentials: Credentials | undefined;
}

function malformed(detail: string): AppError {
  return new AppError('invalid_token', { detail });
}

/** One pass over the fields. Two of a kind are refused: Node keeps one, and a proxy in front may have checked the other. */
function sentWith(req: IncomingMessage, publicUrl: () => string): Sent {
  const { rawHeaders } = req;
  let key: string | undefined;
  let authorization = false;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? '';
    if (name.length === 7 && name.toLowerCase() === 'api-key') {
      if (key !== undefined) throw malformed('two api-key fields');
      key = rawHeaders[i + 1] ?? '';
    } else if (name.length === 13 && name.toLowerCase() === 'authorization') {
      if (authorization) throw malformed('two authorization fields');
      authorization = true;
    }
  }
  return { key, credentials: authorization ? credentialsOf(req, publicUrl()) : undefined };
}

/**
 * Who asks: `api-key` names the application, by a static key or a token, and `Authorization` the user. Each alone is its caller. With
 * both, tenant and client of the two have to be equal, and the caller is the user's with what both allow. Fails with `missing_token`,
 * `invalid_token`, `invalid_dpop_proof`, `rate_limited`, or what identity and keys fail with.
 */
export async function callerOf(parts: IdentityParts, req: IncomingMessage, signal: AbortSignal): Promise<Caller> {
  const { key, credentials } = sentWith(req, parts.publicUrl);
  if (key === undefined && credentials === undefined) throw new AppError('missing_token');
  return countingFailures(parts.limiter, parts.addressOf(req), callerFrom(parts, key, credentials, signal));
}

async function callerFrom(
  parts: IdentityParts,
  key: string | undefined,
  credentials: Credentials | undefined,
  signal: AbortSignal,
): Promise<Caller> {
  const { services, limiter } = parts;
  if (credentials === undefined) return applicationOf(parts, key ?? '', signal);
  // The same token twice says nothing more than once; a proof of possession, where one is needed, came with this one.
  if (key === undefined || key === credentials.token) return verified(credentials, services.identity, limiter, signal);
  const application = await applicationOf(parts, key, signal);
  return joined(application, await verified(credentials, services.identity, limiter, signal));
}

async function applicationOf({ services, limiter }: IdentityParts, key: string, signal: AbortSignal): Promise<Caller> {
  if (key.length > MAX_KEY || !TOKEN.test(key)) throw malformed('malformed api-key');
  if (!key.startsWith(STATIC_KEY)) return verified({ token: key }, services.identity, limiter, signal);
  const application = await services.applicationKeys.authenticate(key);
  if (application === undefined) throw malformed('unknown key');
  return application;
}

/**
 * The user through the application that the key names. A key that stands for a person, or for somebody acting for one, would make two
 * people of one request: nobody has the rights of both.
 */
function joined(application: Caller, user: Caller): Caller {
  if (application.tenant !== user.tenant || application.client !== user.client)
    throw malformed('made for another application than the key');
  if (application.user.kind !== 'none' || application.actor.kind !== 'none') throw malformed('a key of a person beside another token');
  const scopes = new Set([...user.scopes].filter((scope) => application.scopes.has(scope)));
  return { ...user, scopes, expiresAt: Math.min(user.expiresAt, application.expiresAt) };
}
