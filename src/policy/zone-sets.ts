import { LRUCache } from 'lru-cache';
import { addAll, addIntersection, bits, setBit, type Bits } from './bitset.ts';
import type { PolicyFunctions } from './functions.ts';
import type { Rule } from './line.ts';
import type { ServingLines } from './revision-index.ts';
import type { ZoneLayout, ZoneTable } from './zone-table.ts';

/**
 * What one name, or a party, allows and denies. Kept apart to the end: a decision cached per role and added up would let one
 * role's allow pass another role's deny.
 */
export interface Pair {
  readonly allow: Bits;
  readonly deny: Bits;
}

/**
 * Everything compiled over one table, and nothing that depends on more: not on switches, ceilings, the view or the generation.
 * So whoever has the same table may use it, and whatever is found here by the objects it was made from is still true.
 */
export interface ZoneSets {
  readonly table: ZoneTable;
  /** Of everything a party holds: its lines, as `Party.serving` gives them. */
  sum(lines: readonly ServingLines[]): Pair;
  /** The sets over a newer table. The same where the table is; the source columns go along while the layout does. */
  over(table: ZoneTable): ZoneSets;
}

// 8 MiB of sets in each of four caches a tenant; a set over 20,000 zones takes 2.5 kB.
const MAX_WORDS = 2_097_152;

type Memo<K extends object | string, V> = (key: K, make: () => V) => V;

function memo<K extends object | string, V extends object>(words: (value: V) => number): Memo<K, V> {
  const cache = new LRUCache<K, V>({ maxSize: MAX_WORDS, sizeCalculation: (value) => words(value) + 1 });
  return (key, make) => {
    const known = cache.get(key);
    if (known !== undefined) return known;
    const value = make();
    cache.set(key, value);
    return value;
  };
}

type Covered = (pattern: string) => Bits;

/** By the text of the source column, over one layout. Asked once a source, not once a zone. */
function coveredOver({ ids, bySource }: ZoneLayout, functions: PolicyFunctions): Covered {
  const known = memo<string, Bits>((set) => set.length);
  return (pattern) =>
    known(pattern, () => {
      const set = bits(ids.length);
      for (const [source, members] of bySource) {
        if (functions.covers(pattern, source)) for (const position of members) setBit(set, position);
      }
      return set;
    });
}

/** By effect, label and trust columns together, over one table. Asked once a label. */
function spokenOver({ ids, byLabel }: ZoneTable, functions: PolicyFunctions): (rule: Rule) => Bits {
  const known = memo<string, Bits>((set) => set.length);
  return (rule) =>
    known(rule.terms, () => {
      const set = bits(ids.length);
      const speaks = functions.speaking(rule.eft, rule.label, rule.trust);
      for (const { object, positions } of byLabel) {
        if (speaks(object)) for (const position of positions) setBit(set, position);
      }
      return set;
    });
}

export function zoneSets(table: ZoneTable, functions: PolicyFunctions, covered: Covered = coveredOver(table, functions)): ZoneSets {
  const size = table.ids.length;
  const spoken = spokenOver(table, functions);
  const words = (pair: Pair): number => pair.allow.length + pair.deny.length;
  const pairs = memo<ServingLines, Pair>(words);
  const sums = memo<readonly ServingLines[], Pair>(words);

  const compile = (lines: ServingLines): Pair => {
    const pair: Pair = { allow: bits(size), deny: bits(size) };
    for (const rule of lines) addIntersection(rule.eft === 'deny' ? pair.deny : pair.allow, covered(rule.source), spoken(rule));
    return pair;
  };

  return {
    table,
    sum: (party) =>
      sums(party, () => {
        const sum: Pair = { allow: bits(size), deny: bits(size) };
        for (const lines of party) {
          const pair = pairs(lines, () => compile(lines));
          addAll(sum.allow, pair.allow);
          addAll(sum.deny, pair.deny);
        }
        return sum;
      }),
    over(newer) {
      if (newer === table) return this;
      return zoneSets(newer, functions, newer.layout === table.layout ? covered : coveredOver(newer, functions));
    },
  };
}
