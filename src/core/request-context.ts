import type { Caller } from './caller.ts';

/** Who asks, under which request. */
export interface RequestContext {
  readonly caller: Caller;
  readonly requestId: string;
  readonly signal: AbortSignal;
}
