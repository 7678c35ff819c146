import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair } from 'jose';
import type { IssuerConfig } from '../../src/core/ports/identity.ts';
import type { OidcProviderModule } from '../../src/identity/dev-issuer/oidc-provider-shape.ts';

/** A real OpenID provider (oidc-provider) in this process, with client credentials, DPoP, introspection and revocation. */
export interface TestProvider {
  readonly url: string;
  readonly config: IssuerConfig;
  readonly client: { readonly id: string; readonly secret: string };
  /** Sends a logout token to `logoutUri`, as at the end of a session. Rejects where the answer is not 200. */
  logout(sub: string, sid: string): Promise<void>;
  close(): Promise<void>;
}

const RESOURCE = 'https://sluice.test';
const CLIENT = { id: 'assistant', secret: 'a-secret-of-the-assistant' };
export const INTROSPECTOR = { id: 'sluice', secret: 'a-secret-of-sluice+/%' };

export async function startTestProvider(
  format: 'jwt' | 'opaque',
  overrides: Partial<IssuerConfig> = {},
  logoutUri?: string,
): Promise<TestProvider> {
  const { Provider } = (await import('oidc-provider')) as unknown as OidcProviderModule;
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  const jwt = format === 'jwt' ? { jwt: { sign: { alg: 'ES256' } } } : {};
  const configuration = {
    jwks: { keys: [{ ...(await exportJWK(privateKey)), kid: 'provider-1', alg: 'ES256', use: 'sig' }] },
    cookies: { keys: ['a key of cookies that nobody sees'] },
    scopes: ['retrieve'],
    clients: [{ ...registration(CLIENT, ['client_credentials']), ...logoutMetadata(logoutUri) }, registration(INTROSPECTOR, [])],
    clientAuthMethods: ['client_secret_basic'],
    responseTypes: ['none'],
    ttl: { ClientCredentials: 600 },
    // Its own dispatcher refuses loopback, where the service is here.
    fetch: (url: string, { dispatcher: _, ...rest }: RequestInit & { dispatcher?: unknown }) => fetch(url, rest),
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      introspection: {
        enabled: true,
        allowedPolicy: (_context: unknown, client: { clientId: string }) => client.clientId === INTROSPECTOR.id,
      },
      revocation: { enabled: true },
      backchannelLogout: { enabled: true },
      dPoP: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => RESOURCE,
        getResourceServerInfo: () => ({ scope: 'retrieve', audience: RESOURCE, accessTokenTTL: 600, accessTokenFormat: format, ...jwt }),
      },
    },
    extraTokenClaims: () => ({ tenant: 'acme', groups: [], ...(format === 'opaque' ? { sub: CLIENT.id } : {}) }),
  };
  const provider = new Provider(url, configuration as unknown as ConstructorParameters<typeof Provider>[1]);
  const handle = provider.callback();
  server.on('request', (request, response) => void handle(request, response));
  return {
    url,
    client: CLIENT,
    async logout(sub, sid) {
      const client = await (provider as unknown as LogoutProvider).Client.find(CLIENT.id);
      await client.backchannelLogout(sub, sid);
    },
    config: { ...issuerConfig(url), ...overrides },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** What the tests alone use of the provider. */
interface LogoutProvider {
  readonly Client: { find(id: string): Promise<{ backchannelLogout(sub: string, sid: string): Promise<void> }> };
}

function logoutMetadata(uri: string | undefined): Readonly<Record<string, unknown>> {
  return uri === undefined ? {} : { backchannel_logout_uri: uri, backchannel_logout_session_required: true };
}

function registration({ id, secret }: typeof CLIENT, grants: readonly string[]): Readonly<Record<string, unknown>> {
  return {
    client_id: id,
    client_secret: secret,
    token_endpoint_auth_method: 'client_secret_basic',
    grant_types: grants,
    response_types: [],
    redirect_uris: [],
    id_token_signed_response_alg: 'ES256',
  };
}

function issuerConfig(url: string): IssuerConfig {
  return {
    name: 'test',
    url,
    audiences: [RESOURCE],
    algorithms: ['ES256'],
    types: ['at+jwt'],
    audienceCheck: { kind: 'claim' },
    tenants: { kind: 'claim', claim: 'tenant', allow: ['acme'] },
    claims: {
      client: 'client_id',
      groups: { kind: 'claim', claim: 'groups' },
      guest: { kind: 'none' },
      scope: 'scope',
      scopePrefix: '',
    },
    clockSkewSeconds: 5,
    requiredClaims: ['aud', 'sub', 'client_id', 'iat', 'jti'],
  };
}
