import { isLosslessObject } from './lossless.ts';
import type {
  FormulaTerm,
  GroupedSearch,
  PointFilter,
  PointQuery,
  PointSearch,
  PointsQuestion,
  Prefetch,
  VectorInput,
} from './question.ts';
import { conditionsInTerm, conditionsOf, leavesOf, mapFilter, mapTerm } from './walk-conditions.ts';

/** How ids are replaced: one that a query needs by exactly one; a list of `has_id` by as many as there are. */
export interface IdMapping<A, B> {
  /** Throws where there is none: Qdrant answers so for a missing point that a query is about. */
  one(id: A): B;
  /** Those that there are; the list may become empty, or longer. */
  some(ids: readonly A[]): readonly B[];
}

type Searched<Id> = Pick<Prefetch<Id>, 'query' | 'using' | 'filter' | 'params' | 'scoreThreshold' | 'prefetch'>;

function mapInput<A, B>(input: VectorInput<A>, ids: IdMapping<A, B>): VectorInput<B> {
  return input.kind === 'id' ? { kind: 'id', id: ids.one(input.id) } : input;
}

function mapQuery<A, B>(query: PointQuery<A>, ids: IdMapping<A, B>): PointQuery<B> {
  const input = (one: VectorInput<A>) => mapInput(one, ids);
  const pair = (one: { readonly positive: VectorInput<A>; readonly negative: VectorInput<A> }) => ({
    positive: input(one.positive),
    negative: input(one.negative),
  });
  switch (query.kind) {
    case 'nearest':
      return { ...query, input: input(query.input) };
    case 'recommend':
      return { ...query, positive: query.positive.map(input), negative: query.negative.map(input) };
    case 'discover':
      return { kind: 'discover', target: input(query.target), context: query.context.map(pair) };
    case 'context':
      return { kind: 'context', context: query.context.map(pair) };
    case 'formula':
      return { ...query, formula: mapTerm(query.formula, (list) => ids.some(list)) };
    case 'fusion':
    case 'order-by':
    case 'sample':
      return query;
  }
}

function mapSearched<A, B>(search: Searched<A>, ids: IdMapping<A, B>): Searched<B> {
  const { query, filter, prefetch, ...rest } = search;
  return {
    ...rest,
    ...(query === undefined ? {} : { query: mapQuery(query, ids) }),
    ...mappedFilter(filter, ids),
    prefetch: prefetch.map((inner) => ({ ...mapSearched(inner, ids), limit: inner.limit })),
  };
}

function mappedFilter<A, B>(filter: PointFilter<A> | undefined, ids: IdMapping<A, B>): { readonly filter?: PointFilter<B> } {
  return filter === undefined ? {} : { filter: mapFilter(filter, (list) => ids.some(list)) };
}

function mapSearch<A, B>(search: PointSearch<A>, ids: IdMapping<A, B>): PointSearch<B> {
  return { ...mapSearched(search, ids), limit: search.limit, offset: search.offset, select: search.select };
}

function mapGroups<A, B>(search: GroupedSearch<A>, ids: IdMapping<A, B>): GroupedSearch<B> {
  const { groupBy, limit, groupSize, select } = search;
  return { ...mapSearched(search, ids), groupBy, limit, groupSize, select };
}

/** The same question with other ids. */
export function mapIds<A, B>(question: PointsQuestion<A>, ids: IdMapping<A, B>): PointsQuestion<B> {
  switch (question.kind) {
    case 'search': {
      const [first, ...rest] = question.searches;
      return { kind: 'search', searches: [mapSearch(first, ids), ...rest.map((search) => mapSearch(search, ids))] };
    }
    case 'groups':
      return { kind: 'groups', search: mapGroups(question.search, ids) };
    case 'scroll': {
      const { filter, ...page } = question.page;
      return { kind: 'scroll', page: { ...page, ...mappedFilter(filter, ids) } };
    }
    case 'points':
      return { kind: 'points', ids: ids.some(question.ids), select: question.select };
    case 'count':
      return { kind: 'count', ...mappedFilter(question.filter, ids) };
    case 'facet':
      return { kind: 'facet', key: question.key, limit: question.limit, ...mappedFilter(question.filter, ids) };
    case 'info':
      return question;
  }
}

/** Each search of a question and each prefetch within, at every depth. */
function* searchesOf<Id>(question: PointsQuestion<Id>): Generator<Searched<Id>> {
  if (question.kind === 'search') for (const search of question.searches) yield* withPrefetches(search);
  else if (question.kind === 'groups') yield* withPrefetches(question.search);
}

