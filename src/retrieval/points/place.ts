import { AppError } from '../../core/errors.ts';
import type { CollectionName, SourceId } from '../../core/ids.ts';
import type { HostedCollection, PointPlace } from '../../core/ports/collections.ts';
import type { Decision, PolicyPort, Purpose } from '../../core/ports/policy.ts';
import type { Presence } from '../../core/presence.ts';
import type { OwnCollection } from './parts.ts';
import type { VisibleCollection } from './types.ts';

/** Where a request searches, and how what it finds is shown. */
export interface Place {
  readonly visible: VisibleCollection;
  readonly place: PointPlace;
  readonly provenance: OwnCollection['provenance'];
}

interface SeeingParts {
  readonly policy: PolicyPort;
  readonly own: OwnCollection;
}

/**
 * The collection of this name. Sluice's own is everybody's to name. A hosted one is seen by whoever may retrieve, ingest or label in one
 * of its sources, and by administrators; to everybody else it is missing: undefined.
 */
export function placeOf(parts: SeeingParts, here: Presence, purpose: Purpose, name: string): Place | undefined {
  const { own } = parts;
  if (name === own.name) return { visible: { kind: 'own', name: own.name }, place: 'own', provenance: own.provenance };
  const collection = here.view.collections.get(name as CollectionName);
  if (collection === undefined) return undefined;
  return seesHosted(parts.policy, here, purpose, collection) ? hostedPlace(collection) : undefined;
}

function hostedPlace(collection: HostedCollection): Place {
  const { name, key, profile } = collection;
  return { visible: { kind: 'hosted', name, collection }, place: key, provenance: profile.provenance };
}

/** All that the caller sees, by name. */
export function placesOf(parts: SeeingParts, here: Presence, purpose: Purpose): readonly Place[] {
  const names = new Set<string>([parts.own.name, ...here.view.collections.keys()]);
  return [...names].sort().flatMap((name) => placeOf(parts, here, purpose, name) ?? []);
}

function seesHosted(policy: PolicyPort, { view, caller }: Presence, purpose: Purpose, collection: HostedCollection): boolean {
  const sources = sourcesOf(collection);
  if (mayRead(policy.decide(view, caller, 'retrieve', purpose), view, sources)) return true;
  for (const id of sources) {
    const source = view.sources.get(id);
    if (source?.state !== 'live') continue;
    const object = { tenant: view.tenant, source: id, label: source.label };
    if ((['ingest', 'label'] as const).some((action) => policy.permits(view, caller, action, object).kind === 'permit')) return true;
  }
  return policy.permitsTenant(view, caller, 'administer').kind === 'permit';
}

/** Those that have points, and those that are to have some: an application must see the collection that it is about to fill. */
function sourcesOf({ sources, writers }: HostedCollection): ReadonlySet<SourceId> {
  const written = writers.source.kind === 'source' ? [writers.source.source] : [];
  return new Set([...sources, ...written, ...writers.byClient.values()]);
}

function mayRead(decision: Decision, { zones }: Presence['view'], sources: ReadonlySet<SourceId>): boolean {
  if (decision.kind === 'none') return false;
  return decision.zones.some((id) => {
    const zone = zones.get(id);
    return zone !== undefined && sources.has(zone.source);
  });
}

/** The same bytes for a collection that is hidden and for one that is not there. */
export function noCollection(name: string): AppError {
  return new AppError('not_found', { issues: [{ pointer: '', message: `Not found: Collection \`${name}\` doesn't exist!` }] });
}
