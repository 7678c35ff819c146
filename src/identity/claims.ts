import { jwtVerify, errors, type CryptoKey } from 'jose';
import type { Login } from '../core/caller.ts';
import type { IssuerConfig } from '../core/ports/identity.ts';
import { type Confirmation, confirmationOf } from './confirmation.ts';
import { invalidToken } from './failures.ts';
import { DEFAULT_MAX_TOKEN_AGE_SECONDS } from './limits.ts';
import type { Members } from './strict-json.ts';
import { FOREIGN_TYPES, refuseOtherKinds } from './token-kinds.ts';
import type { UnverifiedToken } from './token-shape.ts';

/** The last second of the year 9999: what is later is no date. */
const MAX_SECONDS = 253_402_300_799;
/** Names under which providers say which application a token was issued to. */
const CLIENT_CLAIMS = ['client_id', 'azp', 'appid', 'cid'] as const;

export interface VerifiedClaims {
  readonly claims: Members;
  readonly subject: string;
  readonly client: string;
  /** Seconds since 1970, with the age that the issuer's tokens may reach. */
  readonly expiresAt: number;
  readonly login: Login;
  readonly confirmation: Confirmation;
}

/** What can be refused before any key is needed. Fails with `invalid_token`. */
export function checkHeader(token: UnverifiedToken, config: IssuerConfig, types: ReadonlySet<string>): void {
  if (!config.algorithms.includes(token.algorithm)) throw invalidToken('an algorithm that is not allowed');
  if (!types.has(token.type) || FOREIGN_TYPES.has(token.type)) throw invalidToken('a type that is not allowed');
}

/** Signature, then claims: RFC 9068 §4 with the exceptions of the configuration. Fails with `invalid_token`; `now` in milliseconds. */
export async function verifyClaims(
  raw: string,
  token: UnverifiedToken,
  key: CryptoKey,
  config: IssuerConfig,
  now: number,
): Promise<VerifiedClaims> {
  try {
    await jwtVerify(raw, key, {
      algorithms: [...config.algorithms],
      issuer: config.url,
      ...(config.audienceCheck.kind === 'claim' ? { audience: [...config.audiences] } : {}),
      requiredClaims: ['exp', 'iat', 'sub', ...config.requiredClaims],
      clockTolerance: config.clockSkewSeconds,
      currentDate: new Date(now),
    });
  } catch (error) {
    // jose hangs the whole payload on its errors, so neither error nor cause is kept.
    throw invalidToken(error instanceof errors.JOSEError ? error.code : 'the signature could not be checked');
  }
  return checkClaims(token.claims, token.type, config, now);
}

/**
 * What a token must say, whoever vouches for it: a signature or the issuer's own answer about it. `type` is lower case, empty
 * where there is none. Fails with `invalid_token`.
 */
export function checkClaims(
  claims: Members,
  type: string,
  config: IssuerConfig,
  now: number,
  required: readonly string[] = config.requiredClaims,
): VerifiedClaims {
  if (claims.get('iss') !== config.url) throw invalidToken('another issuer');
  const subject = requiredText(claims, 'sub');
  const client = clientOf(claims, config);
  const { issuedAt, expiresAt } = checkTimes(claims, config, now);
  checkRequired(claims, required);
  checkAudience(claims, client, config);
  refuseOtherKinds(type, claims, audienceOf(claims), client);
  const confirmation = confirmationOf(claims, config.dpop ?? 'accepted');
  return { claims, client, subject, expiresAt, confirmation, login: { subject, issuedAt, session: sessionOf(claims) } };
}

/** A token that names two applications would be judged as the one and used by the other. */
function clientOf(claims: Members, config: IssuerConfig): string {
  const client = requiredText(claims, config.claims.client);
  if (CLIENT_CLAIMS.some((name) => claims.has(name) && claims.get(name) !== client)) throw invalidToken('two applications');
  return client;
}

/** Present but unusable, it could not be compared with the session that ends. */
function sessionOf(claims: Members): Login['session'] {
  return claims.has('sid') ? { kind: 'session', id: requiredText(claims, 'sid') } : { kind: 'none' };
}

export function requiredText(claims: Members, name: string): string {
  const value = claims.get(name);
  if (typeof value !== 'string' || value === '') throw invalidToken('a claim is missing or of the wrong type');
  return value;
}

/** Seconds since 1970; undefined where it is missing. Fails with `invalid_token`. */
export function seconds(claims: Members, name: string): number | undefined {
  if (!claims.has(name)) return undefined;
  const value = claims.get(name);
  if (typeof value !== 'number' || !(value > 0 && value <= MAX_SECONDS)) throw invalidToken('a date that is none');
  return value;
}

function checkTimes(claims: Members, config: IssuerConfig, now: number): { readonly issuedAt: number; readonly expiresAt: number } {
  const { clockSkewSeconds: skew, maxTokenAgeSeconds: age = DEFAULT_MAX_TOKEN_AGE_SECONDS } = config;
  const issuedAt = seconds(claims, 'iat');
  const ends = seconds(claims, 'exp');
  const begins = seconds(claims, 'nbf') ?? 0;
  if (issuedAt === undefined || ends === undefined) throw invalidToken('without its dates');
  const at = now / 1_000;
  if (issuedAt > at + skew) throw invalidToken('issued in the future');
  if (begins > at + skew) throw invalidToken('not valid yet');
  if (ends <= at - skew) throw invalidToken('expired');
  // A logout is remembered as long as a token issued before it could still be used, and no longer.
  if (issuedAt + age <= at - skew) throw invalidToken('older than tokens of this issuer may be');
  return { issuedAt, expiresAt: Math.min(ends, issuedAt + age) };
}

/** Presence alone is not enough: `"jti": null` or an empty string is as good as none. */
function checkRequired(claims: Members, names: readonly string[]): void {
  for (const name of names) {
    const value = claims.get(name);
    if (value === null || value === undefined || value === '') throw invalidToken('a required claim is empty');
  }
  if (claims.has('jti')) requiredText(claims, 'jti');
}

export function audienceOf(claims: Members): readonly string[] {
  if (!claims.has('aud')) return [];
  const value = claims.get('aud');
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  return list.map((member) => {
    if (typeof member !== 'string' || member === '') throw invalidToken('an audience of the wrong type');
    return member;
  });
}

function checkAudience(claims: Members, client: string, config: IssuerConfig): void {
  const audience = audienceOf(claims);
  const { audienceCheck } = config;
  switch (audienceCheck.kind) {
    case 'claim':
      if (!audience.some((a) => config.audiences.includes(a))) throw invalidToken('another audience');
      return;
    case 'client-id':
      if (!audienceCheck.allow.includes(client)) throw invalidToken('a client that is not allowed');
      return;
  }
}
