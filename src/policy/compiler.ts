import type { SourceId, ZoneId } from '../core/ids.ts';
import type { Action } from '../core/policy-lines.ts';
import type { TenantView } from '../core/ports/catalog.ts';
import { bits, keepOnly, membersOf, removeAll, setBit, type Bits } from './bitset.ts';
import { isSwitchedOff, sourceRefusal } from './circumstances.ts';
import type { Party, Standing } from './standing.ts';
import type { ZoneSets } from './zone-sets.ts';

/** Key one for one view. */
export interface Compiler {
  /** Ascending: user's and client's rights intersected, actor's denies, switches, ceilings. */
  decide(standing: Standing, action: Action, purpose: string): ZoneId[];
}

const NOBODY = { gate: new Set<never>(), deny: new Set<never>() };

/** Zones of sources that nothing refuses but policy. What is open to nobody in particular is open to everybody; only a ceiling asks who. */
function openZones(view: TenantView, { table }: ZoneSets): (standing: Standing, action: Action) => Bits {
  const known = new Map<Action, Bits>();
  const gated = [...view.sources.values()].filter((source) => source.ceiling.kind !== 'none');
  const add = (set: Bits, source: SourceId): void => {
    for (const position of table.bySource.get(source) ?? []) setBit(set, position);
  };
  const forEverybody = (action: Action): Bits => {
    const set = bits(table.ids.length);
    for (const id of view.sources.keys()) if (sourceRefusal(view, NOBODY, action, id) === undefined) add(set, id);
    return set;
  };
  return (standing, action) => {
    const common = known.get(action) ?? forEverybody(action);
    known.set(action, common);
    if (gated.length === 0) return common;
    const set = common.slice();
    for (const { id } of gated) if (sourceRefusal(view, standing.acl, action, id) === undefined) add(set, id);
    return set;
  };
}

/** What depends on the view is computed here at every call; what depends on zones and lines alone comes from the sets. */
export function compiler(view: TenantView, sets: ZoneSets): Compiler {
  const open = openZones(view, sets);
  const permitted = (party: Party, action: Action, purpose: string): Bits => {
    const { allow, deny } = sets.sum(party.serving(action, purpose));
    const result = allow.slice();
    removeAll(result, deny);
    return result;
  };
  return {
    decide(standing, action, purpose) {
      if (isSwitchedOff(view, standing)) return [];
      const result = permitted(standing.client, action, purpose);
      if (standing.user.kind === 'party') keepOnly(result, permitted(standing.user.party, action, purpose));
      if (standing.actor.kind === 'party') removeAll(result, sets.sum(standing.actor.party.serving(action, purpose)).deny);
      keepOnly(result, open(standing, action));
      return membersOf(result, sets.table.ids);
    },
  };
}
