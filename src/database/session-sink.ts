import type { TenantId } from '../core/ids.ts';
import type { SessionTurn } from '../core/ports/sessions.ts';
import type { SessionSeen } from '../core/session.ts';
import type { Tx } from './database.ts';

/** `limit`: this user and client have too many sessions for another one. Nothing was joined unless `open`. */
export type JoinedSession = { readonly kind: 'open'; readonly seen: SessionSeen } | { readonly kind: 'ended' | 'unreadable' | 'limit' };

export interface TenantTurn extends SessionTurn {
  readonly tenant: TenantId;
}

/**
 * Joins turns into their sessions, in order, in the transaction that writes their releases, and says what each session has seen
 * after each. `at` is database time in milliseconds. Call it while holding the audit head of each tenant: all joins of a tenant
 * are one after the other for it, so none is lost between two replicas.
 */
export type SessionSink = (tx: Tx, turns: readonly TenantTurn[], at: number) => Promise<readonly JoinedSession[]>;
