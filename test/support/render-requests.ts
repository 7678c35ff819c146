import { type PointId, pointIdJson } from '../../src/core/points/point-id.ts';
import type {
  FormulaTerm,
  GroupedSearch,
  PointCondition,
  PointFilter,
  PointQuery,
  PointSearch,
  PointsQuestion,
  Prefetch,
  Selection,
  VectorInput,
} from '../../src/core/points/question.ts';
import type { PointChange, PointSelector } from '../../src/ingestion/points/types.ts';
import { type Json, rawNumber } from './lossless.ts';

// A second way from a parsed question to Qdrant's JSON, plain and in full, so that what was lost in parsing shows.

type Filter = PointFilter<PointId>;
type Condition = PointCondition<PointId>;
type Input = VectorInput<PointId>;

const id = (one: PointId): Json => (one.kind === 'number' ? rawNumber(one.digits) : (JSON.parse(pointIdJson(one)) as Json));

function condition(one: Condition): Json {
  if (one.kind === 'filter') return filter(one.filter);
  if (one.kind === 'nested') return { nested: { key: one.key, filter: filter(one.filter) } };
  if (one.kind === 'has-id') return { has_id: one.ids.map(id) };
  if (one.kind === 'has-vector') return { has_vector: one.name };
  return one.condition;
}

function filter(one: Filter): Json {
  const few = one.min_should;
  return {
    ...(one.must === undefined ? {} : { must: one.must.map(condition) }),
    ...(one.should === undefined ? {} : { should: one.should.map(condition) }),
    ...(one.must_not === undefined ? {} : { must_not: one.must_not.map(condition) }),
    ...(few === undefined ? {} : { min_should: { conditions: few.conditions.map(condition), min_count: few.min_count } }),
  };
}

function input(one: Input): Json {
  if (one.kind === 'id') return id(one.id);
  return one.kind === 'vector' ? one.vector : { text: one.text, model: 'any' };
}

const pairs = (context: readonly { readonly positive: Input; readonly negative: Input }[]): Json =>
  context.map((pair) => ({ positive: input(pair.positive), negative: input(pair.negative) }));

function term(one: FormulaTerm<PointId>): Json {
  if (one.kind === 'plain') return one.value;
  if (one.kind === 'condition') return condition(one.condition);
  if (one.kind === 'operation') return { [one.name]: one.terms.map(term) };
  return Object.fromEntries(Object.entries(one.members).map(([name, inner]) => [name, term(inner)]));
}

const order = (one: { readonly key: string; readonly direction?: string; readonly startFrom?: Json }): Json => ({
  key: one.key,
  ...(one.direction === undefined ? {} : { direction: one.direction }),
  ...(one.startFrom === undefined ? {} : { start_from: one.startFrom }),
});

function query(one: PointQuery<PointId>): Json {
  switch (one.kind) {
    case 'nearest':
      return { nearest: input(one.input), ...(one.mmr === undefined ? {} : { mmr: one.mmr }) };
    case 'recommend': {
      const strategy = one.strategy === undefined ? {} : { strategy: one.strategy };
      return { recommend: { positive: one.positive.map(input), negative: one.negative.map(input), ...strategy } };
    }
    case 'discover':
      return { discover: { target: input(one.target), context: pairs(one.context) } };
    case 'context':
      return { context: pairs(one.context) };
    case 'fusion':
      return one.fusion;
    case 'order-by':
      return { order_by: order(one.order) };
    case 'formula':
      return { formula: term(one.formula), ...(one.defaults === undefined ? {} : { defaults: one.defaults }) };
    case 'sample':
      return { sample: 'random' };
  }
}

function selected({ payload, vectors }: Selection): Record<string, Json> {
  const named = payload.kind === 'include' || payload.kind === 'exclude';
  return {
    with_payload: named ? { [payload.kind]: payload.keys } : payload.kind === 'all',
    with_vector: vectors.kind === 'named' ? vectors.names : vectors.kind === 'all',
  };
}

const filtered = (one: { readonly filter?: Filter }): Record<string, Json> =>
  one.filter === undefined ? {} : { filter: filter(one.filter) };

function searched(one: Omit<Prefetch<PointId>, 'limit'>): Record<string, Json> {
  return {
    ...(one.query === undefined ? {} : { query: query(one.query) }),
    ...(one.using === undefined ? {} : { using: one.using }),
    ...filtered(one),
    ...(one.params === undefined ? {} : { params: one.params }),
    ...(one.scoreThreshold === undefined ? {} : { score_threshold: one.scoreThreshold }),
    prefetch: one.prefetch.map((inner) => ({ ...searched(inner), limit: inner.limit })),
  };
}

const search = (one: PointSearch<PointId>): Json => ({ ...searched(one), ...selected(one.select), limit: one.limit, offset: one.offset });

const groups = (one: GroupedSearch<PointId>): Json => ({
  ...searched(one),
  ...selected(one.select),
  group_by: one.groupBy,
  limit: one.limit,
  group_size: one.groupSize,
});

/** Path below the collection and body that ask the same of a Qdrant. */
export function renderQuestion(question: PointsQuestion): { readonly path: string; readonly body: Json } {
  switch (question.kind) {
    case 'search':
      return { path: '/points/query/batch', body: { searches: question.searches.map(search) } };
    case 'groups':
      return { path: '/points/query/groups', body: groups(question.search) };
    case 'scroll': {
      const { page } = question;
      const ordered = page.orderBy === undefined ? {} : { order_by: order(page.orderBy) };
      const offset = page.cursor === undefined ? {} : { offset: page.cursor };
      return { path: '/points/scroll', body: { ...filtered(page), ...ordered, ...offset, limit: page.limit, ...selected(page.select) } };
    }
    case 'points':
      return { path: '/points', body: { ids: question.ids.map(id), ...selected(question.select) } };
    case 'count':
      return { path: '/points/count', body: { ...filtered(question), exact: true } };
    case 'facet':
      return { path: '/facet', body: { key: question.key, limit: question.limit, exact: true, ...filtered(question) } };
    case 'info':
      throw new Error('no body asks for it');
  }
}

const which = (one: PointSelector): Record<string, Json> => ('ids' in one ? { points: one.ids.map(id) } : { filter: filter(one.filter) });

function change(one: PointChange): Json {
  switch (one.kind) {
    case 'upsert':
      return {
        upsert: { points: one.points.map((point) => ({ id: id(point.id), vector: vectorOf(point.vector), payload: point.payload })) },
      };
    case 'delete':
      return { delete: which(one.which) };
    case 'set-payload':
    case 'overwrite-payload': {
      const key = one.key === undefined ? {} : { key: one.key };
      return { [one.kind.replace('-', '_')]: { ...which(one.which), payload: one.payload, ...key } };
    }
    case 'delete-payload':
      return { delete_payload: { ...which(one.which), keys: one.keys } };
    case 'clear-payload':
      return { clear_payload: which(one.which) };
    case 'update-vectors':
      return { update_vectors: { points: one.points.map((point) => ({ id: id(point.id), vector: vectorOf(point.vector) })) } };
    case 'delete-vectors':
      return { delete_vectors: { ...which(one.which), vector: one.names } };
  }
}

function vectorOf(raw: string): Json {
  return JSON.parse(raw) as Json;
}

/** Body of `points/batch` that changes the same. */
export function renderChanges(changes: readonly PointChange[]): Json {
  return { operations: changes.map(change) };
}
