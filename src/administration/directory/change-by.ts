import type { Caller } from '../../core/caller.ts';
import type { Change } from '../../core/ports/catalog.ts';

/** Who did it, for the audit: the user through the client, or the client alone. */
export function changeBy({ user, client }: Caller, requestId: string): Change {
  return { requestId, by: user.kind === 'user' ? user.principal : client, through: client };
}
