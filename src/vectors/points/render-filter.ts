import type { ChunkId } from '../../core/ids.ts';
import type { PointCondition, PointFilter } from '../../core/points/question.ts';
import type { PointPlace } from '../../core/ports/collections.ts';
import type { PointScope } from '../../core/ports/points.ts';
import { onceAFilter, toQdrantFilter } from '../filter.ts';
import { allowedCondition, allowedPath, layoutOf } from './place.ts';

/** The inside of `must` and `must_not` of a filter, as JSON text. */
export interface Access {
  readonly must: string;
  readonly mustNot: string;
}

const NO_CHUNK = '00000000-0000-0000-0000-000000000000';

const inside = (conditions: readonly unknown[]): string => JSON.stringify(conditions).slice(1, -1);

const accessOf = onceAFilter((filter, layout): Access => {
  const root = toQdrantFilter(filter, layout);
  return { must: inside(root.must), mustNot: 'must_not' in root ? inside(root.must_not) : '' };
});

/** What stands in every stage of a request: who may read, and what key two has refused. */
export function accessOfScope({ place, filter, never }: PointScope): Access {
  const access = accessOf(filter, layoutOf(place));
  if (never.length === 0) return access;
  // With an id that nobody can name: a caller's own list of the same ids would make Qdrant forget this one.
  const refused = `{"has_id":${JSON.stringify([...never, NO_CHUNK])}}`;
  return { must: access.must, mustNot: access.mustNot === '' ? refused : `${access.mustNot},${refused}` };
}

/** The filter of one stage. The caller's is one condition of its own within `must`, so that no clause of it meets one of ours. */
export function restricted({ must, mustNot }: Access, narrower: readonly string[]): string {
  const all = [must, ...narrower].join(',');
  return mustNot === '' ? `{"must":[${all}]}` : `{"must":[${all}],"must_not":[${mustNot}]}`;
}

const CLAUSES = ['must', 'should', 'must_not'] as const;

/**
 * The filter of a stage and that of a prefetch within it, as Qdrant makes one of them: it appends lists of clauses, so that two
 * `should` become a wider one. The caller's own are merged here, as it would do, before they are wrapped; ours stand in `must` and
 * `must_not`, where appending only narrows.
 */
export function merged(outer: PointFilter<ChunkId> | undefined, inner: PointFilter<ChunkId> | undefined): PointFilter<ChunkId> | undefined {
  if (outer === undefined || inner === undefined) return outer ?? inner;
  const lists = CLAUSES.flatMap((name) => {
    const [a, b] = [outer[name], inner[name]];
    return a === undefined && b === undefined ? [] : [[name, [...(a ?? []), ...(b ?? [])]] as const];
  });
  const [a, b] = [outer.min_should, inner.min_should];
  const both = a === undefined || b === undefined ? undefined : [...a.conditions, ...b.conditions];
  const least = both === undefined ? (a ?? b) : { conditions: both, min_count: Math.max(a?.min_count ?? 0, b?.min_count ?? 0) };
  return { ...Object.fromEntries(lists), ...(least === undefined ? {} : { min_should: least }) };
}

export function renderFilter(place: PointPlace, filter: PointFilter<ChunkId>, within: 'root' | 'nested' = 'root'): string {
  const list = (conditions: readonly PointCondition<ChunkId>[]) =>
    `[${conditions.map((one) => renderCondition(place, one, within)).join(',')}]`;
  const clauses = CLAUSES.flatMap((name) => {
    const conditions = filter[name];
    return conditions === undefined ? [] : [`"${name}":${list(conditions)}`];
  });
  if (filter.min_should !== undefined) {
    const { conditions, min_count } = filter.min_should;
    // More than there are means none, whatever the number. Qdrant makes room for as many at once, and does not survive a large one.
    const least = Math.min(min_count, conditions.length + 1);
    clauses.push(`"min_should":{"conditions":${list(conditions)},"min_count":${least}}`);
  }
  return `{${clauses.join(',')}}`;
}

export function renderCondition(place: PointPlace, condition: PointCondition<ChunkId>, within: 'root' | 'nested' = 'root'): string {
  switch (condition.kind) {
    case 'filter':
      return renderFilter(place, condition.filter, within);
    case 'nested': {
      // Paths within begin where this one ends, so it is the outermost that decides what they can reach.
      const key = within === 'root' ? allowedPath(place, condition.key) : condition.key;
      return `{"nested":{"key":${JSON.stringify(key)},"filter":${renderFilter(place, condition.filter, 'nested')}}}`;
    }
    case 'has-id':
      return `{"has_id":${JSON.stringify(condition.ids)}}`;
    case 'has-vector':
      return `{"has_vector":${JSON.stringify(condition.name)}}`;
    case 'field':
      return JSON.stringify(within === 'root' ? allowedCondition(place, condition.condition) : condition.condition);
    default:
      return condition satisfies never;
  }
}
