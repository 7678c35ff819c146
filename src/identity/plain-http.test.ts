import { describe, expect, it } from 'vitest';
import { discoverEndpoint } from './discovery.ts';
import type { ProviderFetch } from './provider-fetch.ts';

const signal = new AbortController().signal;
const ISSUER = 'http://keycloak.internal:8080/realms/acme';

/** A provider that answers its metadata from memory; the rule under test is about addresses alone. */
function provider(keys: string): ProviderFetch {
  const body = JSON.stringify({ issuer: ISSUER, jwks_uri: keys, authorization_endpoint: `${ISSUER}/auth` });
  return {
    get: () => Promise.resolve({ status: 200, contentType: 'application/json', body }),
    post: () => Promise.reject(new Error('nothing is posted here')),
    close: () => Promise.resolve(),
  };
}

describe('an issuer over plain http beyond loopback', () => {
  const own = 'http://keycloak.internal:8080/realms/acme/keys';

  it('is read where its configuration allows it, and refused where it does not', async () => {
    expect((await discoverEndpoint({ url: ISSUER, plainHttp: true }, 'jwks_uri', provider(own), signal)).href).toBe(own);
    await expect(discoverEndpoint({ url: ISSUER }, 'jwks_uri', provider(own), signal)).rejects.toThrow('metadata');
  });

  it.each(['http://127.0.0.1:9000/keys', 'http://elsewhere.internal/keys', 'ftp://keycloak.internal:8080/keys'])(
    'cannot point over plain text at another host: %s',
    async (keys) => {
      await expect(discoverEndpoint({ url: ISSUER, plainHttp: true }, 'jwks_uri', provider(keys), signal)).rejects.toThrow('jwks_uri');
    },
  );
});
