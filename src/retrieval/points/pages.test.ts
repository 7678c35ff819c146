import { describe, expect, it } from 'vitest';
import { AppError } from '../../core/errors.ts';
import type { TenantId, CollectionKey } from '../../core/ids.ts';
import type { Found, PointsQuestion } from '../../core/points/question.ts';
import type { LosslessObject } from '../../core/points/raw-json.ts';
import { putTogether, type Replayable } from '../../core/replay.ts';
import { CALLER } from '../retrieval.fixture.ts';
import { cursorsOf } from './cursor.ts';
import {
  ask,
  BOOKS,
  chunkOf,
  hosted,
  idOf,
  KEY,
  nearest,
  numberOf,
  partsOf,
  PAYLOAD,
  point,
  worldOf,
  type World,
} from './points.fixture.ts';
import { createReadablePoints } from './readable.ts';
import { createPointsReader } from './reader.ts';

const refusal = (asking: Promise<unknown>): Promise<unknown> =>
  asking.then(
    () => 'answered',
    (error: unknown) => (error instanceof AppError ? { code: error.code, issues: error.issues } : error),
  );
const hide = { acl: { gates: [[]], deny: [] } } as const;
const hidden = (...numbers: readonly number[]) => Array.from({ length: 40 }, (_, n) => point(n, numbers.includes(n) ? hide : {}));
const nextOf = (found: Found): string | undefined => (found.kind === 'page' ? found.next : undefined);
const page = (limit: number, cursor?: string): PointsQuestion => ({
  kind: 'scroll',
  page: { limit, select: PAYLOAD, ...(cursor === undefined ? {} : { cursor }) },
});
const replayed = (world: World): string | undefined => {
  const sealed = world.releases.at(-1)?.event.sealed;
  return putTogether(
    sealed?.answer ?? {},
    (sealed?.texts ?? []).map((text) => text.content() as unknown as Replayable),
    undefined,
  );
};

describe('pages', () => {
  it('go on after the last readable point, and end with it', async () => {
    const world = worldOf({ candidates: hidden(1, 4, 38, 39) });
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const { ids, found } = await ask(world, page(5, cursor));
      seen.push(...ids);
      cursor = nextOf(found);
    } while (cursor !== undefined);
    expect(seen.map(Number)).toEqual(Array.from({ length: 40 }, (_, n) => n).filter((n) => ![1, 4, 38, 39].includes(n)));
    // Two hidden points follow the last readable one; a page that ends there has no next.
    expect(nextOf((await ask(worldOf({ candidates: hidden(38, 39) }), page(38))).found)).toBeUndefined();
  });

  it('have cursors that name no chunk and fit no other tenant or collection', async () => {
    const cursor = cursorsOf('s', CALLER.tenant, KEY).after(chunkOf(7));
    expect(cursor).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(cursor).not.toBe(chunkOf(7));
    expect(numberOf(cursorsOf('s', CALLER.tenant, KEY).open(cursor))).toBe(7);
    const open = (...of: Parameters<typeof cursorsOf>) => {
      try {
        return cursorsOf(...of).open(cursor);
      } catch (error) {
        return error instanceof AppError ? error.code : error;
      }
    };
    for (const other of [
      open('s', 'beta' as TenantId, KEY),
      open('s', CALLER.tenant, 'x' as CollectionKey),
      open('t', CALLER.tenant, KEY),
    ]) {
      expect(other).not.toBe(chunkOf(7));
    }
    for (const wrong of ['7', '', chunkOf(7), 'zzzzzzzz-zzzz-zzzz-zzzz-zzzzzzzzzzzz']) {
      expect(await refusal(ask(worldOf(), page(2, wrong)))).toMatchObject({ code: 'invalid_request' });
    }
  });
});

describe('provenance in payloads', () => {
  const shown = (): World => {
    const world = worldOf();
    const collection = hosted({ profile: { text: { path: 'text' }, provenance: 'payload' } });
    return { ...world, view: { ...world.view, collections: new Map([[BOOKS, collection]]) } };
  };

  it('stands under its reserved key, whole or beside what was selected, and is replayed', async () => {
    const world = shown();
    const { body } = await ask(world, nearest(2));
    expect(body).toContain('{"text":"Text 0","n":1.0,"_sluice":{"v":1,');
    const [first] = (JSON.parse(body) as { result: { payload: Record<string, object> }[] }).result;
    expect(first?.payload['_sluice']).toMatchObject({ label: { level: 'public' }, document: { id: 'doc-0' } });
    expect(replayed(world)).toBe(body);
    const select = { ...PAYLOAD, payload: { kind: 'include', keys: ['n'] } } as const;
    const part = await ask(world, nearest(1, { select }));
    expect(part.body).toContain('{"n":1.0,"_sluice":{"v":1,');
    expect(replayed(world)).toBe(part.body);
    const none = await ask(world, nearest(1, { select: { ...PAYLOAD, payload: { kind: 'none' } } }));
    expect(none.body).toBe('{"result":[{"id":0,"payload":null}]}');
  });

  it('is left out where the profile says so, whole or selected, for clients that compare payloads', async () => {
    const select = { ...PAYLOAD, payload: { kind: 'include', keys: ['n'] } } as const;
    for (const question of [nearest(1), nearest(1, { select })]) {
      expect((await ask(shown(), question)).body).toContain('_sluice');
      expect((await ask(worldOf(), question)).body).not.toContain('_sluice');
    }
  });

  it('holds a point once however often a batch finds it', async () => {
    const world = shown();
    const one = nearest(2);
    if (one.kind !== 'search') throw new Error('a search');
    const { body } = await ask(world, { kind: 'search', searches: [one.searches[0], one.searches[0]] });
    expect(world.releases[0]?.event.sealed?.texts).toHaveLength(2);
    expect(replayed(world)).toBe(body);
  });
});

