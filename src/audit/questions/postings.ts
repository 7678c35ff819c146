import type { Database } from '../../database/database.ts';
import { decodePositions } from '../index/positions.ts';

/** Ascending positions that are read block by block, and only forwards. */
export interface Postings {
  /** How many there are at most. */
  readonly size: number;
  /** The first position at or after `position`, which never goes back; undefined where there is none. */
  seek(position: number): Promise<number | undefined>;
}

/** Counts what a question reads, so that a page ends while it is still cheap. */
export interface Work {
  blocks: number;
}

/** Of one sub-log as it is indexed; undefined where there is none under this key. */
export async function openPostings(index: Database, tenant: string, key: Uint8Array, work: Work): Promise<Postings | undefined> {
  const row = await index.db
    .selectFrom('audit_sublogs')
    .select(['size', 'blocks', 'tail'])
    .where('tenant', '=', tenant)
    .where('key', '=', key)
    .executeTakeFirst();
  if (row === undefined) return undefined;
  const blocks = blocksOf(index, { tenant, key, full: row.blocks, tail: decodePositions(row.tail) }, work);
  let current = { number: -1, positions: [] as readonly number[], next: 0 };
  return {
    size: row.size,
    async seek(position) {
      if (current.number < 0 || (current.positions.at(-1) ?? -1) < position) {
        if (current.number >= row.blocks) return undefined;
        const block = await blocks.holding(position, Math.max(current.number, 0));
        current = { number: block, positions: await blocks.load(block), next: 0 };
        // The position may lie between the end of this block and the beginning of the next.
        if ((current.positions.at(-1) ?? -1) < position && block < row.blocks)
          current = { number: block + 1, positions: await blocks.load(block + 1), next: 0 };
      }
      while (current.next < current.positions.length && (current.positions[current.next] ?? 0) < position) current.next += 1;
      return current.positions[current.next];
    },
  };
}

interface StoredSubLog {
  readonly tenant: string;
  readonly key: Uint8Array;
  /** How many full blocks there are; the tail counts as one more. */
  readonly full: number;
  readonly tail: readonly number[];
}

interface Blocks {
  load(number: number): Promise<readonly number[]>;
  /** The last block from `low` on that begins at or before the position; `low` where none does. */
  holding(position: number, low: number): Promise<number>;
}

function blocksOf(index: Database, { tenant, key, full, tail }: StoredSubLog, work: Work): Blocks {
  const rowOf = (number: number) =>
    index.db.selectFrom('audit_sublog_blocks').where('tenant', '=', tenant).where('key', '=', key).where('block', '=', number);
  async function firstOf(number: number): Promise<number> {
    if (number >= full) return tail[0] ?? Number.POSITIVE_INFINITY;
    work.blocks += 1;
    const found = await rowOf(number).select('first').executeTakeFirst();
    return found?.first ?? Number.POSITIVE_INFINITY;
  }
  return {
    async load(number) {
      if (number >= full) return tail;
      work.blocks += 1;
      const found = await rowOf(number).select('positions').executeTakeFirst();
      return found === undefined ? [] : decodePositions(found.positions);
    },
    async holding(position, low) {
      // Mostly it is the next one: in growing steps first.
      let [from, step] = [low, 1];
      while (low + step <= full && (await firstOf(low + step)) <= position) {
        from = low + step;
        step *= 2;
      }
      let to = Math.min(low + step, full + 1);
      while (from + 1 < to) {
        const middle = Math.floor((from + to) / 2);
        if ((await firstOf(middle)) <= position) from = middle;
        else to = middle;
      }
      return from;
    },
  };
}

/** What is in one of them. */
export function union(lists: readonly Postings[]): Postings {
  return {
    size: lists.reduce((sum, { size }) => sum + size, 0),
    async seek(position) {
      let first: number | undefined;
      for (const list of lists) {
        const found = await list.seek(position);
        if (found !== undefined && (first === undefined || found < first)) first = found;
      }
      return first;
    },
  };
}

/** The first position at or after `position` that is in all of them; `tired` ends it early with where it got to, never where it began. */
export async function nextInAll(
  lists: readonly Postings[],
  position: number,
  end: number,
  tired: () => boolean,
): Promise<{ readonly kind: 'found' | 'tired'; readonly position: number } | { readonly kind: 'end' }> {
  let wanted = position;
  for (;;) {
    if (wanted > position && tired()) return { kind: 'tired', position: wanted };
    let furthest = wanted;
    for (const list of lists) {
      const found = await list.seek(furthest);
      if (found === undefined || found >= end) return { kind: 'end' };
      furthest = found;
    }
    if (furthest === wanted) return { kind: 'found', position: wanted };
    wanted = furthest;
  }
}
