import { seesHosted } from '../../core/hosted-visibility.ts';
import type { CollectionName } from '../../core/ids.ts';
import type { HostedCollection, PointPlace } from '../../core/ports/collections.ts';
import type { PolicyPort, Purpose } from '../../core/ports/policy.ts';
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
 * The collection of this name. Sluice's own is everybody's to name. A hosted one that the caller does not
 * see (`seesHosted`) is missing: undefined.
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
