import { invalidToken } from './failures.ts';
import type { Members } from './strict-json.ts';

/**
 * Types of JWTs that are never access tokens, whatever a configuration allows (RFC 8725 §3.11, §3.12): proofs (RFC 9449), logout
 * and other security events (RFC 8417), answers of introspection (RFC 9701).
 */
export const FOREIGN_TYPES: ReadonlySet<string> = new Set([
  'dpop+jwt',
  'logout+jwt',
  'secevent+jwt',
  'token-introspection+jwt',
  'client-authentication+jwt',
  'oauth-authz-req+jwt',
  'id_token+jwt',
]);

/** Only ID tokens carry the first four (OpenID Connect Core §2, §3.3.2.11); the others are of events, proofs and introspection. */
const FOREIGN_CLAIMS = ['nonce', 'at_hash', 'c_hash', 's_hash', 'events', 'htm', 'htu', 'ath', 'token_introspection'] as const;

/**
 * Refuses what was signed for another use. An ID token taken for an access token would let any application that a person ever
 * signed in to read as them (RFC 9068 §5). `at+jwt` alone settles most of it; where another type is allowed, the marks do.
 * Fails with `invalid_token`.
 */
export function refuseOtherKinds(type: string, claims: Members, audience: readonly string[], client: string): void {
  if (FOREIGN_CLAIMS.some((name) => claims.has(name))) throw invalidToken('a token of another kind');
  if (type === 'at+jwt') return;
  const forItsClient = audience.length > 0 && audience.every((one) => one === client);
  const use = claims.get('token_use') ?? 'access'; // Cognito
  const kind = claims.get('typ') ?? 'Bearer'; // Keycloak
  if (forItsClient || use !== 'access' || (kind !== 'Bearer' && kind !== 'DPoP')) throw invalidToken('an ID token');
}
