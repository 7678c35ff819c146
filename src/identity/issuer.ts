import type { Clock } from '../core/ports/clock.ts';
import type { IssuerConfig } from '../core/ports/identity.ts';
import type { Telemetry } from '../core/ports/telemetry.ts';
import { codeOf, discoverEndpoint } from './discovery.ts';
import { parseKeySet, type VerificationKey } from './key-set.ts';
import { createKeyStore, type KeyStore } from './key-store.ts';
import type { IdentityLimits } from './limits.ts';
import type { ProviderFetch } from './provider-fetch.ts';
import { normaliseType } from './token-shape.ts';

/** One configured provider with the keys it publishes. */
export interface Issuer {
  readonly config: IssuerConfig;
  readonly types: ReadonlySet<string>;
  readonly keys: KeyStore;
}

export interface IssuerParts {
  readonly fetcher: ProviderFetch;
  readonly limits: IdentityLimits;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** Ends reads in flight when the service stops. */
  readonly closing: AbortSignal;
}

export function createIssuer(config: IssuerConfig, parts: IssuerParts): Issuer {
  const readKeys = keyReader(config, parts);
  return {
    config,
    types: new Set(config.types.map(normaliseType)),
    keys: createKeyStore({ issuer: config.name, readKeys, limits: parts.limits, clock: parts.clock, telemetry: parts.telemetry }),
  };
}

/** Metadata is read again when it is old, and after keys could not be read from where it pointed. */
function keyReader(config: IssuerConfig, parts: IssuerParts): () => Promise<readonly VerificationKey[]> {
  const { fetcher, clock, closing, limits } = parts;
  let known: { readonly url: URL; readonly at: number } | undefined;
  return async () => {
    if (known === undefined || Math.abs(clock.now() - known.at) >= limits.metadataMaxAgeMs) {
      known = { url: await discoverEndpoint(config, 'jwks_uri', fetcher, closing), at: clock.now() };
    }
    try {
      return await fetchKeys(known.url, fetcher, closing);
    } catch (error) {
      known = undefined;
      throw error;
    }
  };
}

async function fetchKeys(url: URL, fetcher: ProviderFetch, signal: AbortSignal): Promise<readonly VerificationKey[]> {
  let answer;
  try {
    answer = await fetcher.get(url, signal);
  } catch (error) {
    throw new Error(`the key set could not be fetched (${codeOf(error)})`, { cause: error });
  }
  if (answer.status !== 200) throw new Error(`the key set was answered with ${answer.status}`);
  return parseKeySet(answer.body);
}
