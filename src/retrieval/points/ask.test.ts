import { describe, expect, it } from 'vitest';
import { AppError } from '../../core/errors.ts';
import type { CollectionKey, DocumentId } from '../../core/ids.ts';
import type { PointsQuestion } from '../../core/points/question.ts';
import type { RawJson } from '../../core/points/raw-json.ts';
import { putTogether, type Replayable } from '../../core/replay.ts';
import type { JsonObject } from '../../core/json.ts';
import { label, source, STAFF, view, zone } from '../retrieval.fixture.ts';
import type { PointsParts } from './parts.ts';
import { ask, BOOKS, chunkOf, hosted, idOf, nearest, OTHER, partsOf, PAYLOAD, point, worldOf, type World } from './points.fixture.ts';

const refusal = (asking: Promise<unknown>): Promise<unknown> =>
  asking.then(
    () => 'answered',
    (error: unknown) => (error instanceof AppError ? { code: error.code, issues: error.issues } : error),
  );
const hide = { acl: { gates: [[]], deny: [] } } as const;
const hidden = (...numbers: readonly number[]) => Array.from({ length: 40 }, (_, n) => point(n, numbers.includes(n) ? hide : {}));
const byId = (n: number): PointsQuestion => nearest(3, { query: { kind: 'nearest', input: { kind: 'id', id: idOf(n) } } });
const fused = (limit: number): PointsQuestion => {
  const stage = { query: { kind: 'nearest', input: { kind: 'vector', vector: [1] } }, prefetch: [], limit: 10 } as const;
  return nearest(limit, { query: { kind: 'fusion', fusion: { fusion: 'rrf' } }, prefetch: [stage, stage] });
};
const recorded = (world: World, at = -1): { body: string | undefined; event: JsonObject } => {
  const event = world.releases.at(at)?.event;
  const texts = (event?.sealed?.texts ?? []).map((text) => text.content() as unknown as Replayable);
  return { body: putTogether(event?.sealed?.answer ?? {}, texts, undefined), event: event?.body ?? {} };
};

