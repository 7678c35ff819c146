import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LONG, figure, trials } from '../support/scale.ts';
import { check, type Flip, type Lock, type Read } from './revocation-history-checker.ts';
import { lag, mendIndex, refuseWrites, stallWrites, startWorld, type World } from './revocation-history-world.ts';

/** Requests that started after a revocation was acknowledged and ended before its end began; each could have been a violation. */
const TRIALS = trials(300, 20_000);

describe('the checker of histories', () => {
  const lock = (flips: readonly Flip[]): Lock => ({
    name: 'acl',
    flips,
    covers: (document, caller) => document === 'd' && caller === 'anna',
  });
  const shut: readonly Flip[] = [
    { open: false, begin: 10, acknowledged: 20 },
    { open: true, begin: 50, acknowledged: 60 },
  ];
  const read = (start: number, end: number, released: readonly string[] = ['d'], more: Partial<Read> = {}): Read => ({
    start,
    end,
    caller: 'anna',
    replica: 'a',
    kind: 'retrieve',
    asked: undefined,
    released: new Set(released),
    ...more,
  });
  const verdict = (...reads: readonly Read[]) => check([read(1, 2), ...reads], [lock(shut)], ['d', 'e']);

  it.each([
    ['a release after the acknowledgement', read(21, 30)],
    ['one that starts with it', read(20, 49)],
    ['a count', read(25, 26, ['d'], { kind: 'count', asked: 'd' })],
    ['one among others', read(25, 26, ['e', 'd'])],
  ])('finds %s', (_name, forged) => {
    expect(verdict(forged).violations).toMatchObject([{ lock: 'acl', document: 'd', read: forged, revoked: shut[0] }]);
    expect(verdict(forged).trials).toBe(1);
  });

  it.each([
    ['one that started before it', read(19, 30)],
    ['one that the end of the revocation overlaps', read(25, 51)],
    ['one after the end', read(61, 62)],
    ['another document', read(25, 26, ['e'])],
    ['another caller', read(25, 26, ['d'], { caller: 'ben' })],
  ])('does not hold against anybody %s', (_name, honest) => {
    expect(verdict(honest).violations).toEqual([]);
  });

  it('says where a revocation took away what nobody had been shown', () => {
    expect(check([read(25, 26, [])], [lock(shut)], ['d']).unshown).toEqual(['acl at 10']);
    expect(verdict().unshown).toEqual([]);
  });
});

describe('two replicas over one PostgreSQL and a Qdrant cluster of three', () => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld();
  }, 120_000);
  afterAll(() => world.stop(), 60_000);

  const judged = () => check(world.reads, world.locks, world.documents);

  /** Lets it run under one kind of weather, and then waits until the index has everything. */
  async function under(ms: number, begin: () => Promise<void> | void, end: () => Promise<void> | void): Promise<void> {
    await begin();
    await sleep(ms);
    await end();
    await Promise.all([world.a.service.mender.mend(), world.b.service.mender.mend()]);
  }

  it(
    'release nothing, and count nothing, that was taken away before the request began',
    async () => {
      const { proxies, cluster } = world;
      const stop = new AbortController();
      const running = world.run(stop.signal);
      const pause = LONG ? 4_000 : 1_500;
      const mend = (): void => mendIndex(proxies);
      try {
        do {
          await under(2 * pause, () => undefined, mend);
          await under(pause, () => lag(proxies, 120), mend);
          await under(pause, () => refuseWrites(proxies), mend);
          await under(pause, () => stallWrites(proxies), mend);
          await under(
            pause,
            () => cluster.nodes[2].kill(),
            () => cluster.nodes[2].start(),
          );
          await under(pause, () => undefined, world.untilWhole);
        } while (judged().trials < TRIALS || world.locks.some(({ flips }) => flips.length < 2));
      } finally {
        mend();
        stop.abort();
        await running;
      }
      const { violations, trials: tried, counts, racing, revocations, unshown } = judged();
      expect(violations).toEqual([]);
      expect(unshown).toEqual([]);
      expect(tried).toBeGreaterThanOrEqual(TRIALS);
      expect(counts).toBeGreaterThan(TRIALS / 10);
      expect(racing).toBeGreaterThan(TRIALS / 10);
      for (const { name, flips } of world.locks) expect(flips.length, name).toBeGreaterThan(1);
      for (const replica of ['a', 'b'] as const) expect(world.reads.filter((read) => read.replica === replica).length).toBeGreaterThan(50);
      const codes = [...world.refused.keys()].filter(
        (code) => !['epoch_unstable', 'aggregate_unstable', 'index_unavailable', 'deadline_exceeded'].includes(code),
      );
      expect(codes).toEqual([]);
      figure(
        'revocation history',
        `${tried} requests after an acknowledged revocation (${counts} counts), ${racing} beside one, ${revocations} revocations, 0 violations`,
      );
    },
    LONG ? 3_600_000 : 300_000,
  );

  it('are caught where one of them believes an epoch that it read before, and does not compare it', async () => {
    const { catalog, audit } = world.b.service.stores;
    const honest = { epoch: catalog.epoch, release: audit.release };
    const known = new Map<string, { readonly at: number; readonly value: ReturnType<typeof catalog.epoch> }>();
    Object.assign(catalog, {
      epoch: (tenant: Parameters<typeof catalog.epoch>[0]) => {
        const kept = known.get(tenant);
        if (kept !== undefined && performance.now() - kept.at < 500) return kept.value;
        const value = honest.epoch(tenant);
        known.set(tenant, { at: performance.now(), value });
        return value;
      },
    });
    Object.assign(audit, {
      release: async (event: Parameters<typeof audit.append>[0]) => ({ kind: 'released', receipt: await audit.append(event) }),
    });
    try {
      expect(await violationsOf(['labelled', 'ceiling', 'policy', 'switched'])).toBeGreaterThan(0);
    } finally {
      Object.assign(catalog, { epoch: honest.epoch });
      Object.assign(audit, { release: honest.release });
    }
  });

  it('are caught where one of them counts what waits for the index', async () => {
    const { catalog } = world.a.service.stores;
    const { unsettled } = catalog;
    const believing: typeof unsettled = async () => {
      return { kind: 'named', at: Date.now(), documents: new Set(), chunks: new Set(), timed: [], nextEnd: 'forever' };
    };
    Object.assign(catalog, { unsettled: believing });
    try {
      expect(await violationsOf(['off', 'deleted', 'narrowed'])).toBeGreaterThan(0);
    } finally {
      Object.assign(catalog, { unsettled });
    }
  });

  /** How many violations a faulty service makes before it is caught, within a bounded number of tries. */
  async function violationsOf(names: readonly string[]): Promise<number> {
    const stop = new AbortController();
    const before = world.reads.length;
    const running = world.run(stop.signal, names);
    try {
      for (let waited = 0; waited < 600; waited += 1) {
        await sleep(100);
        const found = check(world.reads.slice(before), world.locks, world.documents).violations.length;
        if (found > 0) return found;
      }
      return 0;
    } finally {
      stop.abort();
      await running;
    }
  }
});
