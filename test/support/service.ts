import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Pool } from 'undici';
import type { Config } from '../../src/config.ts';
import { sha256Hex } from '../../src/core/digest.ts';
import type { IssuerConfig } from '../../src/core/ports/identity.ts';
import type { Principal } from '../../src/core/principal.ts';
import { createTenant } from '../../src/service/create-tenant.ts';
import type { ServiceOptions } from '../../src/service/service-options.ts';
import { startService, type Service } from '../../src/service/start-service.ts';
import { createTelemetry, type ServiceTelemetry } from '../../src/telemetry/telemetry.ts';
import { startTestIssuer, type TestClaims, type TestIssuer } from './test-issuer.ts';

export interface TestServiceOptions {
  /** policy.csv; `createTenants` are made with the lines that name them. */
  readonly policy: string;
  readonly tenants: readonly string[];
  readonly config?: Partial<Config>;
  readonly options?: Partial<ServiceOptions>;
  /** Kept between two services to test what a restart finds. */
  readonly dataDir?: string;
  readonly issuer?: TestIssuer;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** The body as JSON; throws where it is none. */
  json<T = Record<string, unknown>>(): T;
}

export interface TestService {
  readonly service: Service;
  readonly issuer: TestIssuer;
  readonly dataDir: string;
  readonly url: string;
  /** Of the Qdrant-compatible door; empty where the configuration switches it off. */
  readonly qdrantUrl: string;
  readonly telemetry: ServiceTelemetry;
  token(claims: TestClaims): Promise<string>;
  call(method: string, path: string, token: string | undefined, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  stop(options?: { readonly keep?: boolean }): Promise<void>;
}

export const AUDIENCE = 'https://sluice.test';
const POLICIES = new URL('../../policies/', import.meta.url);

/** What `launchService` needs: plain data but for `options`, so that it can be handed to another process. */
export interface LaunchOptions extends Pick<TestServiceOptions, 'policy' | 'tenants' | 'config' | 'options'> {
  readonly dataDir: string;
  readonly issuer: IssuerConfig;
}

/** Writes the policy files, starts the service and makes the tenants that are missing. */
export async function launchService(given: LaunchOptions): Promise<{ readonly service: Service; readonly telemetry: ServiceTelemetry }> {
  const { dataDir } = given;
  const policyDir = join(dataDir, 'policies');
  await writePolicies(policyDir, given.policy);
  const telemetry = given.options?.telemetry ?? createTelemetry({ level: 'silent' });
  const shared = sharedKeys(given.config?.database);
  const config: Config = { ...defaultConfig(dataDir, policyDir, given.issuer), ...shared, ...given.config };
  const service = await startService(config, {
    version: 'test',
    ...given.options,
    telemetry,
    prepare: async ({ stores, files, policy }) => {
      const known = await stores.catalog.tenants();
      for (const tenant of given.tenants) {
        if (known.some((name) => name === tenant)) continue;
        const by = 'user:test|root' as Principal;
        const wanted = { tenant, administrator: 'user:test|root' };
        await createTenant({ catalog: stores.catalog, policy, files }, wanted, { requestId: 'test', by, through: by });
      }
    },
  });
  return { service, telemetry };
}

/** The whole service over real parts, as `npm start` would run it, on a free port with an issuer of hand-made tokens. */
export async function startTestService(given: TestServiceOptions): Promise<TestService> {
  const dataDir = given.dataDir ?? (await mkdtemp(join(tmpdir(), 'sluice-test-')));
  const issuer = given.issuer ?? (await startTestIssuer({ name: 'test', tenants: given.tenants, audience: AUDIENCE }));
  const { service, telemetry } = await launchService({ ...given, dataDir, issuer: issuer.config });
  const client = clientOf(service.url);
  return {
    service,
    issuer,
    dataDir,
    url: service.url,
    qdrantUrl: service.qdrantUrl ?? '',
    telemetry,
    token: (claims) => issuer.sign(claims),
    call: client.call,
    async stop({ keep = false } = {}) {
      await client.close();
      await service.close(2_000);
      if (keep) return;
      if (given.issuer === undefined) await issuer.stop();
      await rm(dataDir, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** Replicas over one database sign with one file of keys, as they have to in production. */
function sharedKeys(database: Config['database'] | undefined): Partial<Pick<Config, 'signingKeys'>> {
  if (database?.kind !== 'postgres') return {};
  const { port, pathname } = new URL(database.url);
  // Named for the database, so that a replica in a process of its own finds it too. What an earlier run left does no harm.
  return { signingKeys: join(tmpdir(), 'sluice-test-keys', `${sha256Hex(`${port}${pathname}`)}.json`) };
}

export async function writePolicies(directory: string, policy: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  for (const name of ['model.conf', 'labels.json']) await writeFile(join(directory, name), readFileSync(new URL(name, POLICIES)));
  await writeFile(join(directory, 'policy.csv'), policy);
}

export function defaultConfig(dataDir: string, policyDir: string, issuer: IssuerConfig): Config {
  return {
    mode: 'production',
    host: '127.0.0.1',
    port: 0,
    publicUrl: undefined,
    metrics: { kind: 'none' },
    qdrantDoor: { kind: 'port', port: 0, publicUrl: undefined },
    dataDir,
    policyDir,
    signingKeys: join(dataDir, 'signing-keys.json'),
    database: { kind: 'sqlite', path: join(dataDir, 'sluice.sqlite') },
    qdrant: { kind: 'local', binary: undefined },
    collection: 'sluice',
    collectionPayload: { textKey: 'content', provenance: 'payload' },
    issuers: [issuer],
    embedding: { languages: ['en'], dense: { kind: 'none' } },
    logLevel: 'silent',
    otlpEndpoint: undefined,
    index: { shards: undefined, replicas: 1, reconcileMinutes: 0 },
    audit: { checkpointSeconds: 60, outside: [] },
    trustedProxies: undefined,
    operators: [],
    limits: { bodyBytes: 16_777_216, clientPerMinute: 1_000_000, userPerMinute: 1_000_000 },
  };
}

export interface Client {
  readonly call: TestService['call'];
  close(): Promise<void>;
}

/** Calls the service at `url`, wherever it runs. */
export function clientOf(url: string): Client {
  const pool = new Pool(url, { connections: 8 });
  return {
    call: (method, path, token, body, headers = {}) => call(pool, method, path, token, body, headers),
    close: () => pool.destroy(),
  };
}

async function call(
  pool: Pool,
  method: string,
  path: string,
  token: string | undefined,
  body: unknown,
  extra: Record<string, string>,
): Promise<Answer> {
  const raw = typeof body === 'string' || body instanceof Uint8Array ? body : body === undefined ? undefined : JSON.stringify(body);
  const type = raw === undefined ? {} : { 'content-type': 'application/json' };
  const auth = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const response = await pool.request({
    method,
    path,
    headers: { ...type, ...auth, ...extra },
    ...(raw === undefined ? {} : { body: raw }),
  });
  const text = await response.body.text();
  return { status: response.statusCode, headers: response.headers, text, json: <T>() => JSON.parse(text) as T };
}
