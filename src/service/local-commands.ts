import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { indexPath } from '../audit/index/open-index.ts';
import { indexLeaves } from '../audit/verify/index-leaves.ts';
import type { Config } from '../config.ts';
import { AppError } from '../core/errors.ts';
import { policyCsv } from '../core/policy-lines.ts';
import { parseTenantId, type TenantId } from '../core/ids.ts';
import { systemClock } from '../core/ports/clock.ts';
import { silentTelemetry } from '../core/ports/telemetry.ts';
import type { Database } from '../database/database.ts';
import { openDatabase } from '../database/open-database.ts';
import { parseCaseFile } from '../policy/case-file.ts';
import { createPolicy } from '../policy/policy.ts';
import { runPolicyCases, type CaseResult } from '../policy/run-cases.ts';
import { rotateKey, type Rotation } from '../signing/signing.ts';
import { acceptRollback } from './accept-rollback.ts';
import { createTenant as create, type NewTenant } from './create-tenant.ts';
import { changeSwitch, listSwitches } from './local-switches.ts';
import { openStores, type Stores } from './open-stores.ts';
import { operatorChange } from './operator.ts';
import { linesOf, policyCsvProblems, tenantOf, readPolicyFiles, type PolicyFiles } from './policy-files.ts';

type LocalConfig = Pick<Config, 'dataDir' | 'policyDir' | 'database'>;
const telemetry = silentTelemetry;

async function withStores<T>(config: LocalConfig, files: PolicyFiles, run: (stores: Stores) => Promise<T>): Promise<T> {
  const stores = await openStores(config, files.vocabulary.scheme, telemetry);
  try {
    return await run(stores);
  } finally {
    await stores.database.close();
  }
}

function policyOf({ model, vocabulary: { scheme, purposes } }: PolicyFiles) {
  return createPolicy({ model, purposes, scheme, telemetry });
}

/** Makes a tenant in the configured database, beside a running service too. Fails as `createTenant` of create-tenant.ts. */
export async function createTenant(config: LocalConfig, wanted: NewTenant): Promise<void> {
  const files = await readPolicyFiles(config.policyDir);
  const policy = policyOf(files);
  await withStores(config, files, ({ catalog }) =>
    create({ catalog, policy, files }, wanted, operatorChange('create-tenant', systemClock.now())),
  );
}

/** Switches in the configured database, beside a running service too. Fail as those of local-switches.ts. */
export async function changeLocalSwitch(config: LocalConfig, wanted: Parameters<typeof changeSwitch>[1]): ReturnType<typeof changeSwitch> {
  const files = await readPolicyFiles(config.policyDir);
  return withStores(config, files, ({ catalog }) => changeSwitch(catalog, wanted, operatorChange('switch', systemClock.now())));
}

export async function listLocalSwitches(config: LocalConfig, tenant: string): ReturnType<typeof listSwitches> {
  const files = await readPolicyFiles(config.policyDir);
  return withStores(config, files, ({ catalog }) => listSwitches(catalog, tenant));
}

/** A new signing key for the deployment; a running service takes it up by itself. Fails as `rotateKey` of src/signing. */
export async function rotateSigningKey(
  config: LocalConfig & Pick<Config, 'signingKeys'>,
  kind: Rotation['kind'],
): Promise<readonly { readonly kid: string; readonly since: string; readonly retired?: string }[]> {
  const { database } = config;
  // Opening would make one, and there is nothing to learn from it.
  const none = database.kind === 'sqlite' && !existsSync(database.path);
  const files = await readPolicyFiles(config.policyDir);
  const known = none ? [] : await withStores(config, files, ({ catalog }) => catalog.signingKeys());
  const keys = await rotateKey(config.signingKeys, systemClock, { kind, known });
  return keys.map(({ publicKey: _, ...facts }) => facts);
}

/** Beside a running service too, which goes on signing under the new name. Fails as `acceptRollback` of accept-rollback.ts. */
export async function acceptLocalRollback(
  config: LocalConfig,
  wanted: Parameters<typeof acceptRollback>[1],
): ReturnType<typeof acceptRollback> {
  const files = await readPolicyFiles(config.policyDir);
  return withStores(config, files, (stores) => acceptRollback(stores, wanted, operatorChange('accept-rollback', systemClock.now())));
}

