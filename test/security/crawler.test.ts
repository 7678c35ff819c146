import { describe, expect, it } from 'vitest';
import { DEFAULT_WATCHING } from '../../src/core/watching.ts';
import { seededRandom } from '../support/random.ts';
import { figure, trials } from '../support/scale.ts';
import { answerAbout, BEGIN, callerOf, HOUR, rule, topicsOf, watchedWorld, watching, type WatchedWorld } from '../support/watched-world.ts';

/** Somebody who reads everything they may, by questions that are each innocent. */

const BLOCKING = watching(...DEFAULT_WATCHING.rules.map((one) => ({ ...one, action: 'block' as const })));
const MINUTE = 60_000;

/** Asks about everything there is until it is stopped; how much of it was seen by then. */
async function crawl(world: WatchedWorld, seed: number, everyMs: number, callers: readonly string[], replicas = 1): Promise<number> {
  const random = seededRandom(seed);
  const documents = world.keys.length;
  const seen = new Set<number>();
  const stopped = new Set<string>();
  for (let asked = 0; seen.size < documents * 0.5 && stopped.size < callers.length && asked < 3_000; asked += 1) {
    world.now += Math.ceil(everyMs * (0.5 + random.next()));
    const user = callers[asked % callers.length] ?? '';
    const answer = answerAbout(random, documents, random.below(topicsOf(documents)));
    const token = `token-${random.below(5)}`;
    if (world.ask(callerOf(user, 'assistant', token), answer, random.below(replicas)) === 'blocked') stopped.add(user);
    else for (const n of answer) seen.add(n);
    if (replicas > 1) await world.settle();
  }
  return seen.size / documents;
}

/** Three to six topics in eight hours, over and over. */
function work(world: WatchedWorld, seed: number): 'blocked' | 'answered' {
  const random = seededRandom(seed);
  const documents = world.keys.length;
  const topics = Array.from({ length: 3 + random.below(4) }, () => random.below(topicsOf(documents)));
  const questions = 20 + random.below(60);
  for (let asked = 0; asked < questions; asked += 1) {
    world.now += Math.floor((8 * HOUR * 2 * random.next()) / questions / 1.05);
    if (world.ask(callerOf('ada'), answerAbout(random, documents, random.pick(topics))) === 'blocked') return 'blocked';
    if (random.chance(0.05)) world.replicas[0]?.nearMiss(callerOf('ada'));
  }
  return 'answered';
}

const sizeOf = (seed: number): number => 2_000 + seededRandom(seed).below(8_000);

describe('a crawler', () => {
  it('is stopped before it has seen a fifth; ordinary work of a day is not', async () => {
    const count = trials(30, 2_000);
    const shares: number[] = [];
    let disturbed = 0;
    for (let seed = 1; seed <= count; seed += 1) {
      const documents = sizeOf(seed);
      const crawled = await watchedWorld({ documents, policy: BLOCKING });
      shares.push(await crawl(crawled, seed, (5 + (seed % 40)) * 1_000, ['mallory']));
      const worked = await watchedWorld({ documents, policy: BLOCKING });
      if (work(worked, seed) === 'blocked') disturbed += 1;
    }
    const caught = shares.filter((share) => share < 0.2).length;
    const most = Math.max(...shares);
    figure(
      'watching',
      `${caught} of ${count} crawlers stopped, after ${(most * 100).toFixed(1)} % at most; ${disturbed} of ${count} working days disturbed`,
    );
    expect(caught).toBe(count);
    expect(disturbed).toBe(0);
  });

  it('over two replicas is seen as one', async () => {
    for (let seed = 1; seed <= 5; seed += 1) {
      const world = await watchedWorld({ documents: 2_000, policy: BLOCKING, replicas: 2 });
      expect(await crawl(world, seed, 30_000, ['mallory'], 2)).toBeLessThan(0.2);
    }
  });

  it('that shares the work out among many people is seen by its application', async () => {
    const people = Array.from({ length: 20 }, (_, n) => `m${n}`);
    const perClient = watching(rule({ of: 'client', kind: 'share', over: 0.15, in: 'day', action: 'block' }));
    const perUser = watching(rule({ of: 'user', kind: 'share', over: 0.15, in: 'day', action: 'block' }));
    const crawled = async (policy: typeof perClient): Promise<number> =>
      crawl(await watchedWorld({ documents: 2_000, policy }), 7, 10_000, people);
    expect(await crawled(perClient)).toBeLessThan(0.2);
    expect(await crawled(perUser)).toBeGreaterThan(0.3);
  });

  it('that takes days is seen by the week, and one that takes months is not', async () => {
    const documents = 4_000;
    const days = async (perDay: number): Promise<number | 'never'> => {
      const world = await watchedWorld({ documents, policy: BLOCKING });
      for (let day = 0, next = 0; day < 28 && next < documents; day += 1) {
        world.now = BEGIN + day * 24 * HOUR;
        for (let n = 0; n < perDay; n += 5, next += 5) {
          world.now += 10 * MINUTE;
          if (
            world.ask(
              callerOf('mallory'),
              [0, 1, 2, 3, 4].map((offset) => next + offset),
            ) === 'blocked'
          )
            return next / documents;
        }
      }
      return 'never';
    };
    // 15 % in seven days is 86 documents a day of 4,000.
    expect(await days(110)).toBeLessThan(0.2);
    expect(await days(60)).toBe('never');
  });
});

