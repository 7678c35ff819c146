import type { TenantId } from '../core/ids.ts';
import type { Erasable } from '../core/ports/audit.ts';
import type { Change } from '../core/ports/catalog.ts';
import type { ErasureOutcome } from '../core/ports/erasure.ts';
import type { Tx } from './database.ts';

/**
 * Destroys what the audit holds of something, with the event, in the transaction that erases it elsewhere, so that neither is erased
 * without the other. Call it after the epoch rows were locked and the catalog's rows were written: the tenant's head is locked last.
 */
export type ErasureSink = (tx: Tx, tenant: TenantId, what: Erasable, reason: string, change: Change) => Promise<ErasureOutcome>;
