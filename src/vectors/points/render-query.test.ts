import { describe, expect, it } from 'vitest';
import { mintFilterForTests } from '../../../test/support/authorized-filter.ts';
import { newChunkId } from '../../../test/support/vector-fixture.ts';
import { AppError } from '../../core/errors.ts';
import type { ChunkId, CollectionKey } from '../../core/ids.ts';
import { parseLossless } from '../../core/points/lossless.ts';
import type { FormulaTerm, PointCondition, PointFilter, PointSearch, Prefetch } from '../../core/points/question.ts';
import type { LosslessJson } from '../../core/points/raw-json.ts';
import type { PointPlace } from '../../core/ports/collections.ts';
import { accessOfScope } from './render-filter.ts';
import { allowance, renderGroups, renderSearch, type Rendering } from './render-query.ts';

const HOSTED = '3b8a5a4e-0d3c-4c44-9f0e-0d6c4a0c7f11' as CollectionKey;
const never = [newChunkId()];
const filter = mintFilterForTests({ gate: [5], deny: [6] });
const rendering = (place: PointPlace): Rendering => ({
  place,
  access: accessOfScope({ place, filter, never }),
  plan: () => ({ exact: true }),
  spend: allowance(),
});
const select = { payload: { kind: 'all' }, vectors: { kind: 'none' } } as const;
const key = (name: string): PointCondition<ChunkId> => ({ kind: 'field', condition: { key: name, match: { value: 1 } } });
const search = (more: Partial<PointSearch<ChunkId>>): PointSearch<ChunkId> => ({ prefetch: [], limit: 3, offset: 0, select, ...more });
const plain = (value: LosslessJson): FormulaTerm<ChunkId> => ({ kind: 'plain', value });
const formula = (term: FormulaTerm<ChunkId>, defaults = {}) => search({ query: { kind: 'formula', formula: term, defaults } });

function codeOf(run: () => unknown): string {
  try {
    run();
    return 'no failure';
  } catch (error) {
    return error instanceof AppError ? error.code : String(error);
  }
}

interface Stage {
  readonly filter: { readonly must: readonly unknown[]; readonly must_not: readonly unknown[]; readonly should?: unknown };
  readonly prefetch?: readonly Stage[];
}

function* stages(stage: Stage): Generator<Stage> {
  yield stage;
  for (const inner of stage.prefetch ?? []) yield* stages(inner);
}

describe('a rendered search', () => {
  const mine: PointFilter<ChunkId> = { should: [key('metadata.a')], min_should: { conditions: [key('metadata.b')], min_count: 1 } };
  const leaf = (limit: number): Prefetch<ChunkId> => ({ prefetch: [], limit, filter: mine });
  const deep = search({ filter: mine, prefetch: [{ prefetch: [{ prefetch: [leaf(9), leaf(8)], limit: 7 }], limit: 6, filter: mine }] });

  it.each(['own', HOSTED] as const)('carries the whole of what may be read at every stage, and the caller beside it (%s)', (place) => {
    const access = accessOfScope({ place, filter, never });
    const [must, mustNot] = [JSON.parse(`[${access.must}]`) as unknown[], JSON.parse(`[${access.mustNot}]`) as unknown[]];
    // Some of them within others, of a hosted point.
    expect(access.must.split('"key":').length).toBeGreaterThan(13);
    expect(mustNot).toContainEqual({ has_id: [...never, '00000000-0000-0000-0000-000000000000'] });
    const all = [...stages(JSON.parse(renderSearch(rendering(place), deep)) as Stage)];
    expect(all).toHaveLength(5);
    for (const { filter: found } of all) {
      expect(found.must.slice(0, must.length)).toEqual(must);
      expect(found.must_not).toEqual(mustNot);
      expect(Object.keys(found).sort()).toEqual(['must', 'must_not']);
    }
    // Qdrant would make one filter of all that lie over a leaf: so it stands there, as one condition.
    const should = [key('metadata.a'), key('metadata.a'), key('metadata.a')].map((one) => one.kind === 'field' && one.condition);
    expect(all.map(({ filter: { must: found } }) => found.length - must.length)).toEqual([0, 0, 0, 1, 1]);
    expect(all.at(-1)?.filter.must.at(-1)).toMatchObject({ should, min_should: { min_count: 1 } });
  });

  it('asks for no more conditions than there are and one: Qdrant ends where it cannot make room for so many', () => {
    const few = { min_should: { conditions: [key('a'), key('b')], min_count: Number.MAX_SAFE_INTEGER } };
    for (const place of [search({ filter: few }), search({ filter: { must: [{ kind: 'nested', key: 'n', filter: few }] } })]) {
      expect(renderSearch(rendering(HOSTED), place)).toContain('"min_count":3}');
    }
    const enough = search({ filter: { min_should: { ...few.min_should, min_count: 2 } } });
    expect(renderSearch(rendering(HOSTED), enough)).toContain('"min_count":2}');
  });

  it('is refused where its filters, repeated at each prefetch, are more than the index takes', () => {
    const filter = { must: [{ kind: 'has-id' as const, ids: Array.from({ length: 10_000 }, newChunkId) }] };
    const fanned = (leaves: number) =>
      search({ filter, prefetch: Array.from({ length: leaves }, () => ({ prefetch: [], limit: 1 })), query: { kind: 'sample' } });
    expect(codeOf(() => renderSearch(rendering(HOSTED), fanned(32)))).toBe('no failure');
    const together = rendering(HOSTED);
    expect(codeOf(() => [fanned(32), fanned(32)].map((one) => renderSearch(together, one)))).toBe('limit_exceeded');
  });

  it('never asks for payloads, and keeps numbers as they came', () => {
    const query = { kind: 'nearest', input: { kind: 'vector', vector: parseLossless('[1.0,12345678901234567890]') } } as const;
    const text = renderSearch(rendering(HOSTED), search({ query, params: { hnsw_ef: 64, exact: false } }));
    expect(text).toContain('"nearest":[1.0,12345678901234567890]');
    expect(text).toContain('"with_payload":false,"with_vector":false');
    // What the plan compares one by one stays so.
    expect(text).toContain('"params":{"exact":true,"hnsw_ef":64}');
  });

  it('has no score and no point that depends on how everybody’s points are stored', () => {
    const graph = { ...rendering(HOSTED), plan: () => ({ acorn: { enable: true } }) };
    const params = { indexed_only: true, quantization: { rescore: false, oversampling: 2 } };
    const query = { kind: 'nearest', input: { kind: 'vector', vector: [1, 2] } } as const;
    const rescored = '"params":{"acorn":{"enable":true},"quantization":{"rescore":true';
    expect(renderSearch(graph, search({ query, params }))).toContain('"quantization":{"rescore":true,"oversampling":2}');
    expect(renderSearch(graph, search({ query }))).toContain(rescored);
    for (const to of [graph, rendering(HOSTED)]) expect(renderSearch(to, search({ query, params }))).not.toContain('indexed_only');
    expect(renderSearch(rendering(HOSTED), search({ query, params }))).toContain('"params":{"exact":true}');
  });

  it('of a text is a mistake of ours', () => {
    expect(
      codeOf(() =>
        renderSearch(rendering('own'), search({ query: { kind: 'nearest', input: { kind: 'text', text: 'x' } }, using: 'dense' })),
      ),
    ).toBe('internal');
  });

  it("of Sluice's own collection knows its two vectors alone", () => {
    const query = { kind: 'nearest', input: { kind: 'vector', vector: [1] } } as const;
    const using = (name: string | undefined) =>
      codeOf(() => renderSearch(rendering('own'), search({ query, ...(name === undefined ? {} : { using: name }) })));
    expect(['bm25', 'dense', 'title', undefined].map(using)).toEqual([
      'no failure',
      'no failure',
      'unsupported_request',
      'unsupported_request',
    ]);
  });
});

