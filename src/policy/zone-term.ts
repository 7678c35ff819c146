import type { ZoneRun, ZoneTerm } from '../core/filter.ts';
import type { ZoneId } from '../core/ids.ts';

/** A flat list costs the index next to nothing up to here. */
export const MAX_FLAT_ZONES = 2_000;
/** Ranges are dear: a thousand cost more than fifty thousand ids. */
export const MAX_RUNS = 64;

interface Gap {
  /** Position in the list after which the gap lies. */
  readonly after: number;
  readonly width: number;
}

function widestGaps(ids: readonly ZoneId[], count: number): readonly Gap[] {
  const gaps: Gap[] = [];
  for (let at = 0; at + 1 < ids.length; at += 1) {
    const width = (ids[at + 1] ?? 0) - (ids[at] ?? 0) - 1;
    if (width > 0) gaps.push({ after: at, width });
  }
  return gaps.sort((a, b) => b.width - a.width || a.after - b.after).slice(0, count);
}

function runOf(ids: readonly ZoneId[]): ZoneRun | undefined {
  const [first, last] = [ids[0], ids.at(-1)];
  if (first === undefined || last === undefined) return undefined;
  // Every missing number is a hole, whether or not a zone has it: one made later inside the run must not slip in.
  const members = new Set<number>(ids);
  const holes: ZoneId[] = [];
  for (let id: number = first; id < last; id += 1) if (!members.has(id)) holes.push(id as ZoneId);
  return { first, last, holes };
}

function asRuns(ids: readonly ZoneId[]): readonly ZoneRun[] | undefined {
  const cuts = widestGaps(ids, MAX_RUNS - 1);
  const last = ids.at(-1) ?? 0;
  const span = last - (ids[0] ?? 0) + 1 - cuts.reduce((sum, gap) => sum + gap.width, 0);
  // More holes than ids: the list itself is shorter. Decided before the holes are counted out, since ids may lie far apart.
  if (span - ids.length + cuts.length >= ids.length) return undefined;
  const starts = [0, ...cuts.map((gap) => gap.after + 1).sort((a, b) => a - b)];
  return starts.flatMap((start, index) => runOf(ids.slice(start, starts[index + 1])) ?? []);
}

/**
 * The cheapest form of a zone set, equal to the list it is made from: no zone that is not in `ids`, not even one made later.
 * `ids` ascending, without duplicates, not empty.
 */
export function zoneTerm(ids: readonly ZoneId[]): ZoneTerm {
  if (ids.length === 0) throw new Error('an empty zone set is spelt as none, never as a term');
  const runs = ids.length > MAX_FLAT_ZONES ? asRuns(ids) : undefined;
  return runs === undefined ? { kind: 'flat', ids: [...ids] } : { kind: 'runs', runs };
}
