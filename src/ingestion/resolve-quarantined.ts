import { entryPrincipal } from '../core/acl-entry.ts';
import { AppError } from '../core/errors.ts';
import { isHeldBack } from '../core/hygiene.ts';
import type { DocumentKey, TenantId } from '../core/ids.ts';
import type { Change, StoredDocument, WriteCatalog } from '../core/ports/catalog.ts';
import type { QuarantinedDocuments } from '../core/ports/directory.ts';
import { danglingDenies } from './acl-body.ts';
import type { UnknownPrincipals } from './unknown-principals.ts';

export interface QuarantineParts {
  readonly writes: Pick<WriteCatalog, 'change'>;
  readonly quarantined: QuarantinedDocuments;
  readonly issuers: readonly string[];
  readonly groupless: readonly string[];
  readonly unknown: UnknownPrincipals;
  /** In whose name. */
  readonly change: () => Change;
}

const BATCH = 200;

/**
 * Lets documents out of quarantine of which every deny names somebody known by now. Each is a change like any other, so the index
 * hears of it and one that was written meanwhile stays as it is. Says how many they were.
 */
export async function resolveQuarantined(parts: QuarantineParts, signal: AbortSignal): Promise<number> {
  let resolved = 0;
  for (let after: { readonly tenant: TenantId; readonly key: DocumentKey } | undefined; ;) {
    signal.throwIfAborted();
    const batch = await parts.quarantined(after, BATCH);
    for (const document of batch) if (await resolveOne(parts, document)) resolved += 1;
    const last = batch.at(-1);
    if (last === undefined || batch.length < BATCH) return resolved;
    after = last;
  }
}

async function resolveOne(parts: QuarantineParts, document: StoredDocument): Promise<boolean> {
  const { tenant, key, revision, acl } = document;
  // Nobody who becomes known changes what its text hides: that is for an owner to accept.
  if (isHeldBack(document.hygiene)) return false;
  const unknown = await parts.unknown(tenant, acl.deny.map(entryPrincipal));
  if (danglingDenies(acl, parts.issuers, parts.groupless, unknown).length > 0) return false;
  try {
    await parts.writes.change(key, tenant, revision, { ...document, state: 'live' }, parts.change());
    return true;
  } catch (error) {
    if (error instanceof AppError && error.code === 'conflict') return false;
    throw error;
  }
}
