import { actingPrincipal, type Caller } from './caller.ts';
import type { Change } from './ports/catalog.ts';

/** Who asks, under which request. */
export interface RequestContext {
  readonly caller: Caller;
  readonly requestId: string;
  readonly signal: AbortSignal;
}

/** Who does it under which request, for the event of the change. */
export function changeBy({ caller, requestId }: Pick<RequestContext, 'caller' | 'requestId'>): Change {
  return { requestId, by: actingPrincipal(caller), through: caller.client };
}
