import { AppError } from '../../core/errors.ts';
import type { ChunkId } from '../../core/ids.ts';
import type {
  FormulaTerm,
  GroupedSearch,
  OrderBy,
  PointFilter,
  PointQuery,
  PointSearch,
  Prefetch,
  SearchParams,
  Selection,
  VectorInput,
} from '../../core/points/question.ts';
import { isLosslessObject } from '../../core/points/lossless.ts';
import type { LosslessJson, LosslessObject } from '../../core/points/raw-json.ts';
import type { PointPlace } from '../../core/ports/collections.ts';
import { allowedPath, allowedVector, allowedWord } from './place.ts';
import { merged, renderCondition, renderFilter, restricted, type Access } from './render-filter.ts';

/** Everything that goes into each stage of a request. `plan` gives the parameters by which so many points are searched. */
export interface Rendering {
  readonly place: PointPlace;
  readonly access: Access;
  readonly plan: (limit: number) => LosslessObject;
  /** Takes characters of the caller's own filters off what one request may hold. Fails with `limit_exceeded`. */
  readonly spend: (characters: number) => void;
}

/** Qdrant takes 32 MiB. A filter stands in each of the innermost prefetches below it, so a small body can ask for a large one. */
const MAX_FILTERS = 16 * 1024 * 1024;

/** For one request, a batch being one. */
export function allowance(): Rendering['spend'] {
  let left = MAX_FILTERS;
  return (characters) => {
    left -= characters;
    if (left >= 0) return;
    const message = 'the filters are too large, which are repeated at each of the prefetches: send fewer values, or fewer prefetches';
    throw new AppError('limit_exceeded', { issues: [{ pointer: '', message }] });
  };
}

type Search = PointSearch<ChunkId> | GroupedSearch<ChunkId> | Prefetch<ChunkId>;

/** The members of an object that are there. */
function object(members: readonly (readonly [name: string, json: string | undefined])[]): string {
  return `{${members.flatMap(([name, json]) => (json === undefined ? [] : [`${JSON.stringify(name)}:${json}`])).join(',')}}`;
}

const text = (json: LosslessJson | undefined): string | undefined => (json === undefined ? undefined : JSON.stringify(json));
const list = (items: readonly string[]): string => `[${items.join(',')}]`;

export function renderSearch(to: Rendering, search: PointSearch<ChunkId>): string {
  const members = stage(to, search, search.limit + search.offset);
  const ends = [
    ['limit', text(search.limit)],
    ['offset', search.offset === 0 ? undefined : text(search.offset)],
  ] as const;
  return object([...members, ...ends, ...shown(search.select.vectors)]);
}

export function renderGroups(to: Rendering, search: GroupedSearch<ChunkId>): string {
  const { place } = to;
  const groupBy = text(allowedPath(place, search.groupBy));
  const ends = [
    ['group_by', groupBy],
    ['limit', text(search.limit)],
    ['group_size', text(search.groupSize)],
  ] as const;
  return object([...stage(to, search, search.limit * search.groupSize), ...ends, ...shown(search.select.vectors)]);
}

/** Payloads come from the catalog, never from here. */
export function shown(vectors: Selection['vectors']): readonly (readonly [string, string])[] {
  const wanted = vectors.kind === 'named' ? JSON.stringify(vectors.names) : String(vectors.kind === 'all');
  return [
    ['with_payload', 'false'],
    ['with_vector', wanted],
  ];
}

export function renderObject(members: readonly (readonly [name: string, json: string | undefined])[]): string {
  return object(members);
}

export function narrowed(place: PointPlace, filter: PointFilter<ChunkId> | undefined): readonly string[] {
  return filter === undefined ? [] : [renderFilter(place, filter)];
}

function prefetch(to: Rendering, one: Prefetch<ChunkId>, outer: Filter): string {
  return object([...stage(to, one, one.limit, outer), ['limit', text(one.limit)]]);
}

type Filter = PointFilter<ChunkId> | undefined;

/**
 * What all stages have in common. Each carries what the caller may read. Of the caller's own filters Qdrant looks at those of the
 * innermost prefetches alone, into which it merges what stands further out, and so do we.
 */