describe("Sluice's own collection", () => {
  const own = (): World => worldOf({ candidates: Array.from({ length: 40 }, (_, n) => chunk(n)) });
  const chunk = (n: number) => {
    const { collection: _, ...rest } = point(n);
    return rest;
  };

  it('shows the text beside the metadata and embeds texts', async () => {
    const world = own();
    const parts = partsOf(world);
    const asked: unknown[] = [];
    const index = {
      ...parts.index,
      search: ((scope, searches, signal) => (
        asked.push(...searches),
        parts.index.search(scope, searches, signal)
      )) as typeof parts.index.search,
    };
    const storedPoints: typeof parts.catalog.storedPoints = async (_tenant, _place, chunks) =>
      new Map(chunks.map((chunk) => [chunk, { id: { kind: 'uuid', uuid: chunk }, payload: '{"metadata":{"year":2024}}' as never }]));
    const input = { kind: 'text', text: 'Kündigung' } as const;
    const { body } = await ask(world, nearest(1, { query: { kind: 'nearest', input } }), {
      parts: { ...parts, index, catalog: { ...parts.catalog, storedPoints } },
      name: 'sluice',
    });
    expect(body).toContain('"payload":{"page_content":"Text 0.","metadata":{"year":2024}}');
    expect(replayed(world)).toBe(body);
    expect(asked).toMatchObject([{ using: 'bm25', query: { input: { kind: 'vector', vector: { indices: [7], values: [1] } } } }]);
    const dense = nearest(1, { query: { kind: 'nearest', input }, using: 'dense' });
    expect(await refusal(ask(world, dense, { name: 'sluice' }))).toMatchObject({ code: 'unsupported_request' });
    expect(await refusal(ask(worldOf(), nearest(1, { query: { kind: 'nearest', input } })))).toMatchObject({ code: 'unsupported_request' });
  });

  it('is asked about metadata alone', async () => {
    const where = (condition: LosslessObject) => nearest(1, { filter: { must: [{ kind: 'field', condition }] } });
    for (const key of ['zone', 'g0', 'metadatax', 'page_content']) {
      expect(await refusal(ask(own(), where({ key, match: { value: 1 } }), { name: 'sluice' }))).toMatchObject({
        code: 'unsupported_request',
      });
    }
    expect(await refusal(ask(own(), where({ is_null: { key: 'tenant' } }), { name: 'sluice' }))).toMatchObject({
      code: 'unsupported_request',
    });
    for (const key of ['metadata.year', 'metadata', '"metadata".year', 'metadata.list[].a']) {
      expect((await ask(own(), where({ key, match: { value: 1 } }), { name: 'sluice' })).ids).toHaveLength(1);
    }
  });
});

describe('numbers', () => {
  it('leave under an epoch that did not move, and name no point', async () => {
    const world = worldOf({ outcomes: ['epoch-moved'] });
    expect((await ask(world, { kind: 'count' })).body).toBe('{"result":[40]}');
    expect(world.releases).toHaveLength(2);
    expect(world.releases[1]?.event.body).toMatchObject({ aggregate: { kind: 'count', chunks: 40 }, chunks: [], collection: BOOKS });
    const busy = worldOf({ outcomes: Array.from({ length: 99 }, () => 'epoch-moved') });
    expect(await refusal(ask(busy, { kind: 'count' }))).toMatchObject({ code: 'aggregate_unstable' });
  });

  it('of a collection name no reserved key', async () => {
    const { found } = await ask(worldOf(), { kind: 'info' });
    expect(found).toMatchObject({ kind: 'info', info: { points: 40, payloadSchema: { year: { data_type: 'integer', points: 40 } } } });
    expect(JSON.stringify(found)).not.toContain('_sluice');
  });
});

describe('what a caller may see and touch', () => {
  it('lists collections by name', async () => {
    const world = worldOf();
    const context = { caller: CALLER, requestId: 'r', signal: new AbortController().signal };
    const reader = createPointsReader(partsOf(world));
    expect((await reader.collections(context)).map(({ name }) => name)).toEqual([BOOKS, 'sluice']);
    world.zones = [];
    expect((await reader.collections(context)).map(({ name }) => name)).toEqual(['sluice']);
    expect(await reader.collection(context, BOOKS)).toBeUndefined();
    expect(world.log).toEqual([]);
  });

  it('reaches readable points alone, by id and by filter, and not too many', async () => {
    const world = worldOf({ candidates: hidden(3, 4) });
    const readable = createReadablePoints(partsOf(world));
    const touch = (which: Parameters<typeof readable.readable>[2], most = 1_000) =>
      readable.readable(CALLER, BOOKS, which, most, new AbortController().signal);
    expect((await touch({ ids: [idOf(2), idOf(3), idOf(99)] })).map(({ chunk }) => numberOf(chunk))).toEqual([2]);
    expect(await touch({ filter: {} })).toHaveLength(38);
    expect(await refusal(touch({ filter: {} }, 37))).toMatchObject({ code: 'limit_exceeded' });
    expect(world.events).toEqual([]);
  });
});
