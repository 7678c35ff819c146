import type { AuditEvent, AuditReceipt } from '../core/ports/audit.ts';
import type { Tx } from './database.ts';

/**
 * Writes an event in the caller's own transaction, so that the change and its record become durable together or not at all.
 * Call it after the epoch rows were locked or changed: epochs first, then the tenant's head, is the lock order everywhere.
 */
export type AuditSink = (tx: Tx, event: AuditEvent) => Promise<AuditReceipt>;

/** The same for several events of one tenant, in their order. */
export type AuditSinkAll = (tx: Tx, events: readonly AuditEvent[]) => Promise<void>;
