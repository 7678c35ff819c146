import type { Caller } from '../caller.ts';
import type { TenantId } from '../ids.ts';

export interface IssuerSummary {
  /** Short name, the `<issuer>` of principals. */
  readonly name: string;
  readonly url: string;
  /** `none`: its tokens name no groups, so nobody is ever in one of them. `directory`: Sluice holds its users and groups. */
  readonly groups: 'claim' | 'none' | 'directory';
  /** The tenants it may assert. */
  readonly tenants: readonly string[];
  /** Where Sluice holds its directory: what of an entry is the id in its principal. */
  readonly directory?: DirectorySubjects;
}

/** Which attribute names an entry of the directory in principals: `user:<issuer>|<…>`, `group:<issuer>|<…>`. `id` is Sluice's own. */
export interface DirectorySubjects {
  readonly user: 'externalId' | 'userName' | 'id';
  readonly group: 'externalId' | 'displayName' | 'id';
}

export interface IdentityPort {
  /**
   * Verifies an access token and resolves its caller. `possession` where it was sent as `DPoP`, absent where as `Bearer`: a
   * bound token is never let in without its proof, however well it is known already.
   * Fails with `invalid_token`, `invalid_dpop_proof`, `groups_incomplete`, `issuer_unavailable` or, where used proofs cannot be
   * looked up, `catalog_unavailable`; never with anything that quotes the token.
   */
  authenticate(token: string, signal: AbortSignal, possession?: Possession): Promise<Caller>;
  /** Whether any issuer's tokens may (`accepted`) or all issuers' tokens must (`required`) be bound to a key. */
  readonly dpop: DpopRule;
  readonly issuers: readonly IssuerSummary[];
  /** Ready when every issuer's keys have been read at least once. Says which are not, by short name. */
  notReady(): readonly string[];
}

export type DpopRule = 'required' | 'accepted' | 'refused';

/** What came with a token that was sent as `DPoP` (RFC 9449 §7.1). */
export interface Possession {
  /** The one `DPoP` field. */
  readonly proof: string;
  readonly method: string;
  /** Of the request, as callers address this service; without query and fragment. Never from a header of the request. */
  readonly url: string;
  /** Asked once the proof holds and before its use is written down. What it fails with is what `authenticate` fails with. */
  readonly admit?: (caller: Caller) => Promise<void>;
}

/** Remembers what may be used once, on all replicas and over a restart. */
export interface OnceGuard {
  /** True for the first who asks with this key, until `until` (seconds since 1970). `key` is a digest. */
  useOnce(key: string, until: number): Promise<boolean>;
}

/** A logout token that holds (OpenID Connect Back-Channel Logout 1.0 §2.6), but for whether it was used before. */
export interface VerifiedLogout {
  /** Short name. */
  readonly issuer: string;
  /** `session` where one login ended; `person` where all of them did. */
  readonly ends:
    | { readonly kind: 'person'; readonly subject: string }
    | { readonly kind: 'session'; readonly session: string; readonly subject?: string };
  /** Seconds since 1970, on the issuer's clock. */
  readonly issuedAt: number;
  /** Digest of issuer and `jti`. */
  readonly tokenKey: string;
  /** How long tokens of this issuer are accepted after their `iat`, the skew of clocks included: as long it must be remembered. */
  readonly keepSeconds: number;
  /** Those that the issuer may assert. */
  readonly tenants: readonly TenantId[];
}

export interface LogoutVerifier {
  /** Fails with `invalid_logout_token` or `issuer_unavailable`. */
  verifyLogout(token: string, signal: AbortSignal): Promise<VerifiedLogout>;
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
  /** Longest age of a token by its `iat`; an older one is refused, since logouts are remembered no longer. A day where absent. */
  readonly maxTokenAgeSeconds?: number;
  /** Tokens bound to a key of the client (RFC 9449). `accepted` where absent. */
  readonly dpop?: DpopRule;
  /** Asks the provider about tokens that are no JWT (RFC 7662). At most one issuer may have it. */
  readonly introspection?: IntrospectionConfig;
  /** Takes logout tokens of this issuer (OpenID Connect Back-Channel Logout 1.0). */
  readonly logout?: { readonly audiences: readonly string[]; readonly types: readonly string[] };
  /** A client's own token is told by `claim` being `prefix` and the client's name (Keycloak: `preferred_username`, `service-account-`). */
  readonly serviceAccounts?: { readonly claim: string; readonly prefix: string };
  /** `token` where absent: groups are known from tokens alone. `authoritative`: Sluice holds users and groups; tokens are not asked. */
  readonly directory?: { readonly kind: 'token' } | { readonly kind: 'authoritative'; readonly subjects: DirectorySubjects };
  /** Asks the provider for the groups of a person where the token says that it left them out. */
  readonly lookup?: GroupLookupConfig;
  /** Plain http beyond loopback, for this issuer alone. Only where SLUICE_DANGEROUSLY_ALLOW_HTTP_ISSUER allowed it. */
  readonly plainHttp?: true;
}

export interface IntrospectionConfig {
  /** `introspection_endpoint` of the metadata where absent. */
  readonly url?: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** How long an answer holds, and so how long a token may be used after the provider revoked it. 0 asks every time. */
  readonly cacheSeconds: number;
}

/** `getMemberGroups` of Microsoft Graph, with a token of the application's own (client credentials). */
export interface GroupLookupConfig {
  readonly kind: 'graph';
  /** Such as `https://graph.microsoft.com/v1.0`. */
  readonly url: string;
  readonly tokenUrl: string;
  readonly scope: string;
  readonly clientId: string;
  /** Never shown, never logged. */
  readonly clientSecret: string;
  /** The claim that holds the person's id at the provider. */
  readonly claim: string;
  readonly securityEnabledOnly: boolean;
  /** How long an answer holds, and so how long somebody taken out of a group keeps it. */
  readonly cacheSeconds: number;
}
