import { named } from '../core/audit-names.ts';
import { actingPrincipal } from '../core/caller.ts';
import { needsSecondPerson, type EvidencePolicy } from '../core/evidence-policy.ts';
import { AppError } from '../core/errors.ts';
import type { Json, JsonObject } from '../core/json.ts';
import type { AuditKind, AuditPort, AuditTail, SealedReads, StoredAuditEvent } from '../core/ports/audit.ts';
import type { ReplayApprovals } from '../core/ports/erasure.ts';
import { presence, type Presence } from '../core/presence.ts';
import type { Principal } from '../core/principal.ts';
import { changeBy, type RequestContext } from '../core/request-context.ts';
import { again, byOwnHand, decidedUnder } from './people.ts';
import { openRecord, type Replayed } from './replay-record.ts';
import { chunksOf } from './release-event.ts';
import { releaseOf, replayRight, type ReplayRight, type RightsParts } from './replay-rights.ts';

export interface ReplayParts extends RightsParts {
  readonly catalog: RightsParts['catalog'] & ReplayApprovals;
  readonly audit: AuditPort & Pick<AuditTail, 'between'>;
  readonly sealed: SealedReads;
  readonly evidence: EvidencePolicy;
}

/** A damaged record is never shown. */
export type Shown = Exclude<Replayed, { readonly kind: 'damaged' }>;

/** What of a replay its event says beside who it was. */
interface Reading {
  readonly context: RequestContext;
  readonly here: Presence;
  readonly request: string;
  readonly reason: string;
  readonly release: StoredAuditEvent;
  readonly right: ReplayRight;
  /** Before the release was read. */
  readonly erasures: number;
}

/**
 * What a request was answered, byte for byte, from the sealed record. `not_found` where the caller may replay nothing of it or there is
 * nothing; `forbidden` where they may replay a part; `second_person_required` until another person has allowed it, and the wish is
 * recorded; `evidence_damaged` where the record is not what its event commits to. The event is durable before the first byte leaves.
 */
export function replay(parts: ReplayParts, context: RequestContext, request: string, reason: string): Promise<Shown> {
  return again(async () => {
    const here = await presence(parts.catalog, context.caller);
    const erasures = await parts.sealed.erasures(here.view.tenant);
    const release = await releaseOf(parts, here, request);
    if (release === undefined) throw new AppError('not_found');
    const right = await replayRight(parts, here, release);
    if (right.kind === 'none') throw new AppError('not_found');
    const reading: Reading = { context, here, request, reason, release, right, erasures };
    if (right.kind === 'some') return refuse(parts, reading, 'forbidden');
    const approvedBy = await secondPerson(parts, reading);
    const replayed = await openRecord(parts, release, chunksOf(release));
    await record(parts, reading, 'replay.read', {
      outcome: replayed.kind,
      ...(approvedBy === undefined ? {} : { approvedBy: named(approvedBy) }),
    });
    if (replayed.kind === 'damaged') throw new AppError('evidence_damaged');
    return replayed;
  });
}

/** Who allowed it; undefined where nobody has to. */
async function secondPerson(parts: ReplayParts, reading: Reading): Promise<Principal | undefined> {
  const { context, here, request, reason, right } = reading;
  const { view, caller } = here;
  if (!needsSecondPerson(parts.evidence, view.scheme, view.tenant, right.label)) return undefined;
  // An application alone is nobody who could be one of two people.
  if (!byOwnHand(caller)) return refuse(parts, reading, 'second_person_required');
  const known = await parts.catalog.replayWish(view.tenant, request, actingPrincipal(caller));
  const wish =
    known?.reason === reason
      ? known
      : await parts.catalog.wishReplay(view.tenant, request, reason, changeBy({ ...context, caller }), decidedUnder(here));
  if (wish.approval.kind !== 'approved') throw new AppError('second_person_required');
  return wish.approval.by;
}

async function refuse(parts: ReplayParts, reading: Reading, code: 'forbidden' | 'second_person_required'): Promise<never> {
  await record(parts, reading, 'replay.refused', { code });
  throw new AppError(code);
}

/** Whose answer it was is named too: they were concerned by it. */
async function record(parts: ReplayParts, reading: Reading, kind: AuditKind, facts: JsonObject): Promise<void> {
  const { context, here, request, reason, release, right, erasures } = reading;
  const by = actingPrincipal(here.caller);
  await parts.audit.append({
    tenant: here.view.tenant,
    kind,
    requestId: context.requestId,
    body: {
      by: named(by),
      through: here.caller.client,
      request,
      release: release.index,
      user: nameIn(release.body['user']),
      label: right.label === undefined ? null : { ...right.label },
      ...facts,
    },
    sealed: { holder: by, facts: { reason } },
    erasures,
  });
}

/** Read events show names plainly; written ones go under pseudonyms. One that was erased stays as it is. */
function nameIn(value: Json | undefined): Json {
  return typeof value === 'string' ? named(value) : null;
}
