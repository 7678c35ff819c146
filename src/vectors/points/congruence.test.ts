import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { trials } from '../../../test/support/scale.ts';
import type { FilterSpec } from '../../core/filter.ts';
import type { ChunkId } from '../../core/ids.ts';
import type { HostedPoint, PointHit } from '../../core/ports/points.ts';
import {
  bareFilter,
  bareStage,
  documentOf,
  filterOf,
  mayRead,
  pointOf,
  readerOf,
  rootOf,
  WORLD_INDEXES,
  WORLD_PARAMS,
} from './congruence.fixture.ts';
import { hostedFixture, NO_VECTORS, scopeOf, SELECT_NONE, type HostedFixture } from './hosted.fixture.ts';
import { physicalName } from './place.ts';

const { signal } = new AbortController();
let fixture: HostedFixture;

beforeAll(async () => {
  fixture = await hostedFixture();
});
afterAll(() => fixture.close());

const UNKNOWN = '00000000-0000-4000-8000-000000000001' as ChunkId;

interface Bare {
  readonly id: string;
  readonly score?: number;
  readonly order_value?: number;
}

/** Points of one world in a hosted collection, and a bare one of those that one reader may read and nobody has refused. */
async function world(seed: number) {
  const points = fc.sample(pointOf, { numRuns: 90, seed });
  const [reader] = fc.sample(readerOf, { numRuns: 1, seed });
  if (reader === undefined) throw new Error('a reader was drawn');
  const visible = points.filter((point) => mayRead(point, reader));
  const never = visible.slice(0, 2).map(({ chunk }) => chunk);
  const spec: Partial<FilterSpec> = { ...reader, without: { kind: 'documents', documents: visible.slice(2, 4).map(documentOf) } };
  const readable = points.filter((point) => mayRead(point, spec) && !never.includes(point.chunk));
  const key = await fixture.newCollection(WORLD_PARAMS);
  for (const [field, schema] of Object.entries(WORLD_INDEXES)) await fixture.index.hosted.createIndex(key, field, schema, signal);
  await fixture.index.hosted.upsert(key, points, signal);
  const bare = await bareCollection(readable);
  // The same in another order of writing: where these two differ, so may any two Qdrants, and there is nothing to compare.
  const turned = await bareCollection(readable.toReversed());
  const all = [...points.map(({ chunk }) => chunk), UNKNOWN];
  return { key, bare, turned, readable, hidden: points.length - readable.length, all, scope: scopeOf(key, spec, never) };
}

async function bareCollection(readable: readonly HostedPoint[]) {
  const path = `/collections/${fixture.qdrant.freshCollection()}`;
  await fixture.raw('PUT', path, WORLD_PARAMS);
  for (const [field_name, field_schema] of Object.entries(WORLD_INDEXES)) {
    await fixture.raw('PUT', `${path}/index?wait=true`, { field_name, field_schema });
  }
  const points = readable.map(({ chunk, vector, payload }) => ({
    id: chunk,
    vector: JSON.parse(vector) as unknown,
    payload: JSON.parse(payload) as unknown,
  }));
  if (points.length > 0) await fixture.raw('PUT', `${path}/points?wait=true`, { points });
  return async <T>(what: string, body: unknown): Promise<T> => {
    const answer = (await fixture.ask('POST', `${path}/${what}`, body)) as { result?: T };
    if (answer.result === undefined) throw new Error(`${JSON.stringify(answer)}: ${JSON.stringify(body)}`);
    return answer.result;
  };
}

/** What can be compared: the scores as they stand, and of those who share one, who they are, unless offset or limit cut among them. */
function comparable(hits: readonly { readonly id: string; readonly score: number }[], limit: number) {
  const cut = [hits[0]?.score, hits.length === limit ? hits.at(-1)?.score : undefined];
  const settled = hits.filter(({ score }) => !cut.includes(score)).toSorted((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1));
  return { scores: hits.map(({ score }) => score), settled };
}

/** Best scores as they stand, and everything of the groups that are better than the last: of those like it, some were cut off. */
function comparableGroups(groups: readonly { readonly id: number; readonly hits: readonly { readonly score: number }[] }[]) {
  const best = groups.map(({ hits }) => hits[0]?.score);
  return { best, settled: groups.filter((_, i) => best[i] !== best.at(-1)) };
}

const ours = (hits: readonly PointHit[]) => hits.map(({ chunk, score, orderValue }) => ({ id: chunk, score: Number(orderValue ?? score) }));
const theirs = (points: readonly Bare[]) => points.map(({ id, score, order_value }) => ({ id, score: order_value ?? score ?? Number.NaN }));

type World = Awaited<ReturnType<typeof world>>;
type Stage = Parameters<typeof bareStage>[0];
type Filter = Parameters<typeof bareFilter>[0];

