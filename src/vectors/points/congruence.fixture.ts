import fc from 'fast-check';
import { NOW, numbers, zone } from '../../../test/support/vector-fixture.ts';
import type { FilterSpec } from '../../core/filter.ts';
import type { ChunkId, DocumentKey } from '../../core/ids.ts';
import type { FormulaTerm, PointCondition, PointFilter, PointQuery, Prefetch, VectorInput } from '../../core/points/question.ts';
import type { LosslessJson, LosslessObject } from '../../core/points/raw-json.ts';
import type { HostedPoint } from '../../core/ports/points.ts';
import { hostedPoint, json } from './hosted.fixture.ts';

export const WORLD_PARAMS: LosslessObject = {
  vectors: {
    dense: { size: 3, distance: 'Cosine' },
    other: { size: 2, distance: 'Euclid' },
    many: { size: 2, distance: 'Dot', multivector_config: { comparator: 'max_sim' } },
  },
  sparse_vectors: { words: {} },
};
/** What clients index to order, to facet, and to compute by. */
export const WORLD_INDEXES = { n: 'integer', tag: 'keyword', f: 'float' } as const;

// Spread evenly: what most generators prefer are the same few numbers, and ties may come in any order.
const spread = (min: number, max: number) => fc.noBias(fc.integer({ min: min * 1e5, max: max * 1e5 })).map((x) => x / 1e5);
const coordinate = spread(-1, 1);
const dense = fc.tuple(coordinate, coordinate, coordinate);
const two = fc.tuple(coordinate, coordinate);
// Weights whose products and sums are exact: Qdrant adds them in another order where it looks through a filter's points one by one.
const words = fc.uniqueArray(fc.integer({ min: 0, max: 8 }), { minLength: 1, maxLength: 5 }).chain((indices) =>
  fc.record({
    indices: fc.constant(indices.toSorted((a, b) => a - b)),
    values: fc.array(
      fc.noBias(fc.integer({ min: 6, max: 192 })).map((x) => x / 64),
      {
        minLength: indices.length,
        maxLength: indices.length,
      },
    ),
  }),
);
const many = fc.array(two, { minLength: 1, maxLength: 3 });
const tag = fc.constantFrom('red', 'green', 'blue', 'ключ "x"');
const payload = fc.record(
  {
    n: fc.integer({ min: 0, max: 30 }),
    tag: fc.oneof(tag, fc.array(tag, { maxLength: 3 })),
    // Few enough alike that sums of it seldom tie.
    f: fc.noBias(fc.integer({ min: 1, max: 1_000_000 })).map((x) => x / 8),
    items: fc.array(fc.record({ a: fc.integer({ min: 0, max: 3 }), b: fc.integer({ min: 0, max: 3 }) }), { maxLength: 3 }),
    gone: fc.constant(null),
  },
  { requiredKeys: ['n', 'f'] },
);
const some = (most: number) => fc.uniqueArray(fc.integer({ min: 1, max: 5 }), { maxLength: most }).map((ids) => numbers(...ids));
const access = fc.record({
  zone: fc.integer({ min: 1, max: 6 }).map(zone),
  acl: fc.record({ gates: fc.array(some(3), { minLength: 1, maxLength: 2 }), deny: some(1) }),
  validFrom: fc.constantFrom('always' as const, NOW, NOW + 1),
  validUntil: fc.constantFrom('forever' as const, NOW + 1, NOW),
});
const vectors = fc.record({ dense, other: two, many, words }, { requiredKeys: ['dense', 'words'] });

/** A point of a random world. */
export const pointOf: fc.Arbitrary<HostedPoint> = fc
  .tuple(access, payload, vectors, fc.uuid(), fc.uuid())
  .map(([rights, given, vector, chunk, document]) => {
    const point = hostedPoint({ ...rights, document: document as DocumentKey }, json(given), json(vector));
    return { ...point, chunk: chunk as ChunkId };
  });

