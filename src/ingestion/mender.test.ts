import { afterEach, describe, expect, it, vi } from 'vitest';
import { AppError } from '../core/errors.ts';
import type { ChunkId, CollectionKey, DocumentKey, TenantId } from '../core/ids.ts';
import type { AccessPayload } from '../core/ports/vectors.ts';
import { createMender, type Mender } from './mender.ts';
import { fakeSync } from './sync.fixture.ts';

const access = (count: number): readonly AccessPayload[] =>
  Array.from({ length: count }, (_, n) => ({ tenant: 'acme' as TenantId, document: `d${n}` as DocumentKey, revision: 1 }) as AccessPayload);
const dead = (tenant: string, count: number) =>
  Array.from({ length: count }, (_, n) => ({ tenant: tenant as TenantId, chunk: `${tenant}-${n}` as ChunkId }));

let mender: Mender | undefined;

function mend(sync: ReturnType<typeof fakeSync>): Promise<void> {
  mender = createMender(sync.parts);
  return mender.mend();
}

afterEach(async () => {
  await mender?.close();
  vi.useRealTimers();
});

describe('mend', () => {
  it('brings access over, forgets sources, and deletes dead chunks from the index before the catalog forgets them', async () => {
    const sync = fakeSync({ access: access(2), dead: [...dead('acme', 2), ...dead('globex', 1)], sources: 2 });
    await mend(sync);
    expect(sync.left).toEqual({ pending: [], dead: [], sources: 0 });
    expect(sync.log.filter((step) => step.startsWith('rewrite'))).toEqual(['rewrite d0@1', 'rewrite d1@1']);
    expect(sync.log.slice(-6)).toEqual([
      'purge source',
      'purge source',
      'delete acme 2',
      'purge acme 2',
      'delete globex 1',
      'purge globex 1',
    ]);
  });

  it('does more than one batch, and each piece once', async () => {
    const sync = fakeSync({ access: access(450), dead: dead('acme', 450) });
    await mend(sync);
    expect(sync.left).toEqual({ pending: [], dead: [], sources: 0 });
    expect(sync.log.filter((step) => step.startsWith('rewrite'))).toHaveLength(450);
    expect(sync.log.filter((step) => step.startsWith('purge'))).toEqual(['purge acme 200', 'purge acme 200', 'purge acme 50']);
  });

  it('stops, and leaves everything, where the index is away; the next time finishes it', async () => {
    let away = true;
    const gone = (): Promise<void> => (away ? Promise.reject(new AppError('index_unavailable')) : Promise.resolve());
    const sync = fakeSync({ access: access(450), dead: dead('acme', 3), rewrite: gone, remove: gone });
    await mend(sync);
    expect(sync.left.pending).toHaveLength(450);
    expect(sync.left.dead).toHaveLength(3);
    // One round was enough to see it.
    expect(sync.log.filter((step) => step.startsWith('rewrite'))).toHaveLength(200);
    expect(sync.log.some((step) => step.startsWith('purge'))).toBe(false);
    away = false;
    await mender?.mend();
    expect(sync.left).toEqual({ pending: [], dead: [], sources: 0 });
  });

  it('drops deleted collections from the index before their documents are buried; one that cannot be dropped keeps no other from it', async () => {
    const log: string[] = [];
    const keys = ['stuck', 'gone'] as CollectionKey[];
    const left = { gone: 2, stuck: 2 } as Record<string, number>;
    const hosted = {
      catalog: {
        deletedCollections: async () => keys.map((key) => ({ tenant: 'acme' as TenantId, key })),
        async emptyCollection(key: CollectionKey) {
          log.push(`bury ${key}`);
          return (left[key] = (left[key] ?? 0) - 1) > 0;
        },
        async forgetCollection(key: CollectionKey) {
          log.push(`forget ${key}`);
        },
      },
      index: {
        async drop(key: CollectionKey) {
          log.push(`drop ${key}`);
          if (key === 'stuck') throw new AppError('index_unavailable');
        },
      },
    };
    const sync = fakeSync({ dead: dead('acme', 1) });
    mender = createMender({ ...sync.parts, hosted });
    await mender.mend();
    expect(log).toEqual(['drop stuck', 'drop gone', 'bury gone', 'bury gone', 'forget gone']);
    expect(sync.left.dead).toEqual([]);
  });

  it('goes on past documents that cannot be brought over', async () => {
    const sync = fakeSync({ access: access(3), dead: dead('acme', 1) });
    const { vectors } = sync.parts;
    const parts = {
      ...sync.parts,
      vectors: {
        ...vectors,
        rewriteAccess: (one: AccessPayload, signal: AbortSignal) =>
          one.document === 'd1' ? Promise.reject(new AppError('index_unavailable')) : vectors.rewriteAccess(one, signal),
      },
    };
    mender = createMender(parts);
    await mender.mend();
    expect(sync.left).toMatchObject({ pending: ['d1'], dead: [] });
  });

  it('asked while a run fails, runs once more: the index may be back since', async () => {
    let away = true;
    const sync = fakeSync({
      dead: dead('acme', 3),
      async remove() {
        const failing = away;
        // Whoever asks now has seen the index come back.
        if (failing) void mender?.mend();
        away = false;
        if (failing) throw new AppError('index_unavailable');
      },
    });
    await mend(sync);
    expect(sync.left.dead).toEqual([]);
  });

  it('asked while it runs, runs once more and no more', async () => {
    const sync = fakeSync({});
    let passes = 0;
    const writes = { ...sync.parts.writes, pendingDocuments: async () => ((passes += 1), []) };
    mender = createMender({ ...sync.parts, writes });
    await Promise.all([mender.mend(), mender.mend(), mender.mend()]);
    expect(passes).toBe(2);
  });
});

describe('time', () => {
  it('mends at the start, soon after each kick, and now and then', async () => {
    vi.useFakeTimers();
    const sync = fakeSync({});
    let passes = 0;
    const writes = { ...sync.parts.writes, pendingDocuments: async () => ((passes += 1), []) };
    mender = createMender({ ...sync.parts, writes });
    await vi.advanceTimersByTimeAsync(0);
    expect(passes).toBe(1);
    // A stream of kicks does not put it off.
    for (let n = 0; n < 10; n++) {
      mender.kick();
      await vi.advanceTimersByTimeAsync(5);
    }
    expect(passes).toBeGreaterThan(1);
    await vi.advanceTimersByTimeAsync(1_000);
    const after = passes;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(passes).toBeGreaterThan(after);
  });

  it('closed, does nothing any more and has waited for what ran', async () => {
    vi.useFakeTimers();
    const sync = fakeSync({ access: access(1) });
    mender = createMender(sync.parts);
    await mender.close();
    mender.kick();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(sync.log).toEqual([]);
  });
});