describe('a collection with hidden points answers as one that holds the readable points alone', () => {
  const worlds = Array.from({ length: trials(2, 40, 1) }, (_, i) => 100 + i);
  const questions = trials(18, 120, 8);
  const seen = { compared: 0, ambiguous: 0, shown: 0, hidden: 0 };

  /** Asks both bare collections; undefined where they do not agree with each other. */
  async function expected<T>({ bare, turned }: World, path: string, body: unknown, view: (answer: never) => T): Promise<T | undefined> {
    const [one, other] = [view(await bare<never>(path, body)), view(await turned<never>(path, body))];
    const same = isDeepStrictEqual(one, other);
    seen[same ? 'compared' : 'ambiguous'] += 1;
    return same ? one : undefined;
  }

  async function searchAgrees(here: World, stage: Stage): Promise<void> {
    const [limit, offset] = [12, 3];
    const body = { ...bareStage(stage), limit, offset, params: { exact: true } };
    const same = await expected(here, 'points/query', body, ({ points }: { points: readonly Bare[] }) => comparable(theirs(points), limit));
    const [hits = []] = await fixture.index.points.search(here.scope, [{ ...stage, limit, offset, select: SELECT_NONE }], signal);
    const found = comparable(ours(hits), limit);
    expect(found).toEqual(same ?? found);
    seen.shown += hits.length;
  }

  async function groupsAgree(here: World, stage: Stage): Promise<void> {
    const [limit, groupSize] = [3, 2];
    const body = { ...bareStage(stage), group_by: 'n', limit, group_size: groupSize, params: { exact: true } };
    interface Groups {
      readonly groups: readonly { readonly id: number; readonly hits: readonly Bare[] }[];
    }
    const same = await expected(here, 'points/query/groups', body, (answer: Groups) =>
      comparableGroups(answer.groups.map(({ id, hits }) => ({ id, hits: theirs(hits) }))),
    );
    const groups = await fixture.index.points.groups(here.scope, { ...stage, groupBy: 'n', limit, groupSize, select: SELECT_NONE }, signal);
    const found = comparableGroups(groups.map(({ id, hits }) => ({ id: Number(id), hits: ours(hits) })));
    expect(found).toEqual(same ?? found);
  }

  async function filterAgrees({ bare, scope }: World, filter: Filter): Promise<void> {
    const { points } = fixture.index;
    const asked = { filter: bareFilter(filter) };
    const { count } = await bare<{ count: number }>('points/count', { ...asked, exact: true });
    expect(await points.count(scope, filter, signal)).toBe(count);
    const page = await points.scroll(scope, { filter, limit: 100, vectors: NO_VECTORS }, signal);
    const { points: same } = await bare<{ points: readonly Bare[] }>('points/scroll', { ...asked, limit: 100 });
    expect(page.hits.map(({ chunk }) => chunk)).toEqual(same.map(({ id }) => id));
    const key = count % 2 === 0 ? 'tag' : 'n';
    const values = await points.facet(scope, { key, filter, limit: 100 }, signal);
    const facet = await bare<{ hits: readonly { value: unknown; count: number }[] }>('facet', { ...asked, key, limit: 100, exact: true });
    expect(values.map(({ value, count: n }) => ({ value: JSON.parse(value) as unknown, count: n }))).toEqual(facet.hits);
  }

  async function pagesAgree({ scope, key, readable }: World): Promise<void> {
    const { points } = fixture.index;
    const found: ChunkId[] = [];
    for (let after: ChunkId | undefined; ;) {
      const page = await points.scroll(scope, { limit: 7, vectors: NO_VECTORS, ...(after === undefined ? {} : { after }) }, signal);
      found.push(...page.hits.map(({ chunk }) => chunk));
      after = found.at(-1);
      if (!page.more) break;
    }
    const ids = readable.map(({ chunk }) => chunk).toSorted();
    expect(found).toEqual(ids);
    const all = (await fixture.ask('POST', `/collections/${physicalName(key)}/points/scroll`, { limit: 200 })) as Everything;
    const everything = all.result.points.map(({ id }) => id);
    expect(everything.length).toBeGreaterThan(ids.length);
    const named = await points.points(scope, everything, { kind: 'named', names: ['dense'] }, signal);
    expect(named.map(({ chunk }) => chunk).toSorted()).toEqual(ids);
    expect(named.every(({ vector }) => vector?.startsWith('{"dense":[') === true)).toBe(true);
  }

  for (const seed of worlds) {
    it(`world ${seed}: searches, groups, pages, counts and facets`, async () => {
      const here = await world(seed);
      const { readable, all, hidden } = here;
      seen.hidden += hidden;
      for (const stage of fc.sample(rootOf(readable, all), { numRuns: questions, seed })) {
        await searchAgrees(here, stage);
        // Ranks tie, and which group a tie falls to is anybody's.
        if (stage.query?.kind !== 'order-by' && !ranks(stage)) await groupsAgree(here, stage);
      }
      for (const filter of fc.sample(filterOf(all), { numRuns: Math.ceil(questions / 2), seed })) await filterAgrees(here, filter);
      await pagesAgree(here);
      expect(seen.compared).toBeGreaterThan(0);
    });
  }

  it('was asked about enough', () => {
    expect(Math.min(seen.shown, seen.hidden)).toBeGreaterThan(20 * worlds.length);
    expect(seen.compared).toBeGreaterThan(2 * seen.ambiguous);
  });
});

const ranks = ({ query }: Stage): boolean => query?.kind === 'fusion' && 'rrf' in query.fusion;

interface Everything {
  readonly result: { readonly points: readonly { readonly id: ChunkId }[] };
}
