import type { SourceId, ZoneId } from '../core/ids.ts';
import type { TenantView } from '../core/ports/catalog.ts';
import { effectiveZone, type PolicyObject } from '../core/zone.ts';

/** The zones of a view in ascending order; a position in it is a bit in the compiler's sets. */
export interface ZoneTable {
  readonly ids: readonly ZoneId[];
  /** With their effective labels, by position. */
  readonly objects: readonly PolicyObject[];
  readonly positionOf: ReadonlyMap<ZoneId, number>;
  readonly bySource: ReadonlyMap<SourceId, readonly number[]>;
}

/** A zone whose source the view does not know is left out: it has no effective label, so nobody may act on it. */
export function zoneTable(view: TenantView): ZoneTable {
  const zones = [...view.zones.values()].filter((zone) => view.sources.has(zone.source)).sort((a, b) => a.id - b.id);
  const objects: PolicyObject[] = [];
  const positionOf = new Map<ZoneId, number>();
  const bySource = new Map<SourceId, number[]>();
  for (const [position, zone] of zones.entries()) {
    const source = view.sources.get(zone.source);
    if (source === undefined) throw new Error('unreachable: filtered above');
    objects.push(effectiveZone(view.scheme, source, zone.declared));
    positionOf.set(zone.id, position);
    const known = bySource.get(zone.source);
    if (known === undefined) bySource.set(zone.source, [position]);
    else known.push(position);
  }
  return { ids: zones.map((zone) => zone.id), objects, positionOf, bySource };
}