describe('what follows', () => {
  const seeing = (world: WatchedWorld, caller = callerOf('mallory'), replica = 0): void => {
    for (let n = 0; n < 400; n += 8)
      world.ask(
        caller,
        Array.from({ length: 8 }, (_, offset) => n + offset),
        replica,
      );
  };
  const over = (action: 'alert' | 'limit' | 'block' | 'switch') => watching(rule({ kind: 'documents', over: 100, in: 'hour', action }));
  const told = (world: WatchedWorld): readonly string[] => world.events.map(({ kind }) => kind).filter((kind) => kind.startsWith('watch.'));

  it.each([
    ['alert', 'watch.alert', { kind: 'pass', limit: 'unlimited' }],
    ['limit', 'watch.limited', { kind: 'pass', limit: 3 }],
    ['block', 'watch.blocked', { kind: 'block', retryAfter: 3_600 }],
  ] as const)('is as the rule says: %s, told once', async (action, kind, admission) => {
    const world = await watchedWorld({ documents: 2_000, policy: over(action) });
    seeing(world);
    await world.settle();
    expect(world.replicas[0]?.admit(callerOf('mallory'))).toEqual(admission);
    expect(world.replicas[0]?.admit(callerOf('ada'))).toEqual({ kind: 'pass', limit: 'unlimited' });
    expect(told(world)).toEqual([kind]);
    expect(world.thrown).toEqual([]);
  });

  it('switches somebody off, and never an administrator through whatever application', async () => {
    const mallory = await watchedWorld({ documents: 2_000, policy: over('switch') });
    seeing(mallory);
    await mallory.settle();
    expect(mallory.thrown).toEqual([{ kind: 'user', id: 'user:test|mallory' }]);
    const root = await watchedWorld({ documents: 2_000, policy: over('switch'), administrators: ['user:test|root'] });
    seeing(root, callerOf('root'));
    await root.settle();
    expect(root.thrown).toEqual([]);
    expect(root.replicas[0]?.admit(callerOf('root')).kind).toBe('block');
    expect(told(root)).toEqual(['watch.blocked']);
  });

  it('holds on every replica and after a restart, and ends on all when it is lifted', async () => {
    const world = await watchedWorld({ documents: 2_000, policy: over('block'), replicas: 2 });
    const mallory = callerOf('mallory');
    seeing(world);
    await world.settle();
    const after = await world.restart();
    expect([...world.replicas].map((watch) => watch.admit(mallory).kind)).toEqual(['block', 'block', 'block']);
    expect(after.subjects('acme' as never, undefined, 10)).toMatchObject([
      { subject: 'user:test|mallory', blockedUntil: world.now + HOUR },
    ]);
    const body = { subject: 'user:test|mallory' };
    const lifted = {
      tenant: 'acme' as never,
      kind: 'watch.lifted',
      requestId: 'r',
      body,
      leaf: '',
      at: new Date(world.now).toISOString(),
    } as const;
    (world.events as unknown[]).push({ ...lifted, index: world.events.length });
    await world.settle();
    expect([...world.replicas].map((watch) => watch.admit(mallory).kind)).toEqual(['pass', 'pass', 'pass']);
    expect(world.ask(mallory, [1, 2, 3])).toBe('answered');
    expect(world.ask(mallory, [1, 2, 3])).toBe('answered');
  });

  it('ends by itself when the window has moved on', async () => {
    const world = await watchedWorld({ documents: 2_000, policy: over('block') });
    seeing(world);
    expect(world.ask(callerOf('mallory'), [1])).toBe('blocked');
    world.now += 66 * MINUTE;
    expect(world.ask(callerOf('mallory'), [1])).toBe('answered');
    expect(world.ask(callerOf('mallory'), [2])).toBe('answered');
  });

  it.each(['near-misses', 'bait', 'novelty'] as const)('counts %s', async (kind) => {
    const one = rule({ kind, over: kind === 'novelty' ? 0.9 : 2, in: 'hour', action: 'block', atLeast: kind === 'novelty' ? 50 : 0 });
    const world = await watchedWorld({ documents: 2_000, policy: watching(one) });
    const [watch] = world.replicas;
    const [ada, mallory] = [callerOf('ada'), callerOf('mallory')];
    for (let n = 0; n < 10; n += 1) {
      if (kind === 'near-misses' && n < 2) watch?.nearMiss(ada);
      if (kind === 'near-misses') watch?.nearMiss(mallory);
      if (kind === 'bait') watch?.bait(ada, world.keys.slice(0, 2));
      if (kind === 'bait') watch?.bait(mallory, world.keys.slice(n, n + 1));
      // What somebody saw yesterday is not new to them today.
      if (kind === 'novelty')
        world.ask(
          ada,
          Array.from({ length: 8 }, (_, offset) => n * 8 + offset),
        );
      if (kind === 'novelty') world.now += 13 * HOUR;
    }
    if (kind === 'novelty') {
      world.now = BEGIN + 131 * HOUR;
      for (let n = 0; n < 80; n += 8) {
        const some = Array.from({ length: 8 }, (_, offset) => n + offset);
        world.ask(ada, some);
        world.ask(
          mallory,
          some.map((document) => document + 500),
        );
      }
    }
    expect(watch?.admit(ada).kind).toBe('pass');
    expect(watch?.admit(mallory).kind).toBe('block');
  });
});
