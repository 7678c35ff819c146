import type { SourceId, ZoneId } from '../core/ids.ts';
import type { Label } from '../core/label.ts';
import type { TenantView } from '../core/ports/catalog.ts';
import { effectiveZone, type PolicyObject, type Source, type Zone } from '../core/zone.ts';

/** Which zones there are and whose: all that a source column is compared with. The same object for as long as that stays the same. */
export interface ZoneLayout {
  /** Ascending; a position in it is a bit in the compiler's sets. */
  readonly ids: readonly ZoneId[];
  readonly positionOf: ReadonlyMap<ZoneId, number>;
  readonly bySource: ReadonlyMap<SourceId, readonly number[]>;
}

/** The zones of a view with their effective labels. The same object for as long as both stay the same. */
export interface ZoneTable extends ZoneLayout {
  readonly layout: ZoneLayout;
  /** By position. */
  readonly objects: readonly PolicyObject[];
  /** Positions by effective label. A label may be in more than one group. */
  readonly byLabel: readonly LabelGroup[];
  /** What `objects` were made from. */
  readonly made: { readonly zones: readonly Zone[]; readonly sources: ReadonlyMap<SourceId, Source> };
}

export interface LabelGroup {
  /** One of the zones, to ask about; what is said of a label is said of all. */
  readonly object: PolicyObject;
  readonly positions: readonly number[];
}

function sameLabel(a: Label, b: Label): boolean {
  if (a === b) return true;
  const { length } = a.compartments;
  if (a.level !== b.level || a.trust !== b.trust || length !== b.compartments.length) return false;
  return a.compartments.every((one, index) => one === b.compartments[index]);
}

function push<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const known = map.get(key);
  if (known === undefined) map.set(key, [value]);
  else known.push(value);
}

function layoutOf(zones: readonly Zone[]): ZoneLayout {
  const bySource = new Map<SourceId, number[]>();
  for (const [position, zone] of zones.entries()) push(bySource, zone.source, position);
  return { ids: zones.map((zone) => zone.id), positionOf: new Map(zones.map((zone, position) => [zone.id, position])), bySource };
}

/** One label object for equal labels, so that they can be grouped without comparing each with each. */
function interning(known: readonly LabelGroup[]): (object: PolicyObject) => PolicyObject {
  const keyOf = ({ level, compartments, trust }: Label): string => `${level}\n${compartments.join()}\n${trust}`;
  let labels: Map<string, Label> | undefined;
  return (object) => {
    labels ??= new Map(known.map((group) => [keyOf(group.object.label), group.object.label]));
    const key = keyOf(object.label);
    const label = labels.get(key) ?? object.label;
    labels.set(key, label);
    return { ...object, label };
  };
}

function groupsOf(objects: readonly PolicyObject[]): readonly LabelGroup[] {
  const byLabel = new Map<Label, number[]>();
  for (const [position, object] of objects.entries()) push(byLabel, object.label, position);
  return [...byLabel.values()].flatMap((positions) => {
    const object = objects[positions[0] ?? -1];
    return object === undefined ? [] : [{ object, positions }];
  });
}

/**
 * A zone whose source the view does not know, or that is of another tenant, is left out: nobody may act on it. What is as it was
 * in `before` is taken from there, and all of it where nothing changed. An effective label is made from the label declared, the
 * source's and the tenant, and from the scheme, which is one for a process: where those are equal, it is.
 */
export function zoneTable(view: TenantView, before?: ZoneTable): ZoneTable {
  const zones = [...view.zones.values()]
    .filter((zone) => view.sources.get(zone.source)?.tenant === view.tenant)
    .sort((a, b) => a.id - b.id);
  const unchanged = new Map<SourceId, boolean>();
  for (const [id, source] of view.sources) {
    const was = before?.made.sources.get(id);
    unchanged.set(id, was?.id === source.id && was.tenant === source.tenant && sameLabel(was.label, source.label));
  }
  const interned = interning(before?.byLabel ?? []);
  // As many, and each of them known: the same ones, in the same places.
  let [sameLayout, sameObjects] = [before?.ids.length === zones.length, true];
  const objects = zones.map((zone): PolicyObject => {
    const at = before?.positionOf.get(zone.id) ?? -1;
    const was = before?.made.zones[at];
    if (was?.source !== zone.source) sameLayout = false;
    const object = before?.objects[at];
    if (
      object !== undefined &&
      was?.source === zone.source &&
      unchanged.get(zone.source) === true &&
      sameLabel(was.declared, zone.declared)
    ) {
      return object;
    }
    sameObjects = false;
    const source = view.sources.get(zone.source);
    if (source === undefined) throw new Error('unreachable: filtered above');
    return interned(effectiveZone(view.scheme, source, zone.declared));
  });
  if (before !== undefined && sameLayout && sameObjects) return before;
  const layout = before !== undefined && sameLayout ? before.layout : layoutOf(zones);
  return { ...layout, layout, objects, byLabel: groupsOf(objects), made: { zones, sources: view.sources } };
}
