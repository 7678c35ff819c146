import { sql } from 'kysely';
import type { TenantId } from '../../core/ids.ts';
import { deniedName } from '../../core/renames.ts';
import type { Tx } from '../../database/database.ts';
import type { CatalogContext } from '../context.ts';

/**
 * Fails with `invalid_request` where a document's ACL denies a name that an entry is about to give up. It reads every ACL of the
 * tenant, which a rename is rare enough for. What is looked for is the name as `aclText` writes it, after the gates: quotes within
 * a name are escaped there, so nothing else can look like it.
 */
export async function demandNotDenied(
  { database }: Pick<CatalogContext, 'database'>,
  tx: Tx,
  tenant: TenantId,
  name: string,
): Promise<void> {
  const at = database.kind === 'sqlite' ? sql.raw('instr') : sql.raw('strpos');
  const found = await tx
    .selectFrom('documents')
    .select('key')
    .where('tenant', '=', tenant)
    .where('state', '<>', 'deleted')
    .where(sql<boolean>`${at}(substr(acl, ${at}(acl, '"deny":')), ${JSON.stringify(name)}) > 0`)
    .limit(1)
    .executeTakeFirst();
  if (found !== undefined) throw deniedName('the ACL of a document');
}
