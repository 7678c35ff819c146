import { jwtVerify, errors, type CryptoKey } from 'jose';
import type { IssuerConfig } from '../core/ports/identity.ts';
import { invalidToken } from './failures.ts';
import type { Members } from './strict-json.ts';
import type { UnverifiedToken } from './token-shape.ts';

/** The last second of the year 9999: what is later is no date. */
const MAX_SECONDS = 253_402_300_799;
/** Only ID tokens carry these (OpenID Connect Core §2, §3.3.2.11). */
const ID_TOKEN_CLAIMS = ['nonce', 'at_hash', 'c_hash', 's_hash'] as const;

export interface VerifiedClaims {
  readonly claims: Members;
  readonly subject: string;
  readonly client: string;
  /** Seconds since 1970. */
  readonly expiresAt: number;
}

/** What can be refused before any key is needed. Fails with `invalid_token`. */
export function checkHeader(token: UnverifiedToken, config: IssuerConfig, types: ReadonlySet<string>): void {
  if (!config.algorithms.includes(token.algorithm)) throw invalidToken('an algorithm that is not allowed');
  if (!types.has(token.type)) throw invalidToken('a type that is not allowed');
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
      requiredClaims: ['exp', 'sub', ...config.requiredClaims],
      clockTolerance: config.clockSkewSeconds,
      currentDate: new Date(now),
    });
  } catch (error) {
    // jose hangs the whole payload on its errors, so neither error nor cause is kept.
    throw invalidToken(error instanceof errors.JOSEError ? error.code : 'the signature could not be checked');
  }
  const { claims } = token;
  const client = requiredText(claims, config.claims.client);
  checkTimes(claims, config.clockSkewSeconds, now);
  checkRequired(claims, config.requiredClaims);
  checkAudience(claims, client, config);
  refuseIdToken(token, client);
  return { claims, client, subject: requiredText(claims, 'sub'), expiresAt: seconds(claims, 'exp') ?? 0 };
}

export function requiredText(claims: Members, name: string): string {
  const value = claims.get(name);
  if (typeof value !== 'string' || value === '') throw invalidToken('a claim is missing or of the wrong type');
  return value;
}

function seconds(claims: Members, name: string): number | undefined {
  if (!claims.has(name)) return undefined;
  const value = claims.get(name);
  if (typeof value !== 'number' || !(value > 0 && value <= MAX_SECONDS)) throw invalidToken('a date that is none');
  return value;
}

function checkTimes(claims: Members, skew: number, now: number): void {
  const issued = seconds(claims, 'iat');
  seconds(claims, 'nbf');
  if (issued !== undefined && issued > now / 1_000 + skew) throw invalidToken('issued in the future');
}

/** Presence alone is not enough: `"jti": null` or an empty string is as good as none. */
function checkRequired(claims: Members, names: readonly string[]): void {
  for (const name of names) {
    const value = claims.get(name);
    if (value === null || value === undefined || value === '') throw invalidToken('a required claim is empty');
  }
  if (claims.has('jti')) requiredText(claims, 'jti');
}

function audienceOf(claims: Members): readonly string[] {
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

/**
 * An ID token tells an application who signed in; taken for an access token it would let any application that a person
 * ever signed in to read as them (RFC 9068 §5). `at+jwt` alone settles it; where another type is allowed, the marks do.
 */
function refuseIdToken(token: UnverifiedToken, client: string): void {
  const { claims } = token;
  if (ID_TOKEN_CLAIMS.some((name) => claims.has(name))) throw invalidToken('an ID token');
  if (token.type === 'at+jwt') return;
  const audience = audienceOf(claims);
  const forItsClient = audience.length > 0 && audience.every((a) => a === client);
  const use = claims.get('token_use') ?? 'access'; // Cognito
  const type = claims.get('typ') ?? 'Bearer'; // Keycloak
  if (forItsClient || use !== 'access' || type !== 'Bearer') throw invalidToken('an ID token');
}
