import { describe, expect, it } from 'vitest';
import { AppError } from '../core/errors.ts';
import type { Exclusion } from '../core/filter.ts';
import type { DocumentKey } from '../core/ids.ts';
import type { AggregateCatalog, Unsettled } from '../core/ports/aggregates.ts';
import type { AuditEvent, AuditPort, ReleaseOutcome } from '../core/ports/audit.ts';
import { silentTelemetry } from '../core/ports/telemetry.ts';
import { unwatched } from '../core/ports/watch.ts';
import type { AuthorizedFilter } from '../core/filter.ts';
import type { Principal } from '../core/principal.ts';
import { countChunks, type CountParts } from './count.ts';
import { CALLER, fakeCatalog, fakePolicy, READ_AT, STAFF } from './retrieval.fixture.ts';

const key = (name: string): DocumentKey => name as DocumentKey;
const named = (fields: Partial<Unsettled> = {}): Unsettled => ({
  kind: 'named',
  at: READ_AT,
  documents: new Set(),
  chunks: new Set(),
  timed: [],
  nextEnd: 'forever',
  ...fields,
});

interface World {
  unsettled(...given: Parameters<AggregateCatalog['unsettled']>): ReturnType<AggregateCatalog['unsettled']>;
  /** Documents with staged or dead chunks after the index has counted. */
  afterwards(): readonly DocumentKey[];
  release(until: number | 'forever'): ReleaseOutcome;
  readonly zones?: readonly number[];
}

const RELEASED: ReleaseOutcome = { kind: 'released', receipt: { index: 0, leaf: '' } };

function worldOf(given: Partial<World> = {}) {
  const world: World = { unsettled: async () => named(), afterwards: () => [], release: () => RELEASED, ...given };
  const events: AuditEvent[] = [];
  const without: (Exclusion | undefined)[] = [];
  const ends: (number | 'forever')[] = [];
  let counts = 0;
  let asked = 0;
  const catalog = {
    ...fakeCatalog({ candidates: () => [] }),
    // Before the index is asked, and after it has answered.
    async unsettled(...given: Parameters<World['unsettled']>) {
      const found = await world.unsettled(...given);
      return (asked += 1) % 2 === 1 || found.kind !== 'named'
        ? found
        : { ...found, documents: new Set([...found.documents, ...world.afterwards()]) };
    },
  };
  const policy = fakePolicy({ zones: world.zones ?? [1] });
  const audit: Pick<AuditPort, 'append' | 'release'> = {
    async append(event) {
      events.push(event);
      return { index: 0, leaf: '' };
    },
    async release(event, _stamp, until) {
      ends.push(until);
      const outcome = world.release(until);
      if (outcome.kind === 'released') events.push(event);
      return outcome;
    },
  };
  const parts: CountParts = {
    catalog,
    audit: audit as AuditPort,
    telemetry: silentTelemetry,
    watch: unwatched,
    policy: {
      ...policy,
      authorize(input) {
        without.push(input.without);
        return { kind: 'filter', filter: {} as AuthorizedFilter };
      },
    },
    vectors: { count: async () => (counts += 1) },
  };
  const request = { requestId: 'r', traceId: undefined, restriction: {}, purpose: undefined };
  const run = () => countChunks(parts, CALLER, request, new AbortController().signal);
  const code = () =>
    run().then(
      () => 'counted',
      (error: unknown) => (error instanceof AppError ? error.code : String(error)),
    );
  return { run, code, events, without, ends, counted: () => counts };
}

describe('counting', () => {
  it('declares, counts and releases, in this order', async () => {
    const { run, events } = worldOf();
    expect(await run()).toEqual({ requestId: 'r', chunks: 1 });
    expect(events.map(({ kind }) => kind)).toEqual(['intent', 'release']);
  });

  it('leaves out a list, even an empty one, so that the time of what a grant opens is kept', async () => {
    const { run, without } = worldOf();
    await run();
    expect(without).toEqual([{ kind: 'documents', documents: [] }]);
  });

  it('does not ask the index for a caller with nothing to read, and releases that', async () => {
    const { run, events, counted } = worldOf({ zones: [] });
    expect([(await run()).chunks, counted(), events.length]).toEqual([0, 0, 2]);
  });

  it('leaves out what is unsettled, and documents that a bounded entry closes to this caller', async () => {
    const until = READ_AT + 1_000;
    const open = { key: key('open'), acl: { gates: [[{ principal: STAFF, until }]], deny: [] } };
    const over = { key: key('over'), acl: { gates: [[{ principal: STAFF, until: READ_AT }]], deny: [] } };
    const denied = { key: key('denied'), acl: { gates: [[STAFF]], deny: [{ principal: 'user:idp|ada' as Principal, until }] } };
    const unsettled = async () => named({ documents: new Set([key('pending')]), timed: [open, over, denied], nextEnd: READ_AT + 5_000 });
    const { run, without, ends } = worldOf({ unsettled });
    await run();
    expect(without).toEqual([{ kind: 'documents', documents: ['pending', 'over', 'denied'] }]);
    // The clock takes the open one away first.
    expect(ends).toEqual([until]);
  });

  it('counts again where a text came in while it counted, where the epoch moved and where validity ended', async () => {
    const outcomes: ReleaseOutcome[] = [{ kind: 'epoch-moved' }, { kind: 'validity-ended' }, RELEASED];
    let looks = 0;
    const { run, events } = worldOf({
      afterwards: () => ((looks += 1) === 1 ? [key('staged')] : []),
      release: () => outcomes.shift() ?? RELEASED,
    });
    expect(await run()).toMatchObject({ chunks: 4 });
    expect(events.map(({ kind }) => kind)).toEqual(['intent', 'release']);
  });

  it('takes a text that was left out from the start for settled', async () => {
    const { run } = worldOf({ unsettled: async () => named({ documents: new Set([key('a')]) }), afterwards: () => [key('a')] });
    expect(await run()).toMatchObject({ chunks: 1 });
  });

  it.each<readonly [string, Partial<World>]>([
    ['there is too much to leave out', { unsettled: async () => ({ kind: 'too-many' }) }],
    ['texts come in faster than it counts', { afterwards: () => [key('staged')] }],
    ['the epoch moves every time', { release: () => ({ kind: 'epoch-moved' }) }],
  ])('gives up with aggregate_unstable where %s, and releases nothing', async (_name, given) => {
    const { code, events, counted } = worldOf(given);
    expect(await code()).toBe('aggregate_unstable');
    expect(events.map(({ kind }) => kind)).toEqual(['intent']);
    expect(counted()).toBeLessThanOrEqual(12);
  });

  it.each<readonly [string, Partial<World>]>([
    ['is away', { unsettled: () => Promise.reject(new AppError('catalog_unavailable')) }],
    [
      'fails afterwards',
      {
        afterwards: () => {
          throw new AppError('catalog_unavailable');
        },
      },
    ],
  ])('fails closed where the catalog %s', async (_name, given) => {
    const { code, events } = worldOf(given);
    expect(await code()).toBe('catalog_unavailable');
    expect(events.map(({ kind }) => kind)).toEqual(['intent']);
  });
});
