import type { TenantId } from '../ids.ts';
import type { Label } from '../label.ts';
import type { Digest } from '../digest.ts';
import type { SessionKey, SessionState } from '../session.ts';

/** What one release adds to a session: the joint label of its chunks, undefined for an empty answer. */
export interface SessionTurn {
  readonly key: SessionKey;
  readonly label: Label | undefined;
}

/** Sessions as the query path reads them. Never cached: an agent asks right after a turn, perhaps on another replica. */
export interface SessionReads {
  /** What was joined by every release that was acknowledged before the call. Fails with `catalog_unavailable`. */
  session(tenant: TenantId, id: Digest): Promise<SessionState>;
}

export interface SessionUpkeep {
  /** Erases labels of up to `limit` sessions that have ended and forgets names whose time is over; how many rows it touched. */
  sweepSessions(limit: number): Promise<number>;
}
