import { AppError } from '../core/errors.ts';
import { parseTenantId } from '../core/ids.ts';
import { policyRevision, type PolicyLine } from '../core/policy-lines.ts';
import type { Change } from '../core/ports/catalog.ts';
import type { TenantAdmin } from '../core/ports/tenants.ts';
import type { PolicyPort } from '../core/ports/policy.ts';
import { parsePrincipal, principalParts } from '../core/principal.ts';
import { linesOf, type PolicyFiles } from './policy-files.ts';

/** Holds `administer` over the tenant, and nothing else: an administrator makes policy, and reads only what policy says. */
const ADMINISTRATOR = 'role:administrator';

export interface NewTenant {
  readonly tenant: string;
  /** A user or group of a configured issuer, issuer included. */
  readonly administrator: string;
}

/**
 * Makes a tenant with its first policy revision: the lines of the policy files that name it, and its administrator's.
 * Only on the machine (`sluice admin create-tenant`). Fails with `conflict` where it exists, and with `invalid_request`,
 * whose issues say which name or line is wrong.
 */
export async function createTenant(
  parts: { readonly catalog: TenantAdmin; readonly policy: PolicyPort; readonly files: PolicyFiles },
  wanted: NewTenant,
  change: Change,
): Promise<void> {
  const tenant = parseTenantId(wanted.tenant);
  if (tenant === undefined) throw wrong('/tenant', 'lower-case letters, digits and hyphens, at most 63');
  const administrator = parsePrincipal(wanted.administrator);
  const kind = administrator === undefined ? undefined : principalParts(administrator)?.kind;
  // "everyone" is a principal too, and would make everybody an administrator.
  if (administrator === undefined || (kind !== 'user' && kind !== 'group'))
    throw wrong('/administrator', 'must be user:<issuer>|<sub> or group:<issuer>|<id>');
  const lines = [...linesOf(tenant, parts.files.lines)];
  const add = (type: PolicyLine['type'], ...columns: readonly string[]): void => {
    const known = lines.some((line) => line.type === type && line.columns.join() === columns.join());
    if (!known) lines.push({ type, columns, line: Math.max(0, ...lines.map(({ line }) => line)) + 1 });
  };
  add('g', administrator, ADMINISTRATOR, tenant);
  add('p', ADMINISTRATOR, tenant, '*', 'administer', '*', '*', '*', 'allow');
  // A line of the wrong shape may be this tenant's: nobody can tell, so none of the file is taken.
  const problems = [...parts.files.problems, ...parts.policy.check(tenant, lines)];
  if (problems.length > 0) {
    throw new AppError('invalid_request', {
      issues: problems.map(({ line, message }) => ({ pointer: `policy.csv line ${line}`, message })),
    });
  }
  await parts.catalog.createTenant(tenant, policyRevision(lines), change);
}

function wrong(pointer: string, message: string): AppError {
  return new AppError('invalid_request', { detail: `${pointer} ${message}`, issues: [{ pointer, message }] });
}
