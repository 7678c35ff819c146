import type { RequestContext } from '../core/request-context.ts';
import { approveReplay, openWishes, type ApprovalParts, type ApprovalResource, type WishResource } from './replay-approvals.ts';
import { replay, type ReplayParts, type Shown } from './replay.ts';
import { reevaluate, type Given, type Reevaluation, type ReevaluationParts } from './reevaluate.ts';

/** What was answered, read again; and, apart from it, what would be answered today. */
export interface Replays {
  replay(context: RequestContext, request: string, reason: string): Promise<Shown>;
  approve(context: RequestContext, request: string, wish: { readonly reader: string; readonly reason: string }): Promise<ApprovalResource>;
  wishes(
    context: RequestContext,
    after: string | undefined,
    limit: number,
  ): Promise<{ readonly wishes: readonly WishResource[]; readonly next?: string }>;
  reevaluate(context: RequestContext, request: string, given: Given): Promise<Reevaluation>;
}

export function createReplays(parts: ReplayParts & ApprovalParts & ReevaluationParts): Replays {
  return {
    replay: (context, request, reason) => replay(parts, context, request, reason),
    approve: (context, request, wish) => approveReplay(parts, context, request, wish),
    wishes: (context, after, limit) => openWishes(parts, context, after, limit),
    reevaluate: (context, request, given) => reevaluate(parts, context, request, given),
  };
}