/** Whom a random world is asked by: the greater part of it is hidden from some and little from others. */
export const readerOf = fc.record({
  zones: fc.uniqueArray(fc.integer({ min: 1, max: 6 }), { minLength: 2 }).map((ids) => ({ kind: 'flat', ids: ids.map(zone) }) as const),
  gate: fc.uniqueArray(fc.integer({ min: 1, max: 5 }), { minLength: 2 }),
  deny: fc.uniqueArray(fc.integer({ min: 1, max: 5 }), { maxLength: 1 }),
});

/** The rules of access, spelt out a second time. */
export function mayRead({ access: { zone: at, acl, validFrom, validUntil, document } }: HostedPoint, spec: Partial<FilterSpec>): boolean {
  if (spec.zones?.kind !== 'flat' || !spec.zones.ids.includes(at)) return false;
  if (spec.without?.kind === 'documents' && spec.without.documents.includes(document)) return false;
  if (!acl.gates.every((gate) => gate.some((number) => spec.gate?.includes(number)))) return false;
  if (acl.deny.some((number) => spec.deny?.includes(number))) return false;
  return (validFrom === 'always' || validFrom <= NOW) && (validUntil === 'forever' || validUntil > NOW);
}

const field = (condition: LosslessObject): PointCondition<ChunkId> => ({ kind: 'field', condition });

/** A caller's filter of any shape, which may name hidden and unknown points. */
export function filterOf(ids: readonly ChunkId[]): fc.Arbitrary<PointFilter<ChunkId>> {
  const { filter } = fc.letrec<{ filter: PointFilter<ChunkId>; condition: PointCondition<ChunkId> }>((tie) => {
    const plain = fc.oneof(
      fc.constantFrom(...CONDITIONS).map(field),
      fc.subarray([...ids], { maxLength: 12 }).map((named) => ({ kind: 'has-id', ids: named }) as const),
      fc.constantFrom('dense', 'other', 'words').map((name) => ({ kind: 'has-vector', name }) as const),
      fc.constantFrom(...WITHIN).map((inner) => ({ kind: 'nested', key: 'items', filter: inner }) as const),
    );
    // Qdrant forgets a `must_not` that is equal to a condition it looks points up by, so none here is: it would err, and we not.
    const negatives = fc.array(
      fc.oneof(
        fc.constantFrom(...NEGATIVES).map(field),
        fc.subarray([...ids], { maxLength: 12 }).map((named) => ({ kind: 'has-id', ids: [...named, NOBODY] }) as const),
        fc.constant({ kind: 'has-vector', name: 'many' } as const),
      ),
      { minLength: 1, maxLength: 3 },
    );
    const conditions = fc.array(tie('condition'), { minLength: 1, maxLength: 3 });
    return {
      condition: fc.oneof(
        { maxDepth: 2 },
        { weight: 4, arbitrary: plain },
        { weight: 1, arbitrary: tie('filter').map((filter_) => ({ kind: 'filter', filter: filter_ }) as const) },
      ),
      filter: fc.oneof(
        conditions.map((must) => ({ must })),
        conditions.map((should) => ({ should })),
        negatives.map((must_not) => ({ must_not })),
        fc.tuple(conditions, negatives).map(([should, must_not]) => ({ should, must_not })),
        fc.tuple(conditions, fc.integer({ min: 1, max: 2 })).map(([all, min_count]) => ({ min_should: { conditions: all, min_count } })),
        fc.constant({}),
      ),
    };
  });
  return filter;
}

const CONDITIONS: readonly LosslessObject[] = [
  { key: 'tag', match: { value: 'red' } },
  { key: 'tag', match: { any: ['green', 'blue'] } },
  { key: 'tag', match: { except: ['red'] } },
  { key: 'n', range: { gte: 5, lt: 22 } },
  { key: 'n', match: { value: 7 } },
  { key: 'items[].a', match: { value: 2 } },
  { key: 'items', values_count: { gt: 1 } },
  { is_empty: { key: 'tag' } },
  { is_empty: { key: 'items' } },
  { is_null: { key: 'gone' } },
  { key: 'never.there', match: { value: 1 } },
];
const NEGATIVES: readonly LosslessObject[] = [
  { key: 'tag', match: { value: 'blue' } },
  { key: 'n', range: { gte: 11, lte: 17 } },
  { key: 'items[].b', match: { value: 1 } },
  { is_empty: { key: 'gone' } },
];
/** Of no point. */
const NOBODY = '00000000-0000-4000-8000-000000000002' as ChunkId;
const WITHIN: readonly PointFilter<ChunkId>[] = [
  { must: [field({ key: 'a', match: { value: 1 } }), field({ key: 'b', range: { gte: 2 } })] },
  { must_not: [field({ key: 'a', match: { value: 0 } })] },
];