function stage(to: Rendering, search: Search, limit: number, outer?: Filter): readonly (readonly [string, string | undefined])[] {
  const { place, access } = to;
  const { query, using, filter, params, scoreThreshold, prefetch: before } = search;
  const own = merged(outer, filter);
  const narrower = before.length === 0 ? narrowed(place, own) : [];
  for (const { length } of narrower) to.spend(length);
  const looked = query !== undefined && LOOKED_UP.has(query.kind);
  return [
    ['prefetch', before.length === 0 ? undefined : list(before.map((one) => prefetch(to, one, own)))],
    ['query', query === undefined ? undefined : renderQuery(place, query)],
    ['using', text(looked ? allowedVector(place, using) : using)],
    ['filter', restricted(access, narrower)],
    ['params', looked ? text(planned(to.plan(limit), params)) : undefined],
    ['score_threshold', text(scoreThreshold)],
  ];
}

/** Queries that compare vectors. */
const LOOKED_UP: ReadonlySet<PointQuery<ChunkId>['kind']> = new Set(['nearest', 'recommend', 'discover', 'context']);

/**
 * As the caller says where it does, but what the plan compares one by one stays so: that misses nothing. Which points lie in an indexed
 * segment, and what a quantised vector is rounded to, depends on everybody's points: so the first is not asked, and no score comes of the
 * second. Qdrant compares exactly without it.
 */
function planned(plan: LosslessObject, params: SearchParams | undefined): LosslessObject {
  const { indexed_only: _indexed, quantization, ...kept } = params ?? {};
  const both = { ...plan, ...kept, ...(plan['exact'] === true ? { exact: true } : {}) };
  if (both['exact'] === true) return both;
  return { ...both, quantization: { ...(isLosslessObject(quantization) ? quantization : {}), rescore: true } };
}

function input(one: VectorInput<ChunkId>): string {
  switch (one.kind) {
    case 'vector':
      return JSON.stringify(one.vector);
    case 'id':
      return JSON.stringify(one.id);
    case 'text':
      throw new AppError('internal', { detail: 'a text must be embedded before it reaches the index' });
    default:
      return one satisfies never;
  }
}

const inputs = (all: readonly VectorInput<ChunkId>[]): string => list(all.map(input));

function renderQuery(place: PointPlace, query: PointQuery<ChunkId>): string {
  switch (query.kind) {
    case 'nearest':
      return object([
        ['nearest', input(query.input)],
        ['mmr', text(query.mmr)],
      ]);
    case 'recommend': {
      const { positive, negative, strategy } = query;
      return object([
        [
          'recommend',
          object([
            ['positive', inputs(positive)],
            ['negative', inputs(negative)],
            ['strategy', text(strategy)],
          ]),
        ],
      ]);
    }
    case 'discover':
      return object([
        [
          'discover',
          object([
            ['target', input(query.target)],
            ['context', pairs(query.context)],
          ]),
        ],
      ]);
    case 'context':
      return object([['context', pairs(query.context)]]);
    case 'fusion':
      return JSON.stringify(query.fusion);
    case 'order-by':
      return object([['order_by', renderOrder(place, query.order)]]);
    case 'formula': {
      for (const name of Object.keys(query.defaults ?? {})) allowedWord(place, name);
      return object([
        ['formula', formula(place, query.formula)],
        ['defaults', text(query.defaults)],
      ]);
    }
    case 'sample':
      return '{"sample":"random"}';
    default:
      return query satisfies never;
  }
}

function pairs(context: readonly { readonly positive: VectorInput<ChunkId>; readonly negative: VectorInput<ChunkId> }[]): string {
  return list(
    context.map(({ positive, negative }) =>
      object([
        ['positive', input(positive)],
        ['negative', input(negative)],
      ]),
    ),
  );
}

export function renderOrder(place: PointPlace, { key, direction, startFrom }: OrderBy): string {
  return object([
    ['key', text(allowedPath(place, key))],
    ['direction', text(direction)],
    ['start_from', text(startFrom)],
  ]);
}

function formula(place: PointPlace, term: FormulaTerm<ChunkId>): string {
  switch (term.kind) {
    case 'plain':
      checkWords(place, term.value);
      return JSON.stringify(term.value);
    case 'condition':
      return renderCondition(place, term.condition);
    case 'operation':
      return object([[term.name, list(term.terms.map((one) => formula(place, one)))]]);
    case 'record':
      return object(Object.entries(term.members).map(([name, one]) => [name, formula(place, one)] as const));
    default:
      return term satisfies never;
  }
}

function checkWords(place: PointPlace, value: LosslessJson): void {
  if (typeof value === 'string') allowedWord(place, value);
  else if (typeof value === 'object' && value !== null) Object.values(value).forEach((one: LosslessJson) => checkWords(place, one));
}
