import { aclSubject, type Caller } from '../core/caller.ts';
import type { Label } from '../core/label.ts';
import type { ReadCatalog } from '../core/ports/catalog.ts';
import type { SessionReads } from '../core/ports/sessions.ts';
import { presence } from '../core/presence.ts';
import { judgeSink, sessionKey, type SessionName, type Sink, type SinkReason } from '../core/session.ts';

export interface SinkAnswer {
  readonly allowed: boolean;
  /** What the session has seen; absent where that is nothing, or is not known. */
  readonly label?: Label;
  /** Everything that stands against it; empty where allowed. */
  readonly reasons: readonly SinkReason[];
}

/**
 * Whether a sink may receive what the caller's own session has seen, every answer included that was sent before the call. A session
 * of anybody else is one that does not exist. Fails like `presence`.
 */
export async function checkSession(
  catalog: ReadCatalog & SessionReads,
  asking: Caller,
  name: SessionName,
  sink: Sink,
): Promise<SinkAnswer> {
  const { caller, view } = await presence(catalog, asking);
  const state = await catalog.session(caller.tenant, sessionKey(caller, name).id);
  const { off } = view;
  // Whoever is switched off reads nothing and hands nothing on: user, client or the agent between them, as policy has it.
  const parties = aclSubject(caller).deny;
  const switchedOff = off.everything || [...off.principals].some((one) => parties.has(one));
  const reasons: readonly SinkReason[] = switchedOff ? ['switched_off'] : judgeSink(view.scheme, state, sink);
  const label = state.kind === 'open' && !switchedOff ? state.seen.label : undefined;
  return { allowed: reasons.length === 0, ...(label === undefined ? {} : { label }), reasons };
}
