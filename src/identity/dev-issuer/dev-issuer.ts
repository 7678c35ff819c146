import { randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair } from 'jose';
import { SCOPES, type Scope } from '../../core/caller.ts';
import type { IssuerConfig } from '../../core/ports/identity.ts';
import { DEV_GRANT, registerDevGrant } from './dev-grant.ts';
import { KeepNothing } from './keep-nothing.ts';
import { isFromThisMachine, refuseStranger } from './loopback-guard.ts';
import type { OidcProviderModule } from './oidc-provider-shape.ts';
import { DEV_CLIENTS, DEV_PEOPLE, type DevClient, type DevPerson } from './people.ts';
import { requestDevToken } from './request-dev-token.ts';

/** The only short name of a development issuer, so that its principals can never be taken for a real provider's. */
export const DEV_ISSUER_NAME = 'dev';
const TOKEN_SECONDS = 3_600;
const ALGORITHM = 'ES256';

export interface DevIssuerOptions {
  readonly host: '127.0.0.1';
  /** 0 takes a free one. */
  readonly port: number;
  /** The `aud` of its tokens: the URL of the service. */
  readonly resource: string;
  readonly people?: readonly DevPerson[];
  readonly clients?: readonly DevClient[];
}

export interface DevIssuer {
  readonly url: string;
  readonly issuerConfig: IssuerConfig;
  /** A token of one hour; of the client alone where no person is named. Fails as `requestDevToken`. */
  token(person: string | undefined, client: string, options?: { readonly scopes?: readonly Scope[] }): Promise<string>;
  close(): Promise<void>;
}

/** An OpenID provider for development, on loopback, with keys of its own that end with it: whoever asks is whoever they say. */
export async function startDevIssuer(options: DevIssuerOptions): Promise<DevIssuer> {
  const { people = DEV_PEOPLE, clients = DEV_CLIENTS, resource } = options;
  // A person named like a client would get tokens that read as the client's own (`sub` equal to `client_id`).
  if (people.some((person) => clients.some((client) => client.id === person.id))) throw new Error('a person and a client share an id');
  const server = createServer();
  const port = await listen(server, options.port, options.host);
  const url = `http://${options.host}:${port}`;
  try {
    const handle = (await createProvider({ url, resource, people, clients })).callback();
    server.on('request', (request, response) => {
      if (!isFromThisMachine(request, port)) return refuseStranger(response);
      return void handle(request, response);
    });
  } catch (error) {
    await close(server);
    throw error;
  }
  return {
    url,
    issuerConfig: issuerConfig(url, resource, [...people, ...clients]),
    token: (person, client, { scopes } = {}) =>
      requestDevToken({
        issuerUrl: url,
        client,
        signal: AbortSignal.timeout(5_000),
        ...(person === undefined ? {} : { person }),
        ...(scopes === undefined ? {} : { scopes }),
      }),
    close: () => close(server),
  };
}

interface ProviderParts {
  readonly url: string;
  readonly resource: string;
  readonly people: readonly DevPerson[];
  readonly clients: readonly DevClient[];
}

async function createProvider({ url, resource, people, clients }: ProviderParts) {
  // Loaded only when asked for: it is a development dependency and no part of a production install.
  const { Provider, errors } = (await import('oidc-provider')) as OidcProviderModule;
  const peopleById = new Map(people.map((person) => [person.id, person]));
  const clientsById = new Map(clients.map((client) => [client.id, client]));
  const resourceServer = (client: DevClient | undefined) => ({
    scope: client?.scopes.join(' ') ?? '',
    audience: resource,
    accessTokenTTL: TOKEN_SECONDS,
    accessTokenFormat: 'jwt' as const,
    jwt: { sign: { alg: ALGORITHM } },
  });
  const provider = new Provider(url, {
    adapter: KeepNothing,
    jwks: { keys: [await signingKey()] },
    cookies: { keys: [randomBytes(32).toString('base64url')] },
    scopes: SCOPES,
    clients: clients.map(registration),
    clientAuthMethods: ['none'],
    responseTypes: ['none'],
    ttl: { AccessToken: TOKEN_SECONDS, ClientCredentials: TOKEN_SECONDS },
    features: {
      devInteractions: { enabled: false },
      userinfo: { enabled: false },
      rpInitiatedLogout: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => resource,
        useGrantedResource: () => true,
        getResourceServerInfo(_context: unknown, indicator: string, client: { readonly clientId: string }) {
          if (indicator !== resource) throw new errors.InvalidTarget();
          return resourceServer(clientsById.get(client.clientId));
        },
      },
    },
    extraTokenClaims(_context, token) {
      const person = token.accountId === undefined ? undefined : peopleById.get(token.accountId);
      if (person === undefined) return { tenant: clientsById.get(token.clientId)?.tenant };
      return { tenant: person.tenant, groups: person.groups, employment: person.employment };
    },
  });
  registerDevGrant({ provider, errors, resource, resourceServer, people: peopleById, clients: clientsById });
  return provider;
}

async function signingKey(): Promise<object> {
  const { privateKey } = await generateKeyPair(ALGORITHM, { extractable: true });
  return { ...(await exportJWK(privateKey)), kid: randomBytes(9).toString('base64url'), alg: ALGORITHM, use: 'sig' };
}

function registration(client: DevClient): Readonly<Record<string, unknown>> {
  return {
    client_id: client.id,
    client_name: client.name,
    token_endpoint_auth_method: 'none',
    grant_types: client.actsAlone ? [DEV_GRANT, 'client_credentials'] : [DEV_GRANT],
    response_types: [],
    redirect_uris: [],
    id_token_signed_response_alg: ALGORITHM,
    scope: client.scopes.join(' '),
  };
}

function issuerConfig(url: string, resource: string, members: readonly { readonly tenant: string }[]): IssuerConfig {
  return {
    name: DEV_ISSUER_NAME,
    url,
    audiences: [resource],
    algorithms: [ALGORITHM],
    types: ['at+jwt'],
    audienceCheck: { kind: 'claim' },
    tenants: { kind: 'claim', claim: 'tenant', allow: [...new Set(members.map((member) => member.tenant))] },
    claims: {
      client: 'client_id',
      groups: { kind: 'claim', claim: 'groups' },
      guest: { kind: 'claim', claim: 'employment', members: ['employee'] },
      scope: 'scope',
      scopePrefix: '',
    },
    clockSkewSeconds: 5,
    requiredClaims: ['aud', 'sub', 'client_id', 'iat', 'jti'],
  };
}

function listen(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
