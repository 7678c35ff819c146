import { describe, expect, it } from 'vitest';
import { AT, claimsOf, issuerOf, laterReasonOf } from '../../test/support/identity-parts.ts';
import { GRAPH_SECRET, json, startGraph, type GraphServer } from '../../test/support/graph-server.ts';
import type { GroupLookupConfig, IssuerConfig } from '../core/ports/identity.ts';
import { silentTelemetry, type Telemetry } from '../core/ports/telemetry.ts';
import { principal, type Principal } from '../core/principal.ts';
import { checkClaims } from './claims.ts';
import { groupsIncomplete } from './failures.ts';
import { callerWithGroups, createGroupLookup, type GroupLookup } from './group-lookup.ts';
import { DEFAULT_LIMITS } from './limits.ts';

const PERSON = '00000000-0000-4000-8000-000000000001';
const LOOKUP = { kind: 'graph', claim: 'oid' } as GroupLookupConfig;
const signal = new AbortController().signal;

describe('the groups of a caller', () => {
  const found = principal('group', 'test', 'found') as Principal;
  async function ask(changes: Readonly<Record<string, unknown>>, overrides: Partial<IssuerConfig> = {}, by?: GroupLookup | 'none') {
    const asked: string[] = [];
    const lookup: GroupLookup = {
      groups: async (person) => (asked.push(person), { groups: [found], until: 5_000 }),
      close: () => Promise.resolve(),
    };
    const config = issuerOf({ lookup: LOOKUP, ...overrides });
    const verified = checkClaims(claimsOf({ oid: PERSON, ...changes }), 'at+jwt', config, AT * 1_000);
    const parts = { by: by === 'none' ? undefined : (by ?? lookup), clock: { now: () => 2_000 } };
    const { caller, maxAgeMs } = await callerWithGroups(verified, config, 'digest', parts, signal);
    return { groups: caller.user.kind === 'user' ? caller.user.groups : 'nobody', maxAgeMs, asked };
  }
  const reason = (...args: Parameters<typeof ask>) => laterReasonOf(ask(...args));
  const notAsked = { maxAgeMs: undefined, asked: [] };

  it('are looked up where the token left them out, for as long as the answer holds', async () => {
    expect(await ask({ hasgroups: true })).toEqual({ groups: [found], maxAgeMs: 3_000, asked: [PERSON] });
    const past: GroupLookup = { groups: async () => ({ groups: [], until: 1 }), close: () => Promise.resolve() };
    expect(await ask({ hasgroups: true }, {}, past)).toEqual({ groups: [], maxAgeMs: 0, asked: [] });
  });

  it('are not looked up where the token names them, for an application, or where the directory knows', async () => {
    expect(await ask({})).toEqual({ groups: ['group:test|hr'], ...notAsked });
    expect(await ask({ hasgroups: true, sub: 'assistant' })).toEqual({ groups: 'nobody', ...notAsked });
    const subjects = { user: 'id', group: 'id' } as const;
    expect(await ask({ hasgroups: true }, { directory: { kind: 'authoritative', subjects } })).toEqual({ groups: [], ...notAsked });
  });

  it('are incomplete where nobody can be asked, or about nobody', async () => {
    const LEFT_OUT = 'groups_incomplete: the provider left groups out';
    expect(await reason({ hasgroups: true }, {}, 'none')).toBe(LEFT_OUT);
    expect(await reason({ hasgroups: true }, { lookup: undefined } as unknown as Partial<IssuerConfig>)).toBe(LEFT_OUT);
    for (const oid of [undefined, 7, null]) {
      expect(await reason({ hasgroups: true, oid })).toBe('groups_incomplete: the token does not name the person as the provider does');
    }
    const failing: GroupLookup = { groups: () => Promise.reject(groupsIncomplete('x')), close: () => Promise.resolve() };
    expect(await reason({ hasgroups: true }, {}, failing)).toBe('groups_incomplete: x');
  });
});

