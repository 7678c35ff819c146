import { describe, expect, it } from 'vitest';
import type { Exclusion, Restriction } from '../core/filter.ts';
import type { Grant } from '../core/grants.ts';
import type { DocumentKey, PrincipalNumber, SourceId, TenantId, ZoneId } from '../core/ids.ts';
import { labelScheme } from '../core/label.ts';
import type { TenantView } from '../core/ports/catalog.ts';
import type { Principal } from '../core/principal.ts';
import { grantTerm, mintFilter, numbersOf } from './authorized-filter.ts';
import { caller, label, newPolicy, purposes, tenant, view } from './world.fixture.ts';
import { MAX_FLAT_ZONES } from './zone-term.ts';

const POLICY = `p, client:idp|app, acme, *, retrieve, upto:restricted, *, *, allow
p, client:idp|app, acme, *, administer, *, *, audit, allow
p, user:idp|ada, acme, *, retrieve, upto:internal, *, *, allow`;
const ON = view({
  policy: POLICY,
  sources: [{ id: 'hr' }],
  zones: { 1: ['hr', label()], 2: ['hr', label('internal')], 3: ['hr', label('restricted')], 4: ['hr', label()] },
});
const ada = caller({ user: 'ada' });
const zones = (...ids: readonly number[]) => ids as readonly ZoneId[];
const numbers = (...all: readonly number[]) => all as readonly PrincipalNumber[];

function grant(id: string, of: readonly number[], key?: string, until = 10_000): Grant {
  return {
    id,
    principal: 'user:idp|ada' as Principal,
    source: 'hr' as SourceId,
    zones: new Set(zones(...of)),
    document: key === undefined ? { kind: 'all' } : { kind: 'one', key: key as unknown as DocumentKey },
    validFrom: 0,
    validUntil: until,
  };
}

interface Asked {
  readonly on?: TenantView;
  readonly restriction?: Restriction;
  readonly without?: Exclusion;
  readonly now?: number;
}
function filterOf({ on = ON, restriction = {}, without, now = 7 }: Asked) {
  const policy = newPolicy();
  const decision = policy.decide(on, ada, 'retrieve', 'answer');
  const input = { view: on, caller: ada, decision, restriction, numbers: new Map<Principal, PrincipalNumber>(), now };
  const made = policy.authorize(without === undefined ? input : { ...input, without });
  if (made.kind === 'none') throw new Error('nothing');
  return made.filter;
}

describe('the filter that authorize mints', () => {
  it('carries what the request narrows by and what is left out, frozen all through', () => {
    const metadata = { kind: 'eq', key: 'x', value: 'y' } as unknown as NonNullable<Restriction['filter']>;
    const without = { kind: 'some', documents: ['d1', 'd2'] } as unknown as Exclusion;
    const filter = filterOf({ restriction: { filter: metadata }, without });
    expect(filter).toMatchObject({
      tenant,
      zones: { kind: 'flat', ids: [1, 2, 4] },
      metadata: { kind: 'filter', filter: metadata },
      without,
    });
    const parts = [filter, filter.zones, filter.gate, filter.deny, filter.grants, filter.without];
    expect(parts.every((part) => Object.isFrozen(part))).toBe(true);
    expect(Object.isFrozen('documents' in filter.without && filter.without.documents)).toBe(true);
    expect(filterOf({}).without).toEqual({ kind: 'none' });
  });

  it("opens what the caller's grants open, until they end, on the clock of the database", () => {
    const on = { ...ON, grants: new Map([['user:idp|ada' as Principal, [grant('g', [2, 3, 9])]]]) };
    expect(filterOf({ on, now: 9 }).grants).toEqual({ kind: 'opened', openings: [{ kind: 'zones', zones: { kind: 'flat', ids: [2] } }] });
    expect(filterOf({ on, now: 10 }).grants).toEqual({ kind: 'none' });
    expect(filterOf({ on: { ...on, grants: new Map([['user:idp|bob' as Principal, [grant('g', [2])]]]) } }).grants).toEqual({
      kind: 'none',
    });
  });

  it('is refused, and says why, for a decision that is not its own or a time that is none', () => {
    const policy = newPolicy();
    const input = { view: ON, caller: ada, restriction: {}, numbers: new Map<Principal, PrincipalNumber>(), now: 7 };
    expect(() => policy.authorize({ ...input, decision: { kind: 'zones', zones: zones(3) } })).toThrow(
      expect.objectContaining({
        code: 'policy_unavailable',
        message: expect.stringMatching(/not made for this view, caller and action/) as string,
      }),
    );
    expect(() => filterOf({ now: Number.NaN })).toThrow(
      expect.objectContaining({ code: 'policy_unavailable', message: expect.stringMatching(/zones, principal numbers or time/) as string }),
    );
  });
});

