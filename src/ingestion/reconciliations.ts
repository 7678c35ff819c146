import { AppError } from '../core/errors.ts';
import type { DriftCatalog, DriftCounts, Run } from '../core/ports/drift.ts';
import type { ReadCatalog } from '../core/ports/catalog.ts';
import type { PolicyPort } from '../core/ports/policy.ts';
import { presence, type Presence } from '../core/presence.ts';
import { changeBy, type RequestContext } from '../core/request-context.ts';
import type { Reconciler } from './reconciler.ts';

export interface ReconciliationParts {
  readonly catalog: ReadCatalog & DriftCatalog;
  readonly policy: PolicyPort;
  readonly reconciler: Pick<Reconciler, 'begin'>;
  readonly newId: () => string;
}

/** A comparison of a tenant's chunks with the index, as whoever administers the tenant sees it. */
export interface ReconciliationResource {
  readonly id: string;
  readonly check: boolean;
  readonly state: Run['state'];
  readonly chunks: number;
  readonly total: number;
  readonly found: DriftCounts;
  readonly mended: DriftCounts;
  /** Points of hosted collections, by name, that are missing and that only their applications can write again. */
  readonly lost: Readonly<Record<string, number>>;
  readonly startedAt: string;
  readonly endedAt?: string;
}

export interface Reconciliations {
  /** Begins one, or gives the one under way. `conflict` where that one only checks and this should mend, or the other way round. */
  begin(context: RequestContext, body: { readonly check: boolean }): Promise<ReconciliationResource>;
  /** `not_found` for another tenant's. */
  get(context: RequestContext, id: string): Promise<ReconciliationResource>;
}

/** Both fail with `forbidden` for whoever may not administer the tenant. */
export function createReconciliations({ catalog, policy, reconciler, newId }: ReconciliationParts): Reconciliations {
  async function administered(context: RequestContext): Promise<Presence> {
    const here = await presence(catalog, context.caller);
    if (policy.permitsTenant(here.view, here.caller, 'administer').kind !== 'permit') throw new AppError('forbidden');
    return here;
  }

  return {
    async begin(context, { check }) {
      const { caller } = await administered(context);
      const mode = check ? 'check' : 'mend';
      const run = await reconciler.begin({
        id: newId(),
        scope: { kind: 'tenant', tenant: caller.tenant },
        mode,
        ...changeBy(context),
      });
      if (run.mode !== mode) throw new AppError('conflict', { detail: 'a run of the other kind is under way' });
      return resource(run);
    },
    async get(context, id) {
      const { caller } = await administered(context);
      const run = await catalog.findRun(id);
      if (run?.scope.kind !== 'tenant' || run.scope.tenant !== caller.tenant) throw new AppError('not_found');
      return resource(run);
    },
  };
}

function resource({ id, scope, mode, state, progress, startedAt, endedAt }: Run): ReconciliationResource {
  const { chunks, total, found, mended } = progress;
  return {
    id,
    check: mode === 'check',
    state,
    chunks,
    // Chunks may have come since they were counted.
    total: Math.max(total, chunks),
    found,
    mended,
    lost: scope.kind === 'tenant' ? (progress.lost[scope.tenant] ?? {}) : {},
    startedAt: new Date(startedAt).toISOString(),
    ...(endedAt === undefined ? {} : { endedAt: new Date(endedAt).toISOString() }),
  };
}
