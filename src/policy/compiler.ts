import { LRUCache } from 'lru-cache';
import type { Action } from '../core/policy-lines.ts';
import type { TenantView } from '../core/ports/catalog.ts';
import { addAll, bits, keepOnly, positions, removeAll, setBit, type Bits } from './bitset.ts';
import { isSwitchedOff, sourceRefusal } from './circumstances.ts';
import type { PolicyFunctions } from './functions.ts';
import type { Rule } from './line.ts';
import type { RevisionIndex } from './revision-index.ts';
import type { Party, Standing } from './standing.ts';
import type { ZoneTable } from './zone-table.ts';

/**
 * What one name allows and denies. Kept apart to the end: a decision cached per role and added up would let one role's
 * allow pass another role's deny.
 */
interface Pair {
  readonly allow: Bits;
  readonly deny: Bits;
}

/** Key one for one view. */
export interface Compiler {
  /** Positions in the zone table, ascending: user's and client's rights intersected, actor's denies, switches, ceilings. */
  decide(standing: Standing, action: Action, purpose: string): readonly number[];
}

// 16 MiB of sets a view; a pair over 20,000 zones takes 5 kB.
const MAX_WORDS = 4_194_304;

function compilePair(table: ZoneTable, functions: PolicyFunctions, rules: readonly Rule[], purpose: string): Pair {
  const pair: Pair = { allow: bits(table.ids.length), deny: bits(table.ids.length) };
  for (const rule of rules) {
    if (!functions.serves(rule.purpose, purpose)) continue;
    const into = rule.eft === 'deny' ? pair.deny : pair.allow;
    for (const [source, members] of table.bySource) {
      if (!functions.covers(rule.source, source)) continue;
      for (const position of members) {
        const zone = table.objects[position];
        if (zone !== undefined && functions.speaks(rule.eft, rule.label, rule.trust, zone)) setBit(into, position);
      }
    }
  }
  return pair;
}

export function compiler(view: TenantView, table: ZoneTable, index: RevisionIndex, functions: PolicyFunctions): Compiler {
  const pairs = new LRUCache<string, Pair>({
    maxSize: MAX_WORDS,
    sizeCalculation: (pair) => pair.allow.length + pair.deny.length + 1,
  });

  const pairOf = (who: string, rules: readonly Rule[], action: Action, purpose: string): Pair => {
    const key = `${action}\n${purpose}\n${who}`;
    const known = pairs.get(key);
    if (known !== undefined) return known;
    const pair = compilePair(table, functions, rules, purpose);
    pairs.set(key, pair);
    return pair;
  };

  const collect = (party: Party, action: Action, purpose: string): Pair => {
    const sum: Pair = { allow: bits(table.ids.length), deny: bits(table.ids.length) };
    for (const who of party.subject.held) {
      const rules = index.rules(action, who);
      if (rules.length === 0) continue;
      const pair = pairOf(who, rules, action, purpose);
      addAll(sum.allow, pair.allow);
      addAll(sum.deny, pair.deny);
    }
    return sum;
  };

  const permitted = (party: Party, action: Action, purpose: string): Bits => {
    const { allow, deny } = collect(party, action, purpose);
    removeAll(allow, deny);
    return allow;
  };

  const open = (standing: Standing, action: Action): Bits => {
    const set = bits(table.ids.length);
    for (const [source, members] of table.bySource) {
      if (sourceRefusal(view, standing.acl, action, source) !== undefined) continue;
      for (const position of members) setBit(set, position);
    }
    return set;
  };

  return {
    decide(standing, action, purpose) {
      if (isSwitchedOff(view, standing.acl)) return [];
      const result = permitted(standing.client, action, purpose);
      if (standing.user.kind === 'party') keepOnly(result, permitted(standing.user.party, action, purpose));
      if (standing.actor.kind === 'party') removeAll(result, collect(standing.actor.party, action, purpose).deny);
      keepOnly(result, open(standing, action));
      return positions(result);
    },
  };
}
