import type { Caller } from '../caller.ts';

export interface IssuerSummary {
  /** Short name, the `<issuer>` of principals. */
  readonly name: string;
  readonly url: string;
  /** `none`: its tokens name no groups, so nobody is ever in one of them. */
  readonly groups: 'claim' | 'none';
}

export interface IdentityPort {
  /**
   * Verifies an access token and resolves its caller.
   * Fails with `invalid_token`, `groups_incomplete` or `issuer_unavailable`; never with anything that quotes the token.
   */
  authenticate(token: string, signal: AbortSignal): Promise<Caller>;
  readonly issuers: readonly IssuerSummary[];
  /** Ready when every issuer's keys have been read at least once. Says which are not, by short name. */
  notReady(): readonly string[];
}

/** JWS algorithms that an issuer may be allowed. Asymmetric only: with a symmetric one a public key becomes the secret (RFC 8725 §2.1). */
export const ASYMMETRIC_ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
] as const;
export type AsymmetricAlgorithm = (typeof ASYMMETRIC_ALGORITHMS)[number];

export function isAsymmetricAlgorithm(name: string): name is AsymmetricAlgorithm {
  return ASYMMETRIC_ALGORITHMS.some((one) => one === name);
}

/** How one OpenID provider is trusted. Every exception to RFC 9068 is spelt out here. */
export interface IssuerConfig {
  /** Short name used in principals: lower-case letters, digits, hyphens, at most 31 characters. */
  readonly name: string;
  /** Issuer identifier, exactly as in `iss`. https, or http on loopback. */
  readonly url: string;
  /** Accepted `aud`, at least one. */
  readonly audiences: readonly string[];
  /** Of `ASYMMETRIC_ALGORITHMS`. */
  readonly algorithms: readonly string[];
  /**
   * Accepted `typ` headers, compared case-insensitively with any `application/` taken off. `at+jwt` unless excepted;
   * an empty string accepts a token without the header (Cognito).
   */
  readonly types: readonly string[];
  /** `claim`: `aud` is checked. `client-id`: the provider puts none into access tokens (Cognito), so `client_id` must be in the list. */
  readonly audienceCheck: { readonly kind: 'claim' } | { readonly kind: 'client-id'; readonly allow: readonly string[] };
  /** The tenants it may assert. */
  readonly tenants:
    | { readonly kind: 'fixed'; readonly tenant: string }
    | { readonly kind: 'claim'; readonly claim: string; readonly allow: readonly string[] };
  /** Top-level claim names. `groups: 'none'` where the provider puts no groups into tokens and none are wanted. */
  readonly claims: {
    readonly client: 'client_id' | 'azp' | 'appid' | 'cid';
    readonly groups: { readonly kind: 'none' } | { readonly kind: 'claim'; readonly claim: string; readonly maximum?: number };
    /** People whose `claim` has one of `members` are not guests; everybody else is. `none`: everybody counts as guest. */
    readonly guest: { readonly kind: 'none' } | { readonly kind: 'claim'; readonly claim: string; readonly members: readonly string[] };
    /** Where scopes are: a space-separated string or an array. */
    readonly scope: string;
    /** Taken off the front of each scope value, such as `sluice:`. */
    readonly scopePrefix: string;
  };
  readonly clockSkewSeconds: number;
  /** Claims a token must carry, beyond `iss` and `exp`, which are always required. */
  readonly requiredClaims: readonly string[];
  /** Plain http beyond loopback, for this issuer alone. Only where SLUICE_DANGEROUSLY_ALLOW_HTTP_ISSUER allowed it. */
  readonly plainHttp?: true;
}