describe('grantTerm', () => {
  it('opens whole zones and, by zone, single documents that no whole zone holds', () => {
    const term = grantTerm(
      [grant('a', [1, 9]), grant('b', [2, 3], 'd1'), grant('c', [3], 'd2'), grant('d', [3], 'd1'), grant('e', [1], 'd3')],
      zones(1, 2, 3, 4),
    );
    expect(term).toEqual({
      kind: 'opened',
      openings: [
        { kind: 'zones', zones: { kind: 'flat', ids: [1] } },
        { kind: 'documents', zone: 2, documents: ['d1'] },
        { kind: 'documents', zone: 3, documents: ['d1', 'd2'] },
      ],
    });
    expect(Object.isFrozen(term.kind === 'opened' && term.openings)).toBe(true);
    expect(term.kind === 'opened' && term.openings.every((opening) => Object.isFrozen(opening))).toBe(true);
    expect(term.kind === 'opened' && term.openings[0].kind === 'zones' && Object.isFrozen(term.openings[0].zones)).toBe(true);
  });

  it('opens nothing without grants, and nothing outside the zones', () => {
    expect(grantTerm([], zones(1, 2))).toEqual({ kind: 'none' });
    expect(grantTerm([grant('a', [7]), grant('b', [8], 'd1')], zones(1, 2))).toEqual({ kind: 'none' });
    expect(grantTerm([grant('b', [2], 'd1')], zones(1, 2))).toEqual({
      kind: 'opened',
      openings: [{ kind: 'documents', zone: 2, documents: ['d1'] }],
    });
  });
});

describe('mintFilter', () => {
  const spec = {
    tenant,
    zones: zones(1),
    gate: numbers(4),
    deny: numbers(5),
    now: 0,
    metadata: { kind: 'none' },
    grants: { kind: 'none' },
    without: { kind: 'none' },
  } as const;

  it('takes numbers from 1 on', () => {
    expect(mintFilter(spec)).toMatchObject({ gate: [4], deny: [5], now: 0 });
    expect(mintFilter({ ...spec, zones: zones(1), gate: numbers(1), deny: numbers(1) })).toMatchObject({ gate: [1], deny: [1] });
  });

  // 0 means "no gate here" in the index, so it would open what has none; as a deny it would hide everything.
  it.each([0, -1, 1.5, Number.NaN, 2 ** 53])('refuses the number %d anywhere', (number) => {
    for (const wrong of [{ zones: zones(1, number) }, { gate: numbers(4, number) }, { deny: numbers(number) }]) {
      expect(() => mintFilter({ ...spec, ...wrong })).toThrow(/out of range/);
    }
  });

  it('keeps to itself: a list that is changed afterwards changes no filter', () => {
    const [gate, deny] = [[...numbers(4)], [...numbers(5)]];
    const filter = mintFilter({ ...spec, gate, deny });
    gate.push(...numbers(6));
    deny.pop();
    expect(filter).toMatchObject({ gate: [4], deny: [5] });
  });

  it('spells many zones as runs', () => {
    const many = Array.from({ length: MAX_FLAT_ZONES + 1 }, (_, i) => (i + 1) as ZoneId);
    expect(mintFilter({ ...spec, zones: many }).zones).toEqual({ kind: 'runs', runs: [{ first: 1, last: MAX_FLAT_ZONES + 1, holes: [] }] });
  });

  it('has no form for nothing', () => {
    expect(() => mintFilter({ ...spec, zones: [] })).toThrow(/spelt as none/);
  });
});

