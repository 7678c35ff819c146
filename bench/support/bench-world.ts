import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { stringify } from 'yaml';
import { startTestIssuer, type TestIssuer } from '../../test/support/test-issuer.ts';
import { ROOT } from './process.ts';
import { LOADER, POLICY, READER, TENANT } from './workload.ts';

export interface BenchWorld {
  readonly dataDir: string;
  readonly issuer: TestIssuer;
  /** Environment of a service over this world, with the Qdrant it starts itself. */
  readonly env: Readonly<Record<string, string>>;
  readonly reader: string;
  readonly loader: string;
  close(): Promise<void>;
}

/** A data directory with a tenant, its policy files and an issuer in this process. */
export async function makeBenchWorld(): Promise<BenchWorld> {
  const dataDir = await mkdtemp(join(tmpdir(), 'sluice-bench-'));
  const policyDir = join(dataDir, 'policies');
  await mkdir(policyDir);
  for (const name of ['model.conf', 'labels.json']) await cp(join(ROOT, 'policies', name), join(policyDir, name));
  await writeFile(join(policyDir, 'policy.csv'), POLICY);
  const issuer = await startTestIssuer({ name: 'test', tenants: [TENANT], audience: 'https://sluice.test' });
  const configFile = join(dataDir, 'sluice.yaml');
  const { name, url, audiences, algorithms, types } = issuer.config;
  const guests = { claim: 'employment', members: ['employee'] };
  const issuers = [{ name, url, audiences, algorithms, types, guests, tenantClaim: { claim: 'tenant', allow: [TENANT] } }];
  await writeFile(configFile, stringify({ issuers, limits: { clientPerMinute: 10_000_000, userPerMinute: 10_000_000 } }));
  const env = { SLUICE_DATA_DIR: join(dataDir, 'data'), SLUICE_POLICY_DIR: policyDir, SLUICE_CONFIG: configFile };
  const admin = ['bin/sluice.js', 'admin', 'create-tenant', TENANT, '--administrator', 'user:test|root'];
  await promisify(execFile)(process.execPath, admin, { cwd: ROOT, env: { ...process.env, ...env } });
  return {
    dataDir,
    issuer,
    env,
    reader: await issuer.sign(READER),
    loader: await issuer.sign({ ...LOADER, groups: undefined }),
    async close() {
      await issuer.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