describe('a lookup', () => {
  const INCOMPLETE = 'groups_incomplete: the provider could not be asked for the groups it left out';
  async function withLookup(run: (w: Awaited<ReturnType<typeof worldOf>>) => Promise<void>, config: Partial<GroupLookupConfig> = {}) {
    const graph = await startGraph();
    const w = await worldOf(graph, config);
    try {
      await run(w);
    } finally {
      await w.lookup.close();
      await graph.close();
    }
  }
  async function worldOf(graph: GraphServer, config: Partial<GroupLookupConfig>) {
    let now = 0;
    const events: string[] = [];
    const telemetry: Telemetry = {
      ...silentTelemetry,
      log: { ...silentTelemetry.log, warn: (fields, message) => void events.push(`${message} ${JSON.stringify(fields)}`) },
      count: (counter, labels) => void events.push(`${counter} ${JSON.stringify(labels)}`),
      span: (name, attributes, run) => (events.push(`${name} ${JSON.stringify(attributes)}`), run()),
    };
    const limits = { ...DEFAULT_LIMITS, breakerFailures: 2, fetchDeadlineMs: 2_000 };
    const lookup = createGroupLookup(
      'test',
      { ...graph.config, ...config },
      { limits, clock: { now: () => now }, telemetry, closing: signal },
    );
    graph.groups.set(PERSON, ['a', 'b']);
    const asked = () => graph.calls.filter(({ path }) => path.includes(PERSON)).length;
    return { graph, lookup, events, asked, at: (milliseconds: number) => void (now = milliseconds) };
  }
  const groups = ['group:test|a', 'group:test|b'];

  it('is remembered as long as configured, counted from before it was asked', async () => {
    await withLookup(
      async ({ lookup, asked, at, events }) => {
        at(1_000);
        expect(await lookup.groups(PERSON, signal)).toEqual({ groups, until: 11_000 });
        expect(events).toEqual(['identity.look_up_groups {"issuer":"test"}']);
        at(10_999);
        await lookup.groups(PERSON, signal);
        expect(asked()).toBe(1);
        at(11_000);
        await lookup.groups(PERSON, signal);
        expect(asked()).toBe(2);
        // A clock that was set back.
        at(10_999);
        await lookup.groups(PERSON, signal);
        expect(asked()).toBe(3);
      },
      { cacheSeconds: 10 },
    );
  });

  it('is not remembered where that is not configured, and one answer serves all who wait for it', async () => {
    await withLookup(
      async ({ lookup, asked }) => {
        const both = await Promise.all([lookup.groups(PERSON, signal), lookup.groups(PERSON, signal)]);
        expect([both[0] === both[1], asked()]).toEqual([true, 1]);
        await lookup.groups(PERSON, signal);
        expect(asked()).toBe(2);
      },
      { cacheSeconds: 0 },
    );
  });

  it('that fails in passing is tried once more; one that is refused is not', async () => {
    await withLookup(async ({ graph, lookup, asked, events }) => {
      graph.next('groups', (_call, response) => json(response, 503, {}));
      expect((await lookup.groups(PERSON, signal)).groups).toEqual(groups);
      expect(asked()).toBe(2);
      events.length = 0;
      const other = PERSON.replace(/1$/, '2');
      graph.groups.set(other, ['x'.repeat(600)]);
      graph.next('groups', (_call, response) => json(response, 404, { error: GRAPH_SECRET }));
      expect(await laterReasonOf(lookup.groups(other, signal))).toBe(INCOMPLETE);
      expect(events.slice(1)).toEqual([
        'outbound_failures {"part":"issuer"}',
        'the groups of a person could not be looked up {"issuer":"test","reason":"answered with 404"}',
      ]);
    });
  });

  it('of a group that can be no principal is a failure', async () => {
    await withLookup(async ({ graph, lookup, events }) => {
      graph.groups.set(PERSON, ['a', 'b\u0001']);
      expect(await laterReasonOf(lookup.groups(PERSON, signal))).toBe(INCOMPLETE);
      expect(events.at(-1)).toContain('a group that can be no principal');
    });
  });

  it('opens the circuit after outages, and not for what is wrong with one person', async () => {
    await withLookup(async ({ graph, lookup, events }) => {
      for (let n = 0; n < 4; n++) expect(await laterReasonOf(lookup.groups('nobody', signal))).toBe(INCOMPLETE);
      expect(events.at(-1)).toContain('the id of the person is none of the provider');
      graph.next('groups', (_call, response) => json(response, 500, {}), 4);
      for (let n = 0; n < 3; n++) expect(await laterReasonOf(lookup.groups(PERSON, signal))).toBe(INCOMPLETE);
      expect(events.at(-1)).toContain('the circuit is open');
    });
  });

  it('is given up with the one who asked, and goes on for the others', async () => {
    await withLookup(async ({ graph, lookup, asked }) => {
      let answer = (): void => undefined;
      graph.next('groups', (_call, response) => void (answer = () => json(response, 200, { value: ['c'] })));
      const gone = new AbortController();
      const [first, second] = [laterReasonOf(lookup.groups(PERSON, gone.signal)), lookup.groups(PERSON, signal)];
      gone.abort();
      const GAVE_UP = 'groups_incomplete: the request ended while its groups were looked up';
      expect(await first).toBe(GAVE_UP);
      expect(await laterReasonOf(lookup.groups(PERSON, gone.signal))).toBe(GAVE_UP);
      while (asked() === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      answer();
      expect([(await second).groups, asked()]).toEqual([['group:test|c'], 1]);
    });
  });
});