describe('a search at the door', () => {
  it('declares beside the search, judges, and is durable before it answers', async () => {
    const world = worldOf();
    const { ids, body } = await ask(world, nearest(3));
    expect(ids).toEqual(['0', '1', '2']);
    expect(world.log).toEqual(['search', 'intent', 'judge', 'release']);
    expect(recorded(world)).toMatchObject({ body, event: { door: 'qdrant', operation: 'search', collection: BOOKS } });
    expect(body).toContain('"n":1.0');
  });

  it('fills up what key two refuses, and looks behind the offset', async () => {
    const world = worldOf({ candidates: hidden(0, 1, 2, 3, 5) });
    expect((await ask(world, nearest(3))).ids).toEqual(['4', '6', '7']);
    expect((await ask(world, nearest(2, { offset: 1 }))).ids).toEqual(['6', '7']);
    expect(recorded(world).event).toMatchObject({ counts: { refused: 5, released: 2 } });
  });

  it('asks again without what was refused where there are stages, until nothing is', async () => {
    const world = worldOf({ candidates: hidden(1, 4) });
    expect((await ask(world, fused(3))).ids).toEqual(['0', '2', '3']);
    expect(world.asked.map(({ never }) => never)).toEqual([[], [1], [1, 4]].slice(0, world.asked.length));
    expect(world.asked.length).toBeGreaterThan(1);
  });

  it('repeats a staged search where a text came or went meanwhile', async () => {
    const world = worldOf();
    const key = point(0).key;
    world.onSearch = () => {
      if (world.asked.length === 1) world.unsettled.push(key);
    };
    await ask(world, fused(3));
    expect(world.asked).toHaveLength(2);
  });

  it('gives up on an index that is too stale', async () => {
    const world = worldOf({ hits: Array.from({ length: 100_000 }, (_, n) => n), candidates: [] });
    expect(await refusal(ask(world, nearest(5)))).toMatchObject({ code: 'index_unavailable' });
  });

  it('refuses a chunk of another collection that the index returns in this one', async () => {
    const other = '00000000-0000-8000-8000-0000000000ff' as CollectionKey;
    const { collection: _, ...own } = point(1);
    const world = worldOf({ candidates: [point(0, { collection: other }), own, point(2)] });
    expect((await ask(world, nearest(3))).ids).toEqual(['2']);
  });

  it('finds nothing for a caller with nothing to read, and still says so in the log', async () => {
    const world = worldOf({ zones: [] });
    world.view = { ...world.view, collections: new Map([[BOOKS, hosted()]]) };
    const parts = partsOf(world);
    const permits = () => ({ kind: 'permit', rules: [] }) as const;
    expect((await ask(world, nearest(3), { parts: { ...parts, policy: { ...parts.policy, permits } } })).ids).toEqual([]);
    expect(world.asked).toEqual([]);
    expect(world.log).toEqual(['intent', 'release']);
  });

  it('drops bait, refills, and tells of it', async () => {
    const touched: unknown[] = [];
    const world = worldOf({
      candidates: Array.from({ length: 40 }, (_, n) => point(n, n === 1 || n === 7 ? { honey: true } : {})),
      watch: { bait: (_caller, documents) => touched.push(...documents) },
    });
    expect((await ask(world, nearest(3))).ids).toEqual(['0', '2', '3']);
    expect(touched).toEqual([point(1).key]);
    expect(recorded(world).event).toMatchObject({ bait: [{ source: 'handbook' }] });
  });

  it('keeps answers as short as the watch wants them, a batch as a whole', async () => {
    const world = worldOf({ watch: { admit: () => ({ kind: 'pass', limit: 4 }) } });
    expect((await ask(world, nearest(10))).ids).toHaveLength(4);
    const one = nearest(3);
    if (one.kind !== 'search') throw new Error('a search');
    const { found } = await ask(world, { kind: 'search', searches: [one.searches[0], one.searches[0], one.searches[0]] });
    expect(found.kind === 'lists' ? found.lists.map((list) => list.length) : []).toEqual([3, 1, 0]);
    const values = Array.from({ length: 9 }, (_, n) => ({ value: String(n) as RawJson, count: 1 }));
    const parts = partsOf(world);
    const facet: PointsParts['index']['facet'] = async (_scope, { limit }) => values.slice(0, limit);
    const few = await ask(world, { kind: 'facet', key: 'year', limit: 9 }, { parts: { ...parts, index: { ...parts.index, facet } } });
    expect(few.found).toEqual({ kind: 'facet', values: values.slice(0, 4) });
    const blocked = worldOf({ watch: { admit: () => ({ kind: 'block', retryAfter: 9 }) } });
    expect(await refusal(ask(blocked, nearest(1)))).toMatchObject({ code: 'watch_blocked' });
    expect(blocked.log).toEqual([]);
  });
});

describe('a question that would use up everybody’s memory', () => {
  it('is refused before anything is kept of it, or judged', async () => {
    const world = worldOf();
    const value = 'x'.repeat(1_048_576);
    const long: PointsQuestion = { kind: 'count', filter: { must: [{ kind: 'field', condition: { key: 'a', match: { value } } }] } };
    expect(await refusal(ask(world, long))).toMatchObject({ code: 'limit_exceeded' });
    const input = (n: number) => ({ kind: 'id', id: idOf(n) }) as const;
    const about = (count: number) =>
      nearest(1, { query: { kind: 'recommend', positive: Array.from({ length: count }, (_, n) => input(n % 40)), negative: [] } });
    const apart = nearest(1, { query: { kind: 'recommend', positive: Array.from({ length: 1_025 }, (_, n) => input(n)), negative: [] } });
    expect(await refusal(ask(world, apart))).toMatchObject({ code: 'limit_exceeded' });
    expect(world.log).toEqual([]);
    expect(await refusal(ask(world, about(1_025)))).toBe('answered');
  });

  it('is refused where the points before its offset are too much to hold', async () => {
    const text = 'x'.repeat(4_000_000);
    const world = worldOf({ candidates: Array.from({ length: 40 }, (_, n) => point(n, { text })) });
    expect((await ask(world, nearest(3, { offset: 20 }))).ids).toEqual(['20', '21', '22']);
    expect(await refusal(ask(world, nearest(3, { offset: 35 })))).toMatchObject({ code: 'limit_exceeded' });
  });
});

