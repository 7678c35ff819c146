import { AppError } from '../core/errors.ts';
import type { Erasures, LegalHold } from '../core/ports/audit.ts';
import type { ReadCatalog } from '../core/ports/catalog.ts';
import type { PolicyPort } from '../core/ports/policy.ts';
import { presence, type Presence } from '../core/presence.ts';
import { changeBy, type RequestContext } from '../core/request-context.ts';
import { erasableOf, type NamedErasable } from './erasables.ts';
import { byOwnHand } from './people.ts';

export interface HoldParts {
  readonly catalog: ReadCatalog;
  readonly policy: PolicyPort;
  readonly erasures: Pick<Erasures, 'hold' | 'liftHold' | 'holds'>;
  readonly issuers: readonly string[];
}

export interface HoldResource {
  readonly what: NamedErasable;
  readonly reason: string;
  readonly by: string;
  /** ISO 8601. */
  readonly since: string;
}

/** Legal holds: what is held cannot be erased. All of it needs `administer`; nothing says whether what is held exists. */
export interface LegalHolds {
  list(
    context: RequestContext,
    after: string | undefined,
    limit: number,
  ): Promise<{ readonly holds: readonly HoldResource[]; readonly next?: string }>;
  place(context: RequestContext, what: NamedErasable, reason: string): Promise<{ readonly placed: boolean }>;
  /** `not_found` where nothing is held. */
  lift(context: RequestContext, what: NamedErasable, reason: string): Promise<void>;
}

export function createLegalHolds(parts: HoldParts): LegalHolds {
  return {
    async list(context, after, limit) {
      const { view } = await administrator(parts, context);
      const found = await parts.erasures.holds(view.tenant, after, limit + 1);
      const last = found[limit - 1];
      return {
        holds: found.slice(0, limit).map(shown),
        ...(found.length > limit && last !== undefined ? { next: last.name } : {}),
      };
    },
    async place(context, what, reason) {
      const here = await administrator(parts, context);
      const change = changeBy({ ...context, caller: here.caller });
      const { changed } = await parts.erasures.hold(here.view.tenant, erasableOf(what, parts.issuers), reason, change);
      return { placed: changed };
    },
    async lift(context, what, reason) {
      const here = await administrator(parts, context);
      // Lifting opens the way to destroy evidence; placing one destroys nothing.
      if (!byOwnHand(here.caller)) throw new AppError('second_person_required');
      const change = changeBy({ ...context, caller: here.caller });
      const { changed } = await parts.erasures.liftHold(here.view.tenant, erasableOf(what, parts.issuers), reason, change);
      if (!changed) throw new AppError('not_found');
    },
  };
}

async function administrator({ catalog, policy }: HoldParts, { caller }: RequestContext): Promise<Presence> {
  const here = await presence(catalog, caller);
  if (policy.permitsTenant(here.view, here.caller, 'administer').kind !== 'permit') throw new AppError('forbidden');
  return here;
}

function shown({ what, reason, by, since }: LegalHold): HoldResource {
  return { what, reason, by, since };
}