type Stage = Omit<Prefetch<ChunkId>, 'limit'>;

/** Inputs may be ids of readable points alone: others do not get as far as the index. */
export function stageOf(readable: readonly HostedPoint[], all: readonly ChunkId[], depth: number): fc.Arbitrary<Stage> {
  const filter = fc.option(filterOf(all), { nil: undefined });
  const first = fc.oneof(...VECTORS.map((name) => vectorQuery(readable, name)));
  const finished = (stage: fc.Arbitrary<Pick<Stage, 'query' | 'using'>>, before: fc.Arbitrary<readonly Prefetch<ChunkId>[]>) =>
    fc.tuple(stage, before, filter).map(([one, prefetch, narrower]): Stage => {
      return { ...one, prefetch, ...(narrower === undefined ? {} : { filter: narrower }) };
    });
  if (depth === 0) return finished(first, fc.constant([]));
  const limited = fc
    .tuple(stageOf(readable, all, depth - 1), fc.integer({ min: 3, max: 25 }))
    .map(([stage, limit]) => ({ ...stage, limit }));
  const before = fc.array(limited, { minLength: 1, maxLength: 2 });
  // Ranks of ties are anybody's, so what counts ranks stands at the end alone.
  const after = fc.oneof(first, fc.constant({ query: { kind: 'fusion', fusion: { fusion: 'dbsf' } } } as const), formulaOf(all));
  return finished(after, before);
}

const VECTORS = ['dense', 'other', 'words', 'many'] as const;
const VECTOR = { dense, other: two, words, many };

function vectorQuery(readable: readonly HostedPoint[], using: (typeof VECTORS)[number]): fc.Arbitrary<Pick<Stage, 'query' | 'using'>> {
  const holding = readable.filter(({ vector }) => using in (JSON.parse(vector) as object)).map(({ chunk }) => chunk);
  const plain = VECTOR[using].map((vector): VectorInput<ChunkId> => ({ kind: 'vector', vector: vector as LosslessJson }));
  const input =
    holding.length === 0
      ? plain
      : fc.oneof(
          plain,
          fc.constantFrom(...holding).map((id) => ({ kind: 'id', id }) as const),
        );
  const nearest = input.map((one) => ({ kind: 'nearest', input: one }) as const);
  // Most sparse vectors share no word with an example, and all of those would tie.
  if (using === 'words') return nearest.map((query) => ({ query, using }));
  const pair = fc.record({ positive: input, negative: input });
  const query: fc.Arbitrary<PointQuery<ChunkId>> = fc.oneof(
    { weight: 3, arbitrary: nearest },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('recommend' as const),
        positive: fc.array(input, { minLength: 1, maxLength: 2 }),
        negative: fc.array(input, { maxLength: 1 }),
        strategy: using === 'many' ? fc.constant('best_score') : fc.constantFrom('best_score', 'sum_scores'),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('discover' as const),
        target: input,
        context: fc.array(pair, { minLength: 1, maxLength: 2 }),
      }),
    },
  );
  return query.map((one) => ({ query: one, using }));
}

/** By the score, a key of the payload and a condition, which may name hidden points. */
function formulaOf(all: readonly ChunkId[]): fc.Arbitrary<Pick<Stage, 'query'>> {
  const plain = (value: LosslessJson): FormulaTerm<ChunkId> => ({ kind: 'plain', value });
  return filterOf(all).map((filter) => {
    const bonus = {
      kind: 'operation',
      name: 'mult',
      terms: [plain(0.5), { kind: 'condition', condition: { kind: 'filter', filter } }],
    } as const;
    const by = { kind: 'record', members: { div: { kind: 'record', members: { left: plain('f'), right: plain(7) } } } } as const;
    const formula: FormulaTerm<ChunkId> = { kind: 'operation', name: 'sum', terms: [plain('$score'), bonus, by] };
    return { query: { kind: 'formula', formula, defaults: { f: 2, $score: 0 } } };
  });
}