function* withPrefetches<Id>(search: Searched<Id>): Generator<Searched<Id>> {
  yield search;
  for (const inner of search.prefetch) yield* withPrefetches(inner);
}

function inputsOf<Id>(query: PointQuery<Id> | undefined): readonly VectorInput<Id>[] {
  switch (query?.kind) {
    case 'nearest':
      return [query.input];
    case 'recommend':
      return [...query.positive, ...query.negative];
    case 'discover':
      return [query.target, ...query.context.flatMap((pair) => [pair.positive, pair.negative])];
    case 'context':
      return query.context.flatMap((pair) => [pair.positive, pair.negative]);
    default:
      return [];
  }
}

function filtersOf<Id>(question: PointsQuestion<Id>): readonly (PointFilter<Id> | undefined)[] {
  if (question.kind === 'scroll') return [question.page.filter];
  if (question.kind === 'count' || question.kind === 'facet') return [question.filter];
  return [...searchesOf(question)].map((search) => search.filter);
}

function* conditionsIn<Id>(question: PointsQuestion<Id>) {
  for (const filter of filtersOf(question)) yield* conditionsOf(filter);
  for (const { query } of searchesOf(question)) if (query?.kind === 'formula') yield* conditionsInTerm(query.formula);
}

/**
 * The ids that a question names. `needed`: inputs of queries, where Qdrant fails if one is missing. `optional`: of `has_id`, and the
 * points asked for, where what is missing is not there. In the order of the request, with repetitions.
 */
export function idsIn<Id>(question: PointsQuestion<Id>): { readonly needed: readonly Id[]; readonly optional: readonly Id[] } {
  const inputs = [...searchesOf(question)].flatMap((search) => inputsOf(search.query));
  const has = [...conditionsIn(question)].flatMap((condition) => (condition.kind === 'has-id' ? condition.ids : []));
  return {
    needed: inputs.flatMap((input) => (input.kind === 'id' ? [input.id] : [])),
    optional: question.kind === 'points' ? [...question.ids, ...has] : has,
  };
}

/** The texts that are to be embedded. */
export function textsIn<Id>(question: PointsQuestion<Id>): readonly string[] {
  return [...searchesOf(question)]
    .flatMap((search) => inputsOf(search.query))
    .flatMap((input) => (input.kind === 'text' ? [input.text] : []));
}

function keyOfField(condition: { readonly [name: string]: unknown }): readonly string[] {
  return ['key', 'is_empty', 'is_null'].flatMap((name) => {
    const value = condition[name] as string | { readonly key?: string } | undefined;
    const key = typeof value === 'object' ? value.key : value;
    return typeof key === 'string' ? [key] : [];
  });
}

function keysOfTerm<Id>(formula: FormulaTerm<Id>): readonly string[] {
  return [...leavesOf(formula)].flatMap((leaf) => {
    if (leaf.kind !== 'plain') return [];
    if (typeof leaf.value === 'string') return leaf.value.startsWith('$') ? [] : [leaf.value];
    if (!isLosslessObject(leaf.value)) return [];
    const distance = leaf.value['geo_distance'];
    const to = isLosslessObject(distance) ? distance['to'] : leaf.value['datetime_key'];
    return typeof to === 'string' ? [to] : [];
  });
}

function keysOfQuery<Id>(query: PointQuery<Id> | undefined): readonly string[] {
  if (query?.kind === 'order-by') return [query.order.key];
  if (query?.kind !== 'formula') return [];
  return [...keysOfTerm(query.formula), ...Object.keys(query.defaults ?? {}).filter((key) => !key.startsWith('$'))];
}

/**
 * Every payload key that a question names and that its answer depends on: of filters (within `nested` as they stand, relative), formulas
 * and their defaults, orders, groups and facets. Not those of the selection of payloads.
 */
export function keysIn<Id>(question: PointsQuestion<Id>): readonly string[] {
  const keys = [...conditionsIn(question)].flatMap((condition) => {
    if (condition.kind === 'nested') return [condition.key];
    return condition.kind === 'field' ? keyOfField(condition.condition) : [];
  });
  for (const search of searchesOf(question)) keys.push(...keysOfQuery(search.query));
  if (question.kind === 'groups') keys.push(question.search.groupBy);
  if (question.kind === 'scroll' && question.page.orderBy !== undefined) keys.push(question.page.orderBy.key);
  if (question.kind === 'facet') keys.push(question.key);
  return keys;
}
