import { named } from '../core/audit-names.ts';
import { AppError } from '../core/errors.ts';
import type { AuditPort } from '../core/ports/audit.ts';
import type { ReadCatalog } from '../core/ports/catalog.ts';
import type { PolicyPort } from '../core/ports/policy.ts';
import type { WatchBoard, WatchReading } from '../core/ports/watching.ts';
import { presence, type Presence } from '../core/presence.ts';
import { changeBy, type RequestContext } from '../core/request-context.ts';

export interface WatchingParts {
  readonly catalog: ReadCatalog;
  readonly policy: PolicyPort;
  readonly audit: Pick<AuditPort, 'append'>;
  readonly board: WatchBoard;
}

export interface WatchedResource {
  readonly subject: string;
  readonly readings: readonly WatchReading[];
  /** ISO 8601. */
  readonly blockedUntil?: string;
  readonly limitedUntil?: string;
}

export interface WatchingService {
  /** Who is over a threshold or close to one, limited or blocked. `forbidden` without `administer` or tenant-wide `audit`. */
  list(
    context: RequestContext,
    after: string | undefined,
    limit: number,
  ): Promise<{ readonly subjects: readonly WatchedResource[]; readonly next?: string }>;
  /** Ends block and limit, and counts from nothing again. `forbidden` without `administer`; `not_found` where nothing is known of them. */
  lift(context: RequestContext, subject: string): Promise<void>;
}

export function createWatching({ catalog, policy, audit, board }: WatchingParts): WatchingService {
  const administers = ({ view, caller }: Presence): boolean =>
    caller.scopes.has('admin') && policy.permitsTenant(view, caller, 'administer').kind === 'permit';
  const audits = ({ view, caller }: Presence): boolean =>
    caller.scopes.has('audit') && policy.permitsTenant(view, caller, 'audit').kind === 'permit';
  return {
    async list(context, after, limit) {
      const here = await presence(catalog, context.caller);
      if (!administers(here) && !audits(here)) throw new AppError('forbidden');
      const found = board.subjects(here.view.tenant, after, limit + 1);
      const shown = found.slice(0, limit).map(({ subject, readings, blockedUntil, limitedUntil }) => ({
        subject,
        readings,
        ...(blockedUntil === undefined ? {} : { blockedUntil: iso(blockedUntil) }),
        ...(limitedUntil === undefined ? {} : { limitedUntil: iso(limitedUntil) }),
      }));
      const last = shown.at(-1);
      return { subjects: shown, ...(found.length > limit && last !== undefined ? { next: last.subject } : {}) };
    },
    async lift(context, subject) {
      const here = await presence(catalog, context.caller);
      if (!administers(here)) throw new AppError('forbidden');
      const { tenant } = here.view;
      if (!board.knows(tenant, subject)) throw new AppError('not_found');
      const { by, through } = changeBy(context);
      // Durable first: the other replicas learn of it from the log.
      await audit.append({
        tenant,
        kind: 'watch.lifted',
        requestId: context.requestId,
        body: { by: named(by), through, subject: named(subject) },
      });
      board.forget(tenant, subject);
    },
  };
}

const iso = (moment: number): string => new Date(moment).toISOString();