export type ChainVerdict = { readonly tenant: TenantId } & Awaited<ReturnType<Stores['audit']['verifyChain']>>;

/** The stored log of one tenant, or of all: leaves, head, keys and sealed parts. Fails with `not_found` for an unknown tenant, and where there is no database. */
export async function verifyAudit(config: LocalConfig, tenant: string | undefined): Promise<readonly ChainVerdict[]> {
  const { database } = config;
  // Opening would make one, and an empty log is always intact.
  if (database.kind === 'sqlite' && !existsSync(database.path)) {
    throw new AppError('not_found', { detail: `there is no database at ${database.path}; SLUICE_DATA_DIR says where it is` });
  }
  const files = await readPolicyFiles(config.policyDir);
  return withStores(config, files, async (stores) => {
    const { catalog, audit } = stores;
    const known = await catalog.tenants();
    const wanted = tenant === undefined ? known : known.filter((name) => name === parseTenantId(tenant));
    if (tenant !== undefined && wanted.length === 0) throw new AppError('not_found', { detail: `there is no tenant ${tenant}` });
    const verdicts: ChainVerdict[] = [];
    const index = database.kind === 'sqlite' ? await openIndex(indexPath(database.path)) : stores.database;
    try {
      const leaves = index === undefined ? undefined : indexLeaves(index.db);
      for (const name of wanted) verdicts.push({ tenant: name, ...(await audit.verifyChain(name, leaves)) });
    } finally {
      if (index !== stores.database) await index?.close();
    }
    return verdicts;
  });
}

/** Helps to place a fault; nothing is lost where there is none. */
async function openIndex(path: string): Promise<Database | undefined> {
  return existsSync(path) ? openDatabase({ kind: 'sqlite', path }).catch(() => undefined) : undefined;
}

export interface PolicyTest {
  readonly problems: readonly string[];
  readonly passed: number;
  readonly failed: readonly CaseResult[];
}

/** Checks `policy.csv` as publishing would, and runs every file of `cases/` with both keys. Rejects where files are missing. */
export async function testPolicy(directory: string): Promise<PolicyTest> {
  const files = await readPolicyFiles(directory);
  const policy = policyOf(files);
  const problems = policyCsvProblems(files, policy.check);
  if (problems.length > 0) {
    return { problems: problems.map(({ line, message }) => `policy.csv line ${line}: ${message}`), passed: 0, failed: [] };
  }
  const { scheme } = files.vocabulary;
  const results = (await caseFiles(directory)).flatMap((file) => {
    const { tenant } = parseCaseFile(scheme, file.name, file.text);
    return runPolicyCases({ policy, scheme, lines: linesOf(tenant, files.lines), files: [file] });
  });
  const failed = results.filter((result) => !result.passed);
  return { problems: [], passed: results.length - failed.length, failed };
}

/** The lines of one tenant, at their numbers in the file. Fails with `invalid_policy` where the file could not be published whole. */
export async function localPolicy(directory: string, tenant: string): Promise<string> {
  const files = await readPolicyFiles(directory);
  const problems = policyCsvProblems(files, policyOf(files).check);
  if (problems.length > 0) {
    throw new AppError('invalid_policy', {
      issues: problems.map(({ line, message }) => ({ pointer: `policy.csv line ${line}`, message })),
    });
  }
  const lines = files.lines.filter((line) => tenantOf(line) === tenant);
  if (lines.length === 0) throw new AppError('not_found', { detail: `${join(directory, 'policy.csv')} has no line of tenant ${tenant}` });
  return policyCsv(lines);
}

async function caseFiles(directory: string): Promise<readonly { readonly name: string; readonly text: string }[]> {
  const folder = join(directory, 'cases');
  if (!existsSync(folder)) return [];
  const names = (await readdir(folder)).filter((name) => /\.ya?ml$/.test(name)).sort();
  return Promise.all(names.map(async (name) => ({ name, text: await readFile(join(folder, name), 'utf8') })));
}
