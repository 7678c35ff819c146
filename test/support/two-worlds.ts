import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { DIMENSION, startEmbeddingServer, type EmbeddingServer } from './embedding-server.ts';
import { allow } from './rights.ts';
import { AUDIENCE, startTestService, type TestService } from './service.ts';
import { startTestIssuer, type TestIssuer } from './test-issuer.ts';

/** Two whole deployments that name chunks alike, with the same tenants and people, in which different things can be written. */
export interface TwoWorlds {
  readonly bare: TestService;
  readonly crowded: TestService;
  token(tenant: string, sub: string, groups?: readonly string[]): Promise<string>;
  stop(): Promise<void>;
}

export const OTHER = 'elsewhere';
const TOP = 'upto:restricted+people';

/** Staff read what is internal, hr everything of `open`; the owner writes and administers. */
export function policyOf(tenant: string): string {
  return [
    ...['retrieve', 'ingest', 'label', 'audit'].map((action) => allow('client:test|tool', tenant, action, '*', TOP)),
    ...['ingest', 'label'].map((action) => allow('user:test|owner', tenant, action, '*', TOP)),
    allow('client:test|tool', tenant, 'administer'),
    allow('user:test|owner', tenant, 'administer'),
    allow('group:test|staff', tenant, 'retrieve', '*', 'upto:internal'),
    allow('group:test|hr', tenant, 'retrieve', 'open', TOP),
    allow('group:test|board', tenant, 'retrieve', '*', TOP),
  ].join('\n');
}

/** Two deployments name chunks differently, and ties are broken by name; these two stand for one. */
function sameChunkSecret(dataDir: string): void {
  const db = new DatabaseSync(join(dataDir, 'sluice.sqlite'), { timeout: 5_000 });
  const { changes } = db.prepare(`update secrets set value = 'the same' where name = 'chunk-ids'`).run();
  db.close();
  if (changes !== 1) throw new Error('the secret of the chunks was not there');
}

async function startWorld(
  issuer: TestIssuer,
  embeddings: EmbeddingServer,
  tenants: readonly string[],
  start: number,
): Promise<TestService> {
  const dense = { kind: 'remote' as const, url: embeddings.url, model: 'm', apiKey: undefined, dimension: DIMENSION };
  const test = await startTestService({
    policy: tenants.map(policyOf).join('\n'),
    tenants,
    issuer,
    options: { clock: { now: () => start } },
    config: { embedding: { languages: ['en'], dense } },
  });
  sameChunkSecret(test.dataDir);
  return test;
}

export async function startTwoWorlds(names: readonly string[]): Promise<TwoWorlds> {
  const start = Date.now();
  const tenants = [...names, OTHER];
  const [embeddings, issuer] = await Promise.all([
    startEmbeddingServer(),
    startTestIssuer({ name: 'test', tenants, audience: AUDIENCE, now: () => start }),
  ]);
  const [bare, crowded] = await Promise.all([
    startWorld(issuer, embeddings, tenants, start),
    startWorld(issuer, embeddings, tenants, start),
  ]);
  return {
    bare,
    crowded,
    token: (tenant, sub, groups = []) => issuer.sign({ sub, client_id: 'tool', groups: [...groups], tenant }),
    async stop() {
      await Promise.all([bare.stop(), crowded.stop()]);
      await Promise.all([embeddings.close(), issuer.stop()]);
    },
  };
}