/** At the root also what counts ranks, orders and draws contexts, where ties do no harm. */
export function rootOf(readable: readonly HostedPoint[], all: readonly ChunkId[]): fc.Arbitrary<Stage> {
  const nested = fc.integer({ min: 0, max: 3 }).chain((depth) => stageOf(readable, all, depth));
  const fused = fc
    .array(fc.tuple(stageOf(readable, all, 2), fc.integer({ min: 3, max: 20 })), { minLength: 2, maxLength: 3 })
    .map((stages): Stage => {
      const prefetch = stages.map(([stage, limit]) => ({ ...stage, limit }));
      return { query: { kind: 'fusion', fusion: { rrf: { k: 3 } } }, prefetch };
    });
  const ordered = fc.option(filterOf(all), { nil: undefined }).map((filter): Stage => {
    const query = { kind: 'order-by', order: { key: 'n', direction: 'desc', startFrom: 25 } } as const;
    return { query, prefetch: [], ...(filter === undefined ? {} : { filter }) };
  });
  return fc.oneof({ weight: 5, arbitrary: nested }, { weight: 2, arbitrary: fused }, { weight: 1, arbitrary: ordered });
}

/** The same as Qdrant takes it, for a collection in which everything may be read: written a second time, without the renderer. */
export function bareStage({ query, using, filter, prefetch }: Stage): Record<string, unknown> {
  return {
    query: query === undefined ? undefined : bareQuery(query),
    using,
    filter: filter === undefined ? undefined : bareFilter(filter),
    prefetch: prefetch.length === 0 ? undefined : prefetch.map((one) => ({ ...bareStage(one), limit: one.limit })),
  };
}

export function bareFilter({ min_should: least, ...clauses }: PointFilter<ChunkId>): Record<string, unknown> {
  const lists = Object.entries(clauses).map(([name, conditions]) => [name, conditions.map(bareCondition)] as const);
  const few = least === undefined ? {} : { min_should: { conditions: least.conditions.map(bareCondition), min_count: least.min_count } };
  return { ...Object.fromEntries(lists), ...few };
}

function bareCondition(condition: PointCondition<ChunkId>): unknown {
  if (condition.kind === 'filter') return bareFilter(condition.filter);
  if (condition.kind === 'nested') return { nested: { key: condition.key, filter: bareFilter(condition.filter) } };
  if (condition.kind === 'has-id') return { has_id: condition.ids };
  return condition.kind === 'has-vector' ? { has_vector: condition.name } : condition.condition;
}

const bareInput = (input: VectorInput<ChunkId>): unknown =>
  input.kind === 'id' ? input.id : input.kind === 'vector' ? input.vector : null;

function bareQuery(query: PointQuery<ChunkId>): unknown {
  if (query.kind === 'nearest') return { nearest: bareInput(query.input) };
  if (query.kind === 'fusion') return query.fusion;
  if (query.kind === 'formula') return { formula: bareTerm(query.formula), defaults: query.defaults };
  if (query.kind === 'order-by')
    return { order_by: { key: query.order.key, direction: query.order.direction, start_from: query.order.startFrom } };
  if (query.kind === 'recommend') {
    const { positive, negative, strategy } = query;
    return { recommend: { positive: positive.map(bareInput), negative: negative.map(bareInput), strategy } };
  }
  if (query.kind !== 'discover') throw new Error(`${query.kind} is not drawn`);
  const context = query.context.map(({ positive, negative }) => ({ positive: bareInput(positive), negative: bareInput(negative) }));
  return { discover: { target: bareInput(query.target), context } };
}

function bareTerm(term: FormulaTerm<ChunkId>): unknown {
  if (term.kind === 'plain') return term.value;
  if (term.kind === 'condition') return bareCondition(term.condition);
  if (term.kind === 'operation') return { [term.name]: term.terms.map(bareTerm) };
  return Object.fromEntries(Object.entries(term.members).map(([name, one]) => [name, bareTerm(one)]));
}

export const documentOf = ({ access: { document } }: HostedPoint): DocumentKey => document;