describe('numbersOf', () => {
  it('gives the numbers of those in the set, ascending', () => {
    const all = new Map(Object.entries({ a: 10, b: 9, c: 2, d: 30 })) as unknown as ReadonlyMap<Principal, PrincipalNumber>;
    expect(numbersOf(new Set(['d', 'b', 'a', 'x'] as unknown as Principal[]), all)).toEqual([9, 10, 30]);
    expect(numbersOf(new Set(), all)).toEqual([]);
  });
});

describe('questions that are no questions', () => {
  it('names the purposes there are', () => {
    const policy = newPolicy();
    const invalid = expect.objectContaining({
      code: 'invalid_request',
      issues: [{ pointer: '/purpose', message: 'must be one of: answer, support, audit' }],
    }) as Error;
    expect(() => policy.decide(ON, ada, 'retrieve', 'sales')).toThrow(invalid);
    expect(() => policy.confirm(ON, ada, 1 as ZoneId, 'retrieve', '')).toThrow(invalid);
    expect(policy.purposes).toEqual([...purposes]);
  });

  it('asks about the tenant and about objects for the usual purpose, the first of the list', () => {
    const line = 'p, user:idp|ada, acme, *, administer, *, *, *, allow';
    const on = (purpose: string) =>
      view({ policy: `${POLICY.replace('*, *, audit, allow', `*, *, ${purpose}, allow`)}\n${line}`, sources: [], zones: {} });
    expect(newPolicy().permitsTenant(on('answer'), ada, 'administer').kind).toBe('permit');
    expect(newPolicy().permitsTenant(on('audit'), ada, 'administer').kind).toBe('refuse');
    expect(newPolicy().permitsTenant(on('support'), ada, 'administer').kind).toBe('refuse');
  });

  it.each([
    ['fewer levels', ['public', 'internal', 'confidential']],
    ['more levels', ['public', 'internal', 'confidential', 'restricted', 'secret']],
    ['another order', ['internal', 'public', 'confidential', 'restricted']],
    ['another last level', ['public', 'internal', 'confidential', 'secret']],
  ])('does not judge a view with %s', (_name, levels) => {
    const other: TenantView = { ...ON, scheme: labelScheme(levels) };
    expect(() => newPolicy().decide(other, ada, 'retrieve', 'answer')).toThrow(
      expect.objectContaining({ code: 'policy_unavailable', message: 'the view has another label scheme than the policy' }),
    );
    const equal: TenantView = { ...ON, scheme: labelScheme(ON.scheme.levels) };
    expect(newPolicy().decide(equal, ada, 'retrieve', 'answer').kind).toBe('zones');
  });

  it('names the revision, the line and what is wrong with it where a revision cannot be judged by', () => {
    const on = view({ policy: `${POLICY}\np, user:idp|ada, acme, *, retrieve, upto:x, *, *, allow`, sources: [], zones: {} });
    expect(() => newPolicy().decide(on, ada, 'retrieve', 'answer')).toThrow(
      expect.objectContaining({
        code: 'policy_unavailable',
        message: expect.stringMatching(/^policy revision r1, line 4: the label of an allow/) as string,
      }),
    );
  });

  it('is none of another tenant, whose zones have the same numbers', () => {
    const other = 'other' as TenantId;
    const policy = newPolicy();
    const stranger = caller({ user: 'ada', tenant: other });
    const decision = policy.decide(ON, stranger, 'retrieve', 'answer');
    expect(decision).toEqual({ kind: 'none' });
    expect(policy.confirm(ON, stranger, 1 as ZoneId, 'retrieve', 'answer')).toEqual({ kind: 'refuse', reason: 'unknown-zone' });
    expect(policy.confirm(ON, ada, 1 as ZoneId, 'retrieve', 'answer').kind).toBe('permit');
  });
});
