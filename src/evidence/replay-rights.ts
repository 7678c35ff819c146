import { usualPurpose } from '../core/purpose.ts';
import { AppError } from '../core/errors.ts';
import type { SourceId } from '../core/ids.ts';
import type { Json, JsonObject } from '../core/json.ts';
import { joinLabels, type Label, type LabelScheme, type Trust } from '../core/label.ts';
import type { AuditPort, StoredAuditEvent } from '../core/ports/audit.ts';
import type { ReadCatalog, TenantView } from '../core/ports/catalog.ts';
import type { HistoryCatalog } from '../core/ports/history.ts';
import type { PolicyPort } from '../core/ports/policy.ts';
import type { Presence } from '../core/presence.ts';
import { effectiveZone, type Source } from '../core/zone.ts';
import { chunksOf, releaseIn, type ReleasedChunk } from './release-event.ts';

export interface RightsParts {
  readonly catalog: ReadCatalog & Pick<HistoryCatalog, 'documentAt'>;
  readonly policy: PolicyPort;
  readonly audit: Pick<AuditPort, 'byRequest'>;
}

/** `some`: it names something that the caller may replay, and something that they may not. */
export interface ReplayRight {
  readonly kind: 'all' | 'some' | 'none';
  /** The joint label as it was released, joined with what its chunks carry today; undefined for an empty answer. */
  readonly label: Label | undefined;
}

/** The release of a request; undefined where there is none. */
export async function releaseOf({ audit }: RightsParts, { caller }: Presence, request: string): Promise<StoredAuditEvent | undefined> {
  return releaseIn(await audit.byRequest(caller.tenant, request));
}

/**
 * `replay` over the source of each chunk, for user and client, switches and ceilings included, on the strictest label there is: what the
 * whole answer carried when it left, and what its chunks carry now. So neither a source that was relabelled since nor one that holds a
 * harmless part of the answer opens more than a reader is cleared for.
 */
export async function replayRight(parts: RightsParts, here: Presence, release: StoredAuditEvent): Promise<ReplayRight> {
  const { view, caller } = here;
  const chunks = chunksOf(release);
  if (chunks.length === 0) return { kind: holdsAny(parts.policy, here) ? 'all' : 'none', label: undefined };
  const released = labelFrom(view.scheme, release.body['label']);
  const places = new Map(chunks.map((one) => [`${one.source} ${one.zone}`, one]));
  let label = released;
  const sources = new Map<SourceId, Source | undefined>();
  for (const place of places.values()) {
    const { source, declared } = await placeOf(parts, view, place);
    sources.set(place.source, source);
    if (source === undefined || declared === undefined) return { kind: 'none', label };
    label = joinLabels(view.scheme, label, effectiveZone(view.scheme, source, declared).label);
  }
  const joint = label;
  const permitted = [...sources.values()].map((source) => {
    if (source === undefined) return false;
    const object = { tenant: view.tenant, source: source.id, label: joint };
    return parts.policy.permits(withSource(view, source), caller, 'replay', object).kind === 'permit';
  });
  if (permitted.every(Boolean)) return { kind: 'all', label };
  return { kind: permitted.some(Boolean) ? 'some' : 'none', label };
}

/** There is nothing in an empty answer to be cleared for; whoever may replay nothing at all is not told that it was asked. */
function holdsAny(policy: PolicyPort, { view, caller }: Presence): boolean {
  return policy.decide(view, caller, 'replay', usualPurpose(policy)).kind !== 'none';
}

/** Of a source that is gone: as it was when it was deleted. What was released of it stays evidence under its last label. */
async function placeOf(
  { catalog }: RightsParts,
  view: TenantView,
  { source: id, document, zone }: ReleasedChunk,
): Promise<{ readonly source: Source | undefined; readonly declared: Label | undefined }> {
  const source = view.sources.get(id);
  if (source !== undefined) {
    const found = view.zones.get(zone);
    return { source, declared: found?.source === id ? found.declared : undefined };
  }
  const facts = await catalog.documentAt(view.tenant, { kind: 'document', source: id, document }, 'now');
  return { source: facts?.source, declared: facts?.declared };
}

/** Policy lines name sources, whether they still stand or not; only for a deleted one a view is made in which it does. */
function withSource(view: TenantView, source: Source): TenantView {
  if (view.sources.has(source.id)) return view;
  return { ...view, sources: new Map([...view.sources, [source.id, { ...source, state: 'live' }]]) };
}

/** Fails with `policy_unavailable` where the level has left the scheme: nobody can be cleared for it. */
function labelFrom(scheme: LabelScheme, value: Json | undefined): Label {
  const { level, compartments, trust } = (value ?? {}) as JsonObject;
  const known = typeof level === 'string' ? scheme.parse(level) : undefined;
  if (known === undefined || !Array.isArray(compartments)) {
    throw new AppError('policy_unavailable', { detail: 'a release with a level outside the label scheme' });
  }
  return { level: known, compartments: compartments as readonly string[], trust: trust as Trust };
}
