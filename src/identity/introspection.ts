import { circuitBreaker, ConsecutiveBreaker, handleWhen } from 'cockatiel';
import type { Clock } from '../core/ports/clock.ts';
import type { IntrospectionConfig, IssuerConfig } from '../core/ports/identity.ts';
import type { Telemetry } from '../core/ports/telemetry.ts';
import { checkClaims, type VerifiedClaims } from './claims.ts';
import { codeOf, discoverEndpoint } from './discovery.ts';
import { invalidToken, issuerUnavailable } from './failures.ts';
import type { IdentityLimits } from './limits.ts';
import type { Fetched, ProviderFetch } from './provider-fetch.ts';
import { type Members, parseStrictObject } from './strict-json.ts';

export interface Introspector {
  readonly config: IssuerConfig;
  readonly cacheMs: number;
  /**
   * What the issuer says of a token that only it can read (RFC 7662). Fails with `invalid_token` where it is not active or says
   * something that no token may, `issuer_unavailable` where there is no answer.
   */
  ask(token: string, signal: AbortSignal): Promise<VerifiedClaims>;
}

export interface IntrospectionParts {
  readonly fetcher: ProviderFetch;
  readonly limits: IdentityLimits;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly closing: AbortSignal;
}

/** True for what can be no JWS and no JWE; those are read here and shown to nobody. */
export function isOpaque(token: string): boolean {
  return token.split('.', 3).length < 3;
}

/** The request ended before its answer came, which says nothing of the provider. */
class GivenUp extends Error {}

export function createIntrospector(config: IssuerConfig, rules: IntrospectionConfig, parts: IntrospectionParts): Introspector {
  const { limits, clock, telemetry } = parts;
  // Whoever hangs up has not shown that the provider is down: strangers could lock out everybody whose token it has to be asked about.
  const breaker = circuitBreaker(
    handleWhen((error) => !(error instanceof GivenUp)),
    {
      halfOpenAfter: limits.breakerOpenMs,
      breaker: new ConsecutiveBreaker(limits.breakerFailures),
    },
  );
  const endpoint = endpointReader(config, rules, parts);
  return {
    config,
    cacheMs: rules.cacheSeconds * 1_000,
    async ask(token, signal) {
      const members = await telemetry.span('identity.introspect', { issuer: config.name }, async () => {
        try {
          return await breaker.execute(() => exchange(token, rules, parts, endpoint, signal));
        } catch (error) {
          if (error instanceof GivenUp) throw issuerUnavailable(config.name, 'the request ended while it was asked about a token');
          const reason = error instanceof Error ? error.message : 'unknown';
          telemetry.count('outbound_failures', { part: 'issuer' });
          telemetry.log.warn({ issuer: config.name, reason }, 'the provider could not be asked about a token');
          throw issuerUnavailable(config.name, 'it could not be asked about a token');
        }
      });
      if (members.get('active') !== true) throw invalidToken('not active');
      // Providers that hand out opaque tokens often use the token as its own id, and do not repeat it.
      const required = config.requiredClaims.filter((name) => name !== 'jti');
      const verified = checkClaims(members, '', config, clock.now(), required);
      checkTokenType(members, verified.confirmation.kind === 'key');
      return verified;
    },
  };
}

/** RFC 7662 §2.2: the kind of token. Refresh tokens and others that a provider knows as well are no access tokens. */
function checkTokenType(members: Members, bound: boolean): void {
  const type = members.get('token_type');
  if (typeof type !== 'string' || type.toLowerCase() !== (bound ? 'dpop' : 'bearer')) throw invalidToken('a token of another kind');
}

/** Rejects, with a fixed message, where there is no answer that could be one. */
async function exchange(
  token: string,
  { clientId, clientSecret }: IntrospectionConfig,
  { fetcher, closing }: IntrospectionParts,
  endpoint: () => Promise<URL>,
  signal: AbortSignal,
): Promise<Members> {
  const url = await endpoint();
  // RFC 6749 §2.3.1: both are form-encoded before they are joined.
  const credentials = [clientId, clientSecret].map((part) => new URLSearchParams({ p: part }).toString().slice(2)).join(':');
  const form = new URLSearchParams({ token, token_type_hint: 'access_token' });
  let answer: Fetched;
  try {
    const authorization = `Basic ${Buffer.from(credentials).toString('base64')}`;
    answer = await fetcher.post(url, form, authorization, AbortSignal.any([signal, closing]));
  } catch (error) {
    if (signal.aborted || closing.aborted) throw new GivenUp('the request ended');
    // The request holds the token and the secret, so the error is not kept.
    // oxlint-disable-next-line eslint/preserve-caught-error -- see above; only the code is kept.
    throw new Error(`no answer (${codeOf(error)})`);
  }
  if (answer.status !== 200) throw new Error(`answered with ${answer.status}`);
  if (answer.contentType.split(';')[0]?.trim().toLowerCase() !== 'application/json') throw new Error('the answer is not JSON');
  try {
    return parseStrictObject(Buffer.from(answer.body));
  } catch {
    throw new Error('the answer is not one JSON object');
  }
}

function endpointReader(config: IssuerConfig, rules: IntrospectionConfig, parts: IntrospectionParts): () => Promise<URL> {
  const { fetcher, clock, limits, closing } = parts;
  let known: { readonly url: URL; readonly at: number } | undefined;
  return async () => {
    if (rules.url !== undefined) return new URL(rules.url);
    if (known === undefined || Math.abs(clock.now() - known.at) >= limits.metadataMaxAgeMs) {
      known = { url: await discoverEndpoint(config, 'introspection_endpoint', fetcher, closing), at: clock.now() };
    }
    return known.url;
  };
}
