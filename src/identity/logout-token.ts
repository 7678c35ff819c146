import { errors, jwtVerify } from 'jose';
import { sha256Hex } from '../core/digest.ts';
import { AppError } from '../core/errors.ts';
import { parseTenantId } from '../core/ids.ts';
import type { IssuerConfig, VerifiedLogout } from '../core/ports/identity.ts';
import { audienceOf, requiredText, seconds } from './claims.ts';
import { invalidLogoutToken, invalidToken } from './failures.ts';
import type { Issuer } from './issuer.ts';
import { DEFAULT_MAX_TOKEN_AGE_SECONDS, LOGOUT_AGE_SECONDS } from './limits.ts';
import { isObject, type Members, membersOf } from './strict-json.ts';
import { takeApart, type UnverifiedToken } from './token-shape.ts';

const EVENT = 'http://schemas.openid.net/event/backchannel-logout';
const MAX_SESSION_LENGTH = 512;

export interface LogoutParts {
  readonly byUrl: ReadonlyMap<string, Issuer>;
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly signal: AbortSignal;
}

/** The checks of Back-Channel Logout 1.0 §2.6 but for the reuse of `jti`. Fails with `invalid_logout_token` or `issuer_unavailable`. */
export async function verifyLogoutToken(token: string, parts: LogoutParts): Promise<VerifiedLogout> {
  try {
    return await verify(token, parts);
  } catch (error) {
    if (error instanceof AppError && error.code === 'invalid_token') throw invalidLogoutToken(error.message);
    throw error;
  }
}

async function verify(token: string, { byUrl, now, signal }: LogoutParts): Promise<VerifiedLogout> {
  const unverified = takeApart(token);
  const named = unverified.claims.get('iss');
  const issuer = typeof named === 'string' ? byUrl.get(named) : undefined;
  const rules = issuer?.config.logout;
  if (issuer === undefined || rules === undefined) throw invalidToken('an issuer that sends no logouts here');
  const { config } = issuer;
  if (!rules.types.includes(unverified.type)) throw invalidToken('a type that is not allowed');
  if (!config.algorithms.includes(unverified.algorithm)) throw invalidToken('an algorithm that is not allowed');
  const { key } = await issuer.keys.find(unverified.keyId, unverified.algorithm, signal);
  try {
    await jwtVerify(token, key, {
      algorithms: [...config.algorithms],
      issuer: config.url,
      requiredClaims: ['iss', 'aud', 'iat', 'exp', 'jti', 'events'],
      clockTolerance: config.clockSkewSeconds,
      currentDate: new Date(now),
    });
  } catch (error) {
    throw invalidToken(error instanceof errors.JOSEError ? error.code : 'the signature could not be checked');
  }
  return readLogout(unverified, config, rules.audiences, now);
}

function readLogout({ claims }: UnverifiedToken, config: IssuerConfig, audiences: readonly string[], now: number): VerifiedLogout {
  if (!audienceOf(claims).some((one) => audiences.includes(one))) throw invalidToken('another audience');
  // An ID token with an event claim planted into it (§2.4).
  if (claims.has('nonce')) throw invalidToken('a nonce');
  const events = claims.get('events');
  const event = isObject(events) ? membersOf(events).get(EVENT) : undefined;
  if (!isObject(event)) throw invalidToken('no logout event');
  const { clockSkewSeconds: skew, maxTokenAgeSeconds: age = DEFAULT_MAX_TOKEN_AGE_SECONDS } = config;
  const issuedAt = seconds(claims, 'iat') ?? 0;
  const at = now / 1_000;
  if (issuedAt > at + skew || issuedAt < at - skew - LOGOUT_AGE_SECONDS) throw invalidToken('too old, or of the future');
  const named = config.tenants.kind === 'fixed' ? [config.tenants.tenant] : config.tenants.allow;
  return {
    issuer: config.name,
    ends: endsOf(claims),
    issuedAt,
    tokenKey: sha256Hex(`logout\n${config.url}\n${requiredText(claims, 'jti')}`),
    keepSeconds: age + 2 * skew,
    tenants: named.flatMap((name) => parseTenantId(name) ?? []),
  };
}

function endsOf(claims: Members): VerifiedLogout['ends'] {
  const subject = claims.has('sub') ? requiredText(claims, 'sub') : undefined;
  const session = claims.has('sid') ? requiredText(claims, 'sid') : undefined;
  if (session !== undefined) {
    if (session.length > MAX_SESSION_LENGTH) throw invalidToken('a session longer than the limit');
    return { kind: 'session', session, ...(subject === undefined ? {} : { subject }) };
  }
  if (subject === undefined) throw invalidToken('nobody who is logged out');
  return { kind: 'person', subject };
}
