import type { DocumentKey, TenantId } from '../core/ids.ts';
import type { WriteCatalog } from '../core/ports/catalog.ts';
import type { Telemetry } from '../core/ports/telemetry.ts';
import type { VectorIndex } from '../core/ports/vectors.ts';

export interface SyncParts {
  readonly writes: WriteCatalog;
  readonly vectors: VectorIndex;
  readonly telemetry: Telemetry;
}

/**
 * Brings the index's copy of a document's access up to the catalog's. False where the index could not be reached: the
 * document stays pending and the mender repeats it. Who lost the right is kept out by key two meanwhile.
 */
export async function syncAccess(parts: SyncParts, tenant: TenantId, key: DocumentKey, signal: AbortSignal): Promise<boolean> {
  try {
    const access = await parts.writes.accessPayload(tenant, key);
    if (access === undefined) return true;
    await parts.vectors.rewriteAccess(access, signal);
    await parts.writes.markIndexed(tenant, key, access.revision);
    return true;
  } catch (error) {
    parts.telemetry.log.warn({ tenant, document: key }, 'the index has not confirmed a change of access; it stays pending');
    parts.telemetry.log.debug({ error: error instanceof Error ? error.message : 'unknown' }, 'why the index did not confirm');
    return false;
  }
}
