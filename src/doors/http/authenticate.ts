import type { IncomingMessage } from 'node:http';
import type { Caller, Scope } from '../../core/caller.ts';
import { AppError } from '../../core/errors.ts';
import type { IdentityPort } from '../../core/ports/identity.ts';
import type { RateLimiter } from './rate-limits.ts';

const MAX_TOKEN = 16_384;
// RFC 6750 section 2.1, with the scheme in any case (RFC 9110 section 11.1).
const BEARER = /^bearer +([A-Za-z0-9\-._~+/]+=*)$/i;
const SCHEME = /^bearer(?: |$)/i;

function authorizationFields(req: IncomingMessage): number {
  let fields = 0;
  for (let i = 0; i < req.rawHeaders.length; i += 2) {
    if (req.rawHeaders[i]?.toLowerCase() === 'authorization') fields += 1;
  }
  return fields;
}

/**
 * The token of the `Authorization` field. Query and form parameters are not looked at (RFC 6750 section 5.3).
 * Two fields are refused: Node keeps the first, and a proxy in front may have checked the other.
 */
export function bearerToken(req: IncomingMessage): string {
  const value = req.headers.authorization;
  if (value === undefined || !SCHEME.test(value)) throw new AppError('missing_token');
  const token = value.length > MAX_TOKEN ? undefined : BEARER.exec(value)?.[1];
  if (token === undefined || authorizationFields(req) !== 1) throw new AppError('invalid_token', { detail: 'malformed credentials' });
  return token;
}

/**
 * Fails with `missing_token`, `invalid_token`, `rate_limited` for a refused token after too many of them, or what identity fails
 * with. A token that holds is let in whatever came from its address before: others are there too, behind one proxy or one office.
 */
export async function authenticate(
  req: IncomingMessage,
  address: string,
  identity: IdentityPort,
  limiter: RateLimiter,
  signal: AbortSignal,
): Promise<Caller> {
  const token = bearerToken(req);
  try {
    return await identity.authenticate(token, signal);
  } catch (error) {
    if (error instanceof AppError && error.code === 'invalid_token') await limiter.noteFailure(address);
    throw error;
  }
}

/** Any of the scopes will do. What the caller may do with it is policy's. */
export function requireScope(caller: Caller, scopes: readonly Scope[]): void {
  if (!scopes.some((scope) => caller.scopes.has(scope))) throw new AppError('insufficient_scope');
}
