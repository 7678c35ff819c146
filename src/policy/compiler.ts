import { LRUCache } from 'lru-cache';
import type { Action } from '../core/policy-lines.ts';
import type { TenantView } from '../core/ports/catalog.ts';
import type { PolicyObject } from '../core/zone.ts';
import { addAll, addIntersection, bits, keepOnly, positions, removeAll, setBit, type Bits } from './bitset.ts';
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

/** For one view, the zones that a source column covers, and those that an effect, label and trust column speak of. */
interface Columns {
  covered(pattern: string): Bits;
  spoken(rule: Rule): Bits;
}

// 8 MiB of sets a view in each of three caches; a set over 20,000 zones takes 2.5 kB.
const MAX_WORDS = 2_097_152;

function memo<T extends object>(words: (value: T) => number): (key: string, make: () => T) => T {
  const cache = new LRUCache<string, T>({ maxSize: MAX_WORDS, sizeCalculation: (value) => words(value) + 1 });
  return (key, make) => {
    const known = cache.get(key);
    if (known !== undefined) return known;
    const value = make();
    cache.set(key, value);
    return value;
  };
}

/** A policy repeats few columns over many lines, so each is judged once a view and a line is the intersection of two sets. */
function columnsOf(table: ZoneTable, functions: PolicyFunctions): Columns {
  const [patterns, terms] = [memo<Bits>((set) => set.length), memo<Bits>((set) => set.length)];
  const fill = (holds: (zone: PolicyObject) => boolean): Bits => {
    const set = bits(table.ids.length);
    for (const [position, zone] of table.objects.entries()) if (holds(zone)) setBit(set, position);
    return set;
  };
  return {
    covered: (pattern) => patterns(pattern, () => fill((zone) => functions.covers(pattern, zone.source))),
    spoken: (rule) => terms(rule.terms, () => fill((zone) => functions.speaks(rule.eft, rule.label, rule.trust, zone))),
  };
}

function compilePair(columns: Columns, functions: PolicyFunctions, size: number, rules: readonly Rule[], purpose: string): Pair {
  const pair: Pair = { allow: bits(size), deny: bits(size) };
  for (const rule of rules) {
    if (!functions.serves(rule.purpose, purpose)) continue;
    addIntersection(rule.eft === 'deny' ? pair.deny : pair.allow, columns.covered(rule.source), columns.spoken(rule));
  }
  return pair;
}

export function compiler(view: TenantView, table: ZoneTable, index: RevisionIndex, functions: PolicyFunctions): Compiler {
  const size = table.ids.length;
  const columns = columnsOf(table, functions);
  const pairs = memo<Pair>((pair) => pair.allow.length + pair.deny.length);
  const pairOf = (who: string, rules: readonly Rule[], action: Action, purpose: string): Pair =>
    pairs(`${action}\n${purpose}\n${who}`, () => compilePair(columns, functions, size, rules, purpose));

  const collect = (party: Party, action: Action, purpose: string): Pair => {
    const sum: Pair = { allow: bits(size), deny: bits(size) };
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
    const set = bits(size);
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