describe('a payload key that is ours', () => {
  const ways: Record<string, (path: string) => PointSearch<ChunkId>> = {
    match: (path) => search({ filter: { must: [key(path)] } }),
    'deep in a filter': (path) => search({ filter: { must_not: [{ kind: 'filter', filter: { should: [key(path)] } }] } }),
    is_empty: (path) => search({ filter: { must: [{ kind: 'field', condition: { is_empty: { key: path } } }] } }),
    nested: (path) => search({ filter: { must: [{ kind: 'nested', key: path, filter: { must: [key('x')] } }] } }),
    min_should: (path) => search({ filter: { min_should: { conditions: [key(path)], min_count: 1 } } }),
    order: (path) => search({ query: { kind: 'order-by', order: { key: path } } }),
    prefetch: (path) => search({ prefetch: [{ prefetch: [], limit: 1, filter: { must: [key(path)] } }] }),
    word: (path) => formula({ kind: 'operation', name: 'sum', terms: [plain(path)] }),
    'condition of a formula': (path) => formula({ kind: 'condition', condition: key(path) }),
    'record of a formula': (path) =>
      formula({ kind: 'record', members: { geo_distance: { kind: 'record', members: { to: plain(path) } } } }),
    'plain record of a formula': (path) => formula(plain({ datetime_key: path })),
    default: (path) => formula(plain(1), { [path]: 1 }),
  };
  const OURS = ['_sluice', '_sluice.zone', '"_sluice".zone', '_sluice[].g0'];

  it.each(Object.keys(ways))('does not reach the index by %s', (name) => {
    const way = ways[name];
    if (way === undefined) throw new Error('there is such a way');
    for (const path of OURS) expect([path, codeOf(() => renderSearch(rendering(HOSTED), way(path)))]).toEqual([path, 'internal']);
    for (const path of ['zone', 'g0[]', '"acl_v"'])
      expect([path, codeOf(() => renderSearch(rendering('own'), way(path)))]).toEqual([path, 'internal']);
    expect(codeOf(() => renderSearch(rendering(HOSTED), way('zone')))).toBe('no failure');
    expect(codeOf(() => renderSearch(rendering('own'), way('metadata.zone')))).toBe('no failure');
  });

  it('does not reach it as a group, nor does a condition of no known shape', () => {
    const grouped = (groupBy: string) => codeOf(() => renderGroups(rendering(HOSTED), { ...search({}), groupBy, groupSize: 1 }));
    expect(['_sluice.document', 'document'].map(grouped)).toEqual(['internal', 'no failure']);
    for (const condition of [{}, { must: [] }, { is_empty: { key: 'a' }, is_null: { key: 'a' } }, { has_id: [1] }, { is_null: 'a' }]) {
      const odd = search({ filter: { must: [{ kind: 'field', condition }] } });
      expect(codeOf(() => renderSearch(rendering(HOSTED), odd))).toBe('internal');
    }
  });
});
