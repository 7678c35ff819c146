import { LRUCache } from 'lru-cache';
import type { Caller } from '../core/caller.ts';
import type { ZoneId } from '../core/ids.ts';
import type { Action } from '../core/policy-lines.ts';
import type { TenantView } from '../core/ports/catalog.ts';
import type { Decision, Verdict } from '../core/ports/policy.ts';
import type { PolicyObject } from '../core/zone.ts';
import { isSwitchedOff, sourceRefusal } from './circumstances.ts';
import { compiler } from './compiler.ts';
import type { PolicyFunctions } from './functions.ts';
import type { RevisionRoom } from './revision-room.ts';
import { refuse } from './second-key.ts';
import { zoneSets, type ZoneSets } from './zone-sets.ts';
import { zoneTable, type ZoneTable } from './zone-table.ts';

/** Both keys over one view. Everything cached here depends on the view, which never changes, and on what its key spells out. */
export interface ViewRoom {
  readonly table: ZoneTable;
  /** For the view that follows. */
  readonly sets: ZoneSets;
  decide(caller: Caller, action: Action, purpose: string): Decision;
  confirm(caller: Caller, zone: ZoneId, action: Action, purpose: string): Verdict;
  permits(caller: Caller, action: Action, object: PolicyObject, purpose: string): Verdict;
  /** `authorize` takes only what `decide` made here, for this caller and action. */
  isOwn(decision: Decision, caller: Caller, action: Action): boolean;
}

const MAX_DECIDED_ZONES = 1_000_000;
const MAX_VERDICTS = 100_000;

/** `before`: sets of an earlier view of the same tenant, of which is used what is still true. */
export function viewRoom(view: TenantView, revision: RevisionRoom, functions: PolicyFunctions, before?: ZoneSets): ViewRoom {
  const table = zoneTable(view, before?.table);
  const sets = before === undefined ? zoneSets(table, functions) : before.over(table);
  const firstKey = compiler(view, sets);
  const decisions = new LRUCache<string, Decision>({
    maxSize: MAX_DECIDED_ZONES,
    sizeCalculation: (decision) => (decision.kind === 'zones' ? decision.zones.length : 1),
  });
  const verdicts = new LRUCache<string, Verdict>({ maxSize: MAX_VERDICTS, sizeCalculation: () => 1 });
  const made = new WeakMap<Decision, string>();
  const owner = (caller: Caller, action: Action): string => `${action}\n${revision.standing(caller).key}`;

  const decideAnew = (caller: Caller, action: Action, purpose: string): Decision => {
    if (caller.tenant !== view.tenant) return { kind: 'none' };
    const zones = firstKey.decide(revision.standing(caller), action, purpose);
    return zones.length === 0 ? { kind: 'none' } : Object.freeze({ kind: 'zones', zones: Object.freeze(zones) });
  };

  const permits = (caller: Caller, action: Action, object: PolicyObject, purpose: string): Verdict => {
    const standing = revision.standing(caller);
    if (caller.tenant !== view.tenant || object.tenant !== view.tenant) return refuse('unknown-zone');
    if (isSwitchedOff(view, standing)) return refuse('switched-off');
    const refusal = sourceRefusal(view, standing.acl, action, object.source);
    return refusal === undefined ? revision.secondKey.verdict(standing, { object, action, purpose }) : refuse(refusal);
  };

  return {
    table,
    sets,
    permits,
    decide(caller, action, purpose) {
      const key = `${owner(caller, action)}\n${purpose}`;
      const known = decisions.get(key);
      if (known !== undefined) return known;
      const decision = decideAnew(caller, action, purpose);
      made.set(decision, owner(caller, action));
      decisions.set(key, decision);
      return decision;
    },
    confirm(caller, zone, action, purpose) {
      const key = `${owner(caller, action)}\n${purpose}\n${zone}`;
      const known = verdicts.get(key);
      if (known !== undefined) return known;
      const object = table.objects[table.positionOf.get(zone) ?? -1];
      const verdict = object === undefined ? refuse('unknown-zone') : permits(caller, action, object, purpose);
      verdicts.set(key, verdict);
      return verdict;
    },
    isOwn: (decision, caller, action) => made.get(decision) === owner(caller, action),
  };
}
