import type { IncomingMessage } from 'node:http';
import type { Caller, Scope } from '../../core/caller.ts';
import { AppError, type ErrorCode } from '../../core/errors.ts';
import type { IdentityPort, Possession } from '../../core/ports/identity.ts';
import type { RateLimiter } from './rate-limits.ts';

const MAX_TOKEN = 16_384;
const REFUSED: ReadonlySet<ErrorCode> = new Set(['invalid_token', 'invalid_dpop_proof']);
// RFC 6750 section 2.1, with the scheme in any case (RFC 9110 section 11.1).
const BEARER = /^bearer +([A-Za-z0-9\-._~+/]+=*)$/i;
const SCHEME = /^bearer(?: |$)/i;

// RFC 9449 section 7.1.
const DPOP = /^dpop +([A-Za-z0-9\-._~+/]+=*)$/i;
const DPOP_SCHEME = /^dpop(?: |$)/i;

/** The values of a field as they came; Node keeps the first of some and joins others. */
function fields(req: IncomingMessage, name: string): readonly string[] {
  const values: string[] = [];
  for (let i = 0; i < req.rawHeaders.length; i += 2) {
    if (req.rawHeaders[i]?.toLowerCase() === name) values.push(req.rawHeaders[i + 1] ?? '');
  }
  return values;
}

/** Which scheme a request tried; `Bearer` where it tried none. */
export function schemeOf(req: IncomingMessage): 'Bearer' | 'DPoP' {
  return DPOP_SCHEME.test(req.headers.authorization ?? '') ? 'DPoP' : 'Bearer';
}

/**
 * The token of the `Authorization` field. Query and form parameters are not looked at (RFC 6750 section 5.3).
 * Two fields are refused: Node keeps the first, and a proxy in front may have checked the other.
 */
export function bearerToken(req: IncomingMessage): string {
  const value = req.headers.authorization;
  if (value === undefined || !SCHEME.test(value)) throw new AppError('missing_token');
  const token = value.length > MAX_TOKEN ? undefined : BEARER.exec(value)?.[1];
  if (token === undefined || fields(req, 'authorization').length !== 1)
    throw new AppError('invalid_token', { detail: 'malformed credentials' });
  return token;
}

export interface Credentials {
  readonly token: string;
  readonly possession?: Possession;
}

/** A token with one proof for it, under the same rules. Two proofs are refused: another part might check the other one. */
export function credentialsOf(req: IncomingMessage, publicUrl: string): Credentials {
  if (schemeOf(req) === 'Bearer') return { token: bearerToken(req) };
  const value = req.headers.authorization ?? '';
  const token = value.length > MAX_TOKEN ? undefined : DPOP.exec(value)?.[1];
  if (token === undefined || fields(req, 'authorization').length !== 1)
    throw new AppError('invalid_token', { detail: 'malformed credentials' });
  const [proof, ...others] = fields(req, 'dpop');
  if (proof === undefined || others.length > 0) throw new AppError('invalid_dpop_proof', { detail: 'not one DPoP field' });
  const [path = ''] = (req.url ?? '').split(/[?#]/, 1);
  return { token, possession: { proof, method: req.method ?? '', url: publicUrl + path } };
}

/**
 * Fails with `missing_token`, `invalid_token`, `invalid_dpop_proof`, `rate_limited` for a refused token after too many of them or a bound one over its limit, or what identity fails
 * with. A token that holds is let in whatever came from its address before: others are there too, behind one proxy or one office.
 */
export async function authenticate(
  req: IncomingMessage,
  { address, publicUrl }: { readonly address: string; readonly publicUrl: string },
  identity: IdentityPort,
  limiter: RateLimiter,
  signal: AbortSignal,
): Promise<Caller> {
  const credentials = credentialsOf(req, publicUrl);
  return countingFailures(limiter, address, verified(credentials, identity, limiter, signal));
}

/**
 * What a static key of an application begins with. No token of ours does, and one that stands where a token belongs is refused at every
 * door before a provider is asked about it: that would tell the key to somebody else.
 */
export const STATIC_KEY = 'slk_';

/** The caller of a token, wherever it stood in the request. */
export async function verified(
  { token, possession }: Credentials,
  identity: IdentityPort,
  limiter: RateLimiter,
  signal: AbortSignal,
): Promise<Caller> {
  if (token.startsWith(STATIC_KEY)) throw new AppError('invalid_token', { detail: 'a static key where a token belongs' });
  const admit = (caller: Caller): Promise<void> => limiter.demandRoom(caller);
  return identity.authenticate(token, signal, possession === undefined ? undefined : { ...possession, admit });
}

/** Counts against the address what is refused for its token. Fails with `rate_limited` where there was too much of it. */
export async function countingFailures(limiter: RateLimiter, address: string, caller: Promise<Caller>): Promise<Caller> {
  try {
    return await caller;
  } catch (error) {
    if (error instanceof AppError && REFUSED.has(error.code)) await limiter.noteFailure(address);
    throw error;
  }
}

/** Any of the scopes will do. What the caller may do with it is policy's. */
export function requireScope(caller: Caller, scopes: readonly Scope[]): void {
  if (!scopes.some((scope) => caller.scopes.has(scope))) throw new AppError('insufficient_scope');
}
