import type { IncomingMessage, ServerResponse } from 'node:http';

// The part of oidc-provider that the development issuer uses; the package brings no types. The tests run the real one.

export interface ProviderClient {
  readonly clientId: string;
}

export interface ProviderToken {
  readonly kind: string;
  readonly accountId?: string;
  readonly clientId: string;
  scope: string | undefined;
  readonly expiration: number;
  readonly tokenType: string;
  save(): Promise<string>;
}

export interface ResourceServerInfo {
  readonly scope: string;
  readonly audience: string;
  readonly accessTokenTTL: number;
  readonly accessTokenFormat: 'jwt';
  readonly jwt: { readonly sign: { readonly alg: string } };
}

export interface TokenContext {
  body: unknown;
  readonly oidc: { readonly client: ProviderClient; readonly params: Readonly<Record<string, string | undefined>> };
}

export interface ProviderConfiguration {
  readonly adapter: new () => object;
  readonly jwks: { readonly keys: readonly object[] };
  readonly cookies: { readonly keys: readonly string[] };
  readonly scopes: readonly string[];
  readonly clients: readonly Readonly<Record<string, unknown>>[];
  readonly clientAuthMethods: readonly string[];
  readonly responseTypes: readonly string[];
  readonly ttl: Readonly<Record<string, number>>;
  readonly features: Readonly<Record<string, unknown>>;
  extraTokenClaims(context: unknown, token: ProviderToken): Readonly<Record<string, unknown>>;
}

interface TokenInput {
  readonly client: ProviderClient;
  readonly resourceServer: object;
  readonly scope: string;
  readonly accountId?: string;
  readonly gty?: string;
}

export interface Provider {
  readonly AccessToken: new (input: TokenInput) => ProviderToken;
  readonly ClientCredentials: new (input: TokenInput) => ProviderToken;
  readonly ResourceServer: new (identifier: string, info: ResourceServerInfo) => object;
  registerGrantType(name: string, handler: (context: TokenContext) => Promise<void>, parameters: readonly string[]): void;
  callback(): (request: IncomingMessage, response: ServerResponse) => Promise<void>;
}

export interface ProviderErrors {
  readonly InvalidGrant: new (detail: string) => Error;
  readonly InvalidScope: new (description: string, scope: string) => Error;
  readonly InvalidTarget: new () => Error;
}

export interface OidcProviderModule {
  readonly Provider: new (issuer: string, configuration: ProviderConfiguration) => Provider;
  readonly errors: ProviderErrors;
}