describe('a release under a moving epoch', () => {
  it('judges the points again, and the point that the question was about', async () => {
    const world = worldOf({ outcomes: ['epoch-moved'] });
    expect((await ask(world, byId(9))).ids).toEqual(['0', '1', '2']);
    expect(world.asked).toHaveLength(1);
    const gone = worldOf({ outcomes: ['epoch-moved'] });
    gone.onRelease = () => {
      gone.candidates = hidden(9);
    };
    expect(await refusal(ask(gone, byId(9)))).toMatchObject({ code: 'not_found' });
    expect(gone.releases).toHaveLength(1);
  });

  it('searches again where one of them fell', async () => {
    const world = worldOf({ outcomes: ['epoch-moved'] });
    world.onRelease = () => {
      world.candidates = hidden(1);
    };
    const { ids, body } = await ask(world, nearest(3));
    expect(ids).toEqual(['0', '2', '3']);
    expect(recorded(world).body).toBe(body);
  });

  it('says so where rights go on changing', async () => {
    const world = worldOf({ outcomes: Array.from({ length: 99 }, () => 'epoch-moved') });
    expect(await refusal(ask(world, nearest(3)))).toMatchObject({ code: 'epoch_unstable' });
  });

  it('holds no answer longer than the validity of a point in it, or of one that it is about', async () => {
    const until = 1_800_000_000;
    const world = worldOf({ candidates: Array.from({ length: 40 }, (_, n) => point(n, n === 9 ? { validUntil: until } : {})) });
    await ask(world, byId(9));
    expect(world.releases[0]?.validUntil).toBe(until * 1_000);
  });
});

describe('what is hidden', () => {
  it('is answered like what is missing, as an input and by id', async () => {
    const world = worldOf({ candidates: hidden(9) });
    const [one, other] = [await refusal(ask(world, byId(9))), await refusal(ask(world, byId(77)))];
    expect(one).toEqual({ code: 'not_found', issues: [{ pointer: '', message: 'Not found: No point with id 9 found' }] });
    expect(JSON.stringify(one)).toBe(JSON.stringify(other).replaceAll('77', '9'));
    const misses: unknown[] = [];
    world.watch = { nearMiss: () => misses.push(1) };
    const bodies = await Promise.all(
      [9, 77].map(async (n) => (await ask(world, { kind: 'points', ids: [idOf(3), idOf(n)], select: PAYLOAD })).body),
    );
    expect(bodies[0]).toBe(bodies[1]);
    expect(bodies[0]).toContain('"id":3');
    expect(misses).toHaveLength(2);
  });

  it('goes for collections as well', async () => {
    const apart = hosted({ sources: [OTHER] });
    const world = worldOf();
    world.view = {
      ...view([zone(1), zone(2, label('public'), OTHER)], [source(), source({ id: OTHER })]),
      collections: new Map([[BOOKS, apart]]),
    };
    const [one, other] = [await refusal(ask(world, nearest(1))), await refusal(ask(world, nearest(1), { name: 'none' }))];
    expect(one).toMatchObject({ code: 'not_found' });
    expect(JSON.stringify(one)).toBe(JSON.stringify(other).replaceAll('none', BOOKS));
    expect(world.log).toEqual([]);
    world.zones = [1, 2];
    expect(await refusal(ask(world, nearest(1)))).toBe('answered');
  });

  it('takes of several readable points of one id that of the first source, and reads all of them', async () => {
    const named = { document: 'books/42' as DocumentId };
    const sources = [source(), source({ id: OTHER })];
    const world = worldOf({ candidates: [point(5, { ...named, source: OTHER, zone: 2 as never }), point(6, named)], zones: [1, 2] });
    world.view = { ...view([zone(1), zone(2, label('public'), OTHER)], sources), collections: new Map([[BOOKS, hosted()]]) };
    expect((await ask(world, { kind: 'points', ids: [idOf(42)], select: PAYLOAD })).ids).toEqual(['42', '42']);
    const asked: unknown[] = [];
    const parts = partsOf(world);
    const index = {
      ...parts.index,
      search: ((...[, searches]) => (asked.push(...searches), Promise.resolve([[]]))) as typeof parts.index.search,
    };
    await ask(world, byId(42), { parts: { ...parts, index } });
    expect(asked).toMatchObject([{ query: { input: { kind: 'id', id: chunkOf(6) } } }]);
    world.candidates = world.candidates.map((one) => (one.source === OTHER ? one : { ...one, acl: { gates: [[STAFF], []], deny: [] } }));
    await ask(world, byId(42), { parts: { ...partsOf(world), index } });
    expect(asked.at(-1)).toMatchObject({ query: { input: { id: chunkOf(5) } } });
  });
});
