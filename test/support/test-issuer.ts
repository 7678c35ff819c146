import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK, type JWTPayload } from 'jose';
import type { IssuerConfig } from '../../src/core/ports/identity.ts';

/** What a token says; times in seconds since 1970. Anything else goes in as it is; `undefined` takes a default out. */
export interface TestClaims {
  readonly sub?: string | undefined;
  readonly client_id?: string | undefined;
  readonly tenant?: string | undefined;
  readonly groups?: readonly string[] | undefined;
  readonly employment?: string | undefined;
  readonly scope?: string | undefined;
  readonly [claim: string]: unknown;
}

export interface SignOptions {
  readonly header?: Readonly<Record<string, unknown>>;
  /** Signs with this key and says `kid`; by default the issuer's newest. */
  readonly key?: { readonly privateKey: CryptoKey; readonly kid: string };
}

export interface TestKey {
  readonly kid: string;
  readonly privateKey: CryptoKey;
  readonly publicJwk: JWK;
}

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

export interface TestIssuer {
  readonly config: IssuerConfig;
  readonly url: string;
  /** An RFC 9068 access token of one hour, signed with ES256. */
  sign(claims?: TestClaims, options?: SignOptions): Promise<string>;
  /** Makes a new signing key and publishes it; the former ones stay published unless `retire` is set. */
  rotate(options?: { readonly retire?: boolean; readonly publish?: boolean }): Promise<TestKey>;
  newest(): TestKey;
  publish(keys: readonly JWK[]): void;
  /** Paused, it keeps connections open and never answers. */
  pause(): void;
  resume(): void;
  /** Answers one path in another way; `undefined` puts it back. */
  answer(path: 'metadata' | 'keys', handler: Handler | undefined): void;
  /** How often the keys were asked for. */
  keyReads(): number;
  /** Stops listening; `restart` listens on the same port again. */
  stop(): Promise<void>;
  restart(): Promise<void>;
}

export interface TestIssuerOptions {
  readonly name?: string;
  /** Tenants it may assert by the claim `tenant`; the first is the default of a token. */
  readonly tenants?: readonly string[];
  readonly audience?: string;
  readonly overrides?: Partial<IssuerConfig>;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

const METADATA = '/.well-known/openid-configuration';
const KEYS = '/keys';
const ALGORITHM = 'ES256';

/** An issuer of hand-made tokens with discovery and keys on loopback: fast, and able to misbehave. Stop it when done. */
export async function startTestIssuer(options: TestIssuerOptions = {}): Promise<TestIssuer> {
  const { name = 'test', tenants = ['acme'], audience = 'https://sluice.test', now = Date.now } = options;
  const site = await startSite();
  const keys = [await newKey(1)];
  site.publish(keys.map((key) => key.publicJwk));
  const newest = (): TestKey => keys.at(-1) as TestKey;
  const config: IssuerConfig = { ...defaultConfig(name, site.url, audience, tenants), ...options.overrides };
  return {
    config,
    url: site.url,
    newest,
    publish: site.publish,
    pause: site.pause,
    resume: site.resume,
    answer: site.answer,
    keyReads: site.keyReads,
    stop: site.stop,
    restart: site.restart,
    async sign(claims = {}, { header = {}, key } = {}) {
      const { privateKey, kid } = key ?? newest();
      const seconds = Math.floor(now() / 1_000);
      const payload = {
        iss: config.url,
        aud: audience,
        sub: 'alice',
        client_id: 'assistant',
        iat: seconds,
        exp: seconds + 3_600,
        jti: crypto.randomUUID(),
        tenant: tenants[0],
        groups: [],
        employment: 'employee',
        scope: 'retrieve ingest sources audit admin',
        ...claims,
      };
      return new SignJWT(withoutUndefined(payload)).setProtectedHeader({ typ: 'at+jwt', kid, ...header, alg: ALGORITHM }).sign(privateKey);
    },
    async rotate({ retire = false, publish = true } = {}) {
      const key = await newKey(keys.length + 1);
      keys.push(key);
      if (publish) site.publish((retire ? [key] : keys).map((k) => k.publicJwk));
      return key;
    },
  };
}

function defaultConfig(name: string, url: string, audience: string, tenants: readonly string[]): IssuerConfig {
  return {
    name,
    url,
    audiences: [audience],
    algorithms: [ALGORITHM],
    types: ['at+jwt'],
    audienceCheck: { kind: 'claim' },
    tenants: { kind: 'claim', claim: 'tenant', allow: tenants },
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

export async function newKey(number: number): Promise<TestKey> {
  const { privateKey, publicKey } = await generateKeyPair(ALGORITHM, { extractable: true });
  const kid = `key-${number}`;
  return { kid, privateKey, publicJwk: { ...(await exportJWK(publicKey)), kid, alg: ALGORITHM, use: 'sig' } };
}

async function startSite() {
  const handlers = new Map<string, Handler>();
  const server = createServer();
  let published: readonly JWK[] = [];
  let paused = false;
  let reads = 0;
  const port = await listen(server, 0);
  const url = `http://127.0.0.1:${port}`;
  server.on('request', (request, response) => {
    if (request.url === KEYS) reads += 1;
    if (paused) return;
    const handler = handlers.get(request.url ?? '');
    if (handler !== undefined) handler(request, response);
    else if (request.url === METADATA) json(response, { issuer: url, jwks_uri: `${url}${KEYS}`, token_endpoint: `${url}/token` });
    else if (request.url === KEYS) json(response, { keys: published });
    else response.writeHead(404).end();
  });
  return {
    url,
    keyReads: () => reads,
    publish: (keys: readonly JWK[]) => void (published = keys),
    pause: () => void (paused = true),
    resume: () => void (paused = false),
    answer(path: 'metadata' | 'keys', handler: Handler | undefined) {
      const at = path === 'metadata' ? METADATA : KEYS;
      if (handler === undefined) handlers.delete(at);
      else handlers.set(at, handler);
    },
    async stop() {
      if (!server.listening) return;
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
    restart: async () => void (await listen(server, port)),
  };
}

/** A JWS over header and payload exactly as they are spelt: for what no library would make. ES256. */
export async function signRaw(header: string, payload: string | Uint8Array, key: CryptoKey): Promise<string> {
  const input = `${Buffer.from(header).toString('base64url')}.${Buffer.from(payload).toString('base64url')}`;
  const signature = await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, key, Buffer.from(input));
  return `${input}.${Buffer.from(signature).toString('base64url')}`;
}

function withoutUndefined(claims: Readonly<Record<string, unknown>>): JWTPayload {
  return Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== undefined));
}

export function json(response: ServerResponse, body: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}
