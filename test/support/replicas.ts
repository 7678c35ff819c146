import { isDeepStrictEqual } from 'node:util';
import type { Config } from '../../src/config.ts';
import type { SourceId, TenantId } from '../../src/core/ids.ts';
import type { IssuerConfig } from '../../src/core/ports/identity.ts';
import { encodePayload } from '../../src/vectors/payload.ts';
import { httpProxy, PASS, type HttpProxy, type Reaction } from './http-proxy.ts';
import { pointsOf } from './index-agreement.ts';
import { postgresForTests } from './postgres.ts';
import { qdrantForTests } from './qdrant.ts';
import { AUDIENCE, startTestService, type TestService, type TestServiceOptions } from './service.ts';
import { startTestIssuer, type TestIssuer } from './test-issuer.ts';

/** `sqlite`: one service, which is both. `postgres`: two services over one database. One Qdrant behind a proxy in either case. */
export type Deployment = 'sqlite' | 'postgres';

export interface Replicas {
  /** Where changes are made. */
  readonly a: TestService;
  /** Where questions are asked. */
  readonly b: TestService;
  readonly issuer: TestIssuer;
  readonly collection: string;
  /** Qdrant answers queries, and refuses to change anything, until `mendIndex`. */
  refuseWrites(): void;
  /** The same, but it never answers. */
  stallWrites(): void;
  mendIndex(): void;
  /** Documents of a source of which the index holds something else than the catalog, or more, or less. */
  disagreements(tenant: TenantId, source: SourceId): Promise<readonly string[]>;
  stop(): Promise<void>;
}

export async function startReplicas(
  deployment: Deployment,
  policy: string,
  more: Partial<Config> = {},
  overrides: Partial<IssuerConfig> = {},
  tenants: readonly string[] = ['acme'],
): Promise<Replicas> {
  const qdrant = await qdrantForTests();
  const proxy = await httpProxy(qdrant.url);
  const postgres = deployment === 'postgres' ? await postgresForTests() : undefined;
  const issuer = await startTestIssuer({ name: 'test', tenants, audience: AUDIENCE, overrides });
  const collection = qdrant.freshCollection();
  const database = postgres === undefined ? {} : { database: { kind: 'postgres' as const, url: await postgres.url() } };
  const index = { kind: 'remote' as const, url: proxy.url, apiKey: qdrant.apiKey ?? '' };
  const options: TestServiceOptions = { policy, tenants, issuer, config: { ...more, ...database, qdrant: index, collection } };
  const a = await startTestService(options);
  const b = deployment === 'sqlite' ? a : await startTestService(options);
  return {
    a,
    b,
    issuer,
    collection,
    refuseWrites: () => onWrites(proxy, { kind: 'answer', status: 503, body: '{"status":{"error":"a node is down"}}' }),
    stallWrites: () => onWrites(proxy, { kind: 'hang' }),
    mendIndex: () => proxy.mend(),
    async disagreements(tenant, source) {
      const { catalog } = a.service.stores;
      const points = Map.groupBy(await pointsOf(qdrant, collection), ({ payload }) => payload['document']);
      const found: string[] = [];
      for (const { document, key, chunks } of await catalog.listDocuments(tenant, source, undefined, 1_000)) {
        const access = await catalog.accessPayload(tenant, key);
        const own = points.get(key) ?? [];
        const same = access !== undefined && own.every(({ payload }) => isDeepStrictEqual(payload, encodePayload(access)));
        if (!same || own.length !== chunks) found.push(document);
        points.delete(key);
      }
      return [...found, ...[...points.keys()].map((key) => `nobody's points: ${String(key)}`)];
    },
    async stop() {
      if (b !== a) await b.stop();
      await a.stop();
      await proxy.close();
      await issuer.stop();
      await postgres?.stop();
      await qdrant.stop();
    },
  };
}

function onWrites(proxy: HttpProxy, reaction: Reaction): void {
  const reads = ({ method, path }: { readonly method: string; readonly path: string }): boolean =>
    method === 'GET' || /\/points\/(query|count|scroll)/.test(path) || (method === 'POST' && /\/points(\?|$)/.test(path));
  proxy.react((request) => (reads(request) ? PASS : reaction));
}
