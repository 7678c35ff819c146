import { addAll, addIntersection, bits, NO_BITS, setBit, type Bits } from './bitset.ts';
import type { PolicyFunctions } from './functions.ts';
import type { Rule } from './line.ts';
import { memoByObject, memoByText } from './memo.ts';
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
  /** Of everything a party holds: its lines, as `Party.serving` gives them. Both as long as the table. */
  sum(lines: readonly ServingLines[]): Pair;
  /** The sets over a newer table. The same where the table is; the source columns go along while the layout does. */
  over(table: ZoneTable): ZoneSets;
}

// 8 MiB of sets in each of four caches a tenant; a set over 20,000 zones takes 2.5 kB.
const MAX_WORDS = 2_097_152;
/** So few lines are read again sooner than a set of theirs is found and added. */
const FEW_LINES = 3;

interface SourceColumn {
  readonly set: Bits;
  readonly positions: readonly number[];
}
type Covered = (pattern: string) => SourceColumn;

/** By the text of the source column, over one layout. Asked once a source, not once a zone. */
function coveredOver({ ids, bySource }: ZoneLayout, functions: PolicyFunctions): Covered {
  const columns = memoByText<SourceColumn>(MAX_WORDS, ({ set, positions }) => set.length + positions.length);
  const fill = (pattern: string): SourceColumn => {
    const [set, positions]: [Bits, number[]] = [bits(ids.length), []];
    for (const [source, members] of bySource) {
      if (!functions.covers(pattern, source)) continue;
      for (const position of members) {
        setBit(set, position);
        positions.push(position);
      }
    }
    return { set, positions };
  };
  return (pattern) => columns(pattern, fill);
}

/** Effect, label and trust columns together, over one table. */
interface Terms {
  readonly speaks: (position: number) => boolean;
  /** The zones spoken of: asked once a label, and not before as many zones have been asked about one by one. */
  set(asked: number): Bits | undefined;
}

function termsOver(table: ZoneTable, functions: PolicyFunctions): (rule: Rule) => Terms {
  const { ids, byLabel, objects } = table;
  const known = memoByText<Terms>(MAX_WORDS, () => table.ids.length >>> 5);
  const make = ({ eft, label, trust }: Rule): Terms => {
    const speaking = functions.speaking(eft, label, trust);
    let [asked, made]: [number, Bits | undefined] = [0, undefined];
    const fill = (): Bits => {
      const set = bits(ids.length);
      for (const { object, positions } of byLabel) if (speaking(object)) for (const position of positions) setBit(set, position);
      return set;
    };
    return {
      speaks(position) {
        const object = objects[position];
        return object !== undefined && speaking(object);
      },
      set(more) {
        asked += more;
        if (asked >= byLabel.length) made ??= fill();
        return made;
      },
    };
  };
  return (rule) => known(rule.terms, () => make(rule));
}

export function zoneSets(table: ZoneTable, functions: PolicyFunctions, covered: Covered = coveredOver(table, functions)): ZoneSets {
  const size = table.ids.length;
  const termsOf = termsOver(table, functions);
  const words = ({ allow, deny }: Pair): number => allow.length + deny.length + 1;
  const pairs = memoByObject<ServingLines, Pair>(MAX_WORDS, words);
  const sums = memoByObject<readonly ServingLines[], Pair>(MAX_WORDS, words);

  const add = (into: Bits, rule: Rule): void => {
    const { set, positions } = covered(rule.source);
    const spoken = termsOf(rule);
    const spokenSet = spoken.set(positions.length);
    if (spokenSet !== undefined) addIntersection(into, set, spokenSet);
    else for (const position of positions) if (spoken.speaks(position)) setBit(into, position);
  };

  const compile = (lines: ServingLines): Pair => {
    let [allow, deny] = [NO_BITS, NO_BITS];
    for (const rule of lines) {
      if (rule.eft === 'deny') add(deny === NO_BITS ? (deny = bits(size)) : deny, rule);
      else add(allow === NO_BITS ? (allow = bits(size)) : allow, rule);
    }
    return { allow, deny };
  };

  const sumOf = (party: readonly ServingLines[]): Pair => {
    const sum: Pair = { allow: bits(size), deny: bits(size) };
    for (const lines of party) {
      if (lines.length <= FEW_LINES) {
        for (const rule of lines) add(rule.eft === 'deny' ? sum.deny : sum.allow, rule);
        continue;
      }
      const pair = pairs(lines, compile);
      addAll(sum.allow, pair.allow);
      addAll(sum.deny, pair.deny);
    }
    return sum;
  };

  const self: ZoneSets = {
    table,
    sum: (party) => sums(party, sumOf),
    over(newer) {
      if (newer === table) return self;
      return zoneSets(newer, functions, newer.layout === table.layout ? covered : coveredOver(newer, functions));
    },
  };
  return self;
}
