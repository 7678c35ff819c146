import type { Caller } from '../core/caller.ts';
import { AppError } from '../core/errors.ts';
import type { ReleaseOutcome } from '../core/ports/audit.ts';
import type { SessionTurn } from '../core/ports/sessions.ts';
import { MAX_SESSIONS, sessionKey } from '../core/session.ts';
import type { RetrieveAnswer, RetrieveRequest } from './types.ts';

/** What this answer adds to the session that the request names; undefined where it names none. */
export function turnOf(caller: Caller, { session }: RetrieveRequest, { label }: RetrieveAnswer): SessionTurn | undefined {
  return session === undefined ? undefined : { key: sessionKey(caller, session), label };
}

/** Fails with `session_ended`, `limit_exceeded` or `policy_unavailable` where the answer could not be joined into its session. */
export function demandSession({ kind }: ReleaseOutcome): void {
  switch (kind) {
    case 'session-ended':
      throw new AppError('session_ended');
    case 'session-limit':
      throw new AppError('limit_exceeded', { issues: [{ pointer: '/session', message: `at most ${MAX_SESSIONS} sessions in use` }] });
    case 'session-unreadable':
      throw new AppError('policy_unavailable', { detail: 'a session holds a level outside the label scheme' });
    case 'released':
    case 'epoch-moved':
    case 'validity-ended':
  }
}
