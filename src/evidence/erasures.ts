import { named, namedDocument } from '../core/audit-names.ts';
import { actingPrincipal, actorPrincipals } from '../core/caller.ts';
import { AppError } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';
import type { AuditPort, AuditReceipt, Erasable } from '../core/ports/audit.ts';
import type { ReadCatalog } from '../core/ports/catalog.ts';
import type { ErasureCatalog } from '../core/ports/erasure.ts';
import type { HistoryCatalog } from '../core/ports/history.ts';
import type { PolicyPort } from '../core/ports/policy.ts';
import { presence, type Presence } from '../core/presence.ts';
import { changeBy, type RequestContext } from '../core/request-context.ts';
import { effectiveZone } from '../core/zone.ts';
import { erasableOf, type NamedErasable } from './erasables.ts';
import { again, byOwnHand, decidedUnder } from './people.ts';

export interface ErasureParts {
  readonly catalog: ReadCatalog & ErasureCatalog & Pick<HistoryCatalog, 'documentAt'>;
  readonly policy: PolicyPort;
  readonly audit: Pick<AuditPort, 'append'>;
  readonly issuers: readonly string[];
  /** Asks for points of dead chunks to be deleted, and for what lies beside the tables to be overwritten. */
  readonly mend: () => void;
}

export interface ErasureResource {
  readonly erased: NamedErasable;
  /** Of the event that tells of it, and stays. */
  readonly receipt: AuditReceipt;
}

export interface Erasures {
  erase(context: RequestContext, wanted: NamedErasable, reason: string): Promise<ErasureResource>;
}

export function createErasures(parts: ErasureParts): Erasures {
  return { erase: (context, wanted, reason) => erase(parts, context, wanted, reason) };
}

/**
 * Erases a caller (`administer`, and never oneself) or a text (`label` on the document). `legal_hold` where it is held, `not_found`
 * where there is nothing of that name or the caller may not know of it.
 */
function erase(parts: ErasureParts, context: RequestContext, wanted: NamedErasable, reason: string): Promise<ErasureResource> {
  return again(async () => {
    const here = await presence(parts.catalog, context.caller);
    const what = erasableOf(wanted, parts.issuers);
    await demandRight(parts, context, here, what);
    const change = changeBy({ ...context, caller: here.caller });
    const outcome = await parts.catalog.erase(here.view.tenant, what, reason, change, decidedUnder(here));
    switch (outcome.kind) {
      case 'erased':
        // Whether it succeeds now or in the mender's next round: the text is in nobody's reach already.
        await parts.catalog.scrubErased().catch(() => false);
        parts.mend();
        return { erased: what, receipt: outcome.receipt };
      case 'held':
        await refused(parts, context, here, what, 'legal_hold');
        throw new AppError('legal_hold');
      case 'unknown':
        throw new AppError('not_found');
    }
  });
}

async function demandRight(parts: ErasureParts, context: RequestContext, here: Presence, what: Erasable): Promise<void> {
  if (what.kind === 'content') return demandOwner(parts, here, what);
  if (parts.policy.permitsTenant(here.view, here.caller, 'administer').kind !== 'permit') {
    await refused(parts, context, here, what, 'forbidden');
    throw new AppError('forbidden');
  }
  const { caller } = here;
  const own = [actingPrincipal(caller), caller.client, ...actorPrincipals(caller)].includes(what.principal);
  // Whoever could erase the traces of their own acts would leave none. An application could do it for whoever runs it.
  if (own || !byOwnHand(caller)) {
    await refused(parts, context, here, what, 'second_person_required');
    throw new AppError('second_person_required');
  }
}

/** By today's label of the document, or the last it had; of a source that is gone its administrators decide. */
async function demandOwner({ catalog, policy }: ErasureParts, here: Presence, what: Extract<Erasable, { kind: 'content' }>): Promise<void> {
  const { view, caller } = here;
  const { source: id, document } = what;
  const source = view.sources.get(id);
  const facts = await catalog.documentAt(view.tenant, { kind: 'document', source: id, document }, 'now');
  const may =
    source === undefined
      ? policy.permitsTenant(view, caller, 'administer').kind === 'permit'
      : facts !== undefined && policy.permits(view, caller, 'label', effectiveZone(view.scheme, source, facts.declared)).kind === 'permit';
  if (!may || facts === undefined) throw new AppError('not_found');
  if (!(await catalog.everHad(view.tenant, id, document, what.version))) throw new AppError('not_found');
}

/** Who tries to destroy what they may not is worth knowing. */
async function refused(parts: ErasureParts, context: RequestContext, here: Presence, what: Erasable, code: string): Promise<void> {
  const by = actingPrincipal(here.caller);
  await parts.audit.append({
    tenant: here.view.tenant,
    kind: 'erasure.refused',
    requestId: context.requestId,
    body: { by: named(by), through: here.caller.client, kind: what.kind, ...nameOf(what), code },
  });
}

function nameOf(what: Erasable): JsonObject {
  return what.kind === 'caller'
    ? { subject: named(what.principal) }
    : { source: what.source, document: namedDocument(what.source, what.document) };
}
