import { join } from 'node:path';
import type { TenantAdmin } from '../core/ports/tenants.ts';
import type { PolicyPort } from '../core/ports/policy.ts';
import type { Log } from '../core/ports/telemetry.ts';
import { policyCsvProblems, PolicyFilesError, type PolicyFiles } from './policy-files.ts';

/**
 * What is in force are the revisions in the database, so each must fit the label scheme of this start. A `policy.csv` that
 * could not be published stops the start only where nothing is in force yet; elsewhere the active revisions stay, and a
 * warning says so. Rejects with the lines that are wrong.
 */
export async function checkPolicy(parts: {
  readonly catalog: Pick<TenantAdmin, 'tenants' | 'activePolicy'>;
  readonly policy: PolicyPort;
  readonly files: PolicyFiles;
  readonly log: Log;
}): Promise<void> {
  const { catalog, policy, files, log } = parts;
  const tenants = await catalog.tenants();
  const problems = policyCsvProblems(files, policy.check);
  if (problems.length > 0) {
    const error = new PolicyFilesError(join(files.directory, 'policy.csv'), problems);
    if (tenants.length === 0) throw error;
    const lines = problems.map(({ line }) => line).join(', ');
    log.warn({ lines }, 'policy.csv cannot be published; the active revisions stay in force. "sluice policy test" says what is wrong');
  }
  for (const tenant of tenants) {
    const active = await catalog.activePolicy(tenant);
    if (active === undefined) throw new Error(`tenant ${tenant} has no active policy revision`);
    const unfit = policy.check(tenant, active.lines);
    if (unfit.length === 0) continue;
    throw new PolicyFilesError(`the active policy revision ${active.id} of tenant ${tenant} does not fit labels.json`, unfit);
  }
}
