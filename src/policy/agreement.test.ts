import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { userPrincipals, type Caller } from '../core/caller.ts';
import type { SourceId, TenantId, ZoneId } from '../core/ids.ts';
import { TRUSTS } from '../core/label.ts';
import type { Action, PolicyLine } from '../core/policy-lines.ts';
import type { TenantView } from '../core/ports/catalog.ts';
import type { Principal } from '../core/principal.ts';
import { trials } from '../../test/support/scale.ts';
import { casbinWithItsOwnRoles, circumstancesPermit, objects, plainCasbin, specification, type Judge } from './oracle.fixture.ts';
import { caller, label, newPolicy, purposes, view } from './world.fixture.ts';

const LEVELS = ['public', 'internal', 'confidential', 'restricted'];
const COMPARTMENTS = ['people', 'legal', 'finance'];
const SOURCES = ['hr', 'hr-notes', 'wiki'];
const PRINCIPALS = ['user:idp|u', 'group:idp|a', 'group:idp|b', 'client:idp|app', 'client:idp|bot', 'everyone', 'everyone-except-guests'];
const ROLES = Array.from({ length: 6 }, (_, i) => `role:r${i}`);
const ACTIONS: readonly Action[] = ['retrieve', 'ingest', 'audit'];

const some = fc.constantFrom;
const compartments = fc.subarray(COMPARTMENTS);
const few = fc.oneof({ weight: 3, arbitrary: fc.constant<string[]>([]) }, compartments);
const joined = fc.subarray(COMPARTMENTS, { minLength: 1 }).map((names) => names.join('+'));
const anyLabel = fc
  .record({ level: some(...LEVELS), compartments: few, trust: some(...TRUSTS) })
  .map((one) => label(one.level, one.compartments.toSorted(), one.trust));
const who = fc.oneof({ weight: 2, arbitrary: some(...PRINCIPALS) }, some(...ROLES));
const source = fc.oneof(fc.constant('*'), some('hr', 'hr*', 'hr-*', 'wiki', 'w*'));

const allowLine = fc
  .record({
    who,
    source,
    act: fc.oneof({ weight: 3, arbitrary: fc.constant('retrieve') }, some(...ACTIONS)),
    label: fc.tuple(some(...LEVELS), compartments).map(([level, names]) => [`upto:${level}`, ...names].join('+')),
    trust: fc.option(some(...TRUSTS), { freq: 2, nil: undefined }),
    purpose: fc.oneof({ weight: 3, arbitrary: fc.constant('*') }, some(...purposes)),
  })
  .map((one) => {
    const trust = one.trust === undefined ? '*' : `${one.act === 'ingest' ? 'as' : 'min'}:${one.trust}`;
    return [one.who, one.source, one.act, one.label, trust, one.purpose, 'allow'];
  });
// An application that may do much, as a staff tool may; without one most callers may do nothing, which proves little.
const broadLine = some(...ACTIONS).map((act) => ['client:idp|app', '*', act, 'upto:restricted+people+legal+finance', '*', '*', 'allow']);
const denyLine = fc
  .record({
    who,
    source,
    act: some(...ACTIONS),
    label: fc.oneof(
      fc.constant('*'),
      some(...LEVELS).map((level) => `from:${level}`),
      joined.map((names) => `any:${names}`),
      fc.tuple(some(...LEVELS), joined).map(([level, names]) => `from:${level}|any:${names}`),
    ),
    trust: fc.oneof(
      fc.constant('*'),
      some(...TRUSTS).map((trust) => `max:${trust}`),
    ),
  })
  .map((one) => [one.who, one.source, one.act, one.label, one.trust, '*', 'deny']);
// A role only ever leads to a later one, so there is no circle.
const roleLine = fc.oneof(
  fc.tuple(some(...PRINCIPALS), some(...ROLES)),
  fc.tuple(fc.nat(ROLES.length - 2), fc.nat(ROLES.length - 2)).map(([from, step]) => {
    return [ROLES[from] ?? '', ROLES[Math.min(from + 1 + step, ROLES.length - 1)] ?? ''];
  }),
);

function policyLines(tenant: string, rules: readonly string[][], roles: readonly string[][]): readonly PolicyLine[] {
  const p = rules.map(([name = '', ...rest]): PolicyLine => ({ type: 'p', columns: [name, tenant, ...rest], line: 0 }));
  const g = roles.map((pair): PolicyLine => ({ type: 'g', columns: [...pair, tenant], line: 0 }));
  return [...p, ...g].map((line, index) => ({ ...line, line: index + 1 }));
}
const anyLines = (tenant: string) =>
  fc
    .tuple(
      fc
        .tuple(fc.array(broadLine, { minLength: 1, maxLength: 2 }), fc.array(allowLine, { maxLength: 40, size: 'max' }))
        .map((both) => both.flat()),
      fc.array(denyLine, { maxLength: 3 }),
      fc.array(roleLine, { maxLength: 10 }),
    )
    .map(([allows, denies, roles]) => policyLines(tenant, [...allows, ...denies], roles));

const ceiling = fc.oneof(
  { weight: 4, arbitrary: fc.constant({ kind: 'none' } as const) },
  fc.subarray(PRINCIPALS).map((names) => ({ kind: 'gate', principals: names as Principal[] }) as const),
);
const seldom = <T>(arbitrary: fc.Arbitrary<T>) => fc.oneof({ weight: 8, arbitrary: fc.constant(undefined) }, arbitrary);
const rarely = (weight = 8) => fc.oneof({ weight, arbitrary: fc.constant(false) }, fc.constant(true));

const anyView = fc
  .record({
    policy: anyLines('acme'),
    sources: fc.tuple(...SOURCES.map((id) => fc.record({ id: fc.constant(id), label: anyLabel, ceiling, gone: rarely() }))),
    zones: fc.array(fc.tuple(fc.oneof({ weight: 9, arbitrary: some(...SOURCES) }, fc.constant('unknown')), anyLabel), {
      minLength: 5,
      maxLength: 12,
    }),
    everything: rarely(20),
    offSource: seldom(some(...SOURCES)),
    offPrincipal: seldom(some(...PRINCIPALS)),
  })
  .map((one): TenantView =>
    view({
      policy: one.policy,
      sources: one.sources.map(({ gone, ...rest }) => ({ ...rest, state: gone ? 'deleting' : 'live' })),
      zones: Object.fromEntries(one.zones.map((zone, index) => [index * 3 + 1, zone])),
      off: {
        everything: one.everything,
        sources: new Set(one.offSource === undefined ? [] : [one.offSource as SourceId]),
        principals: new Set(one.offPrincipal === undefined ? [] : [one.offPrincipal as Principal]),
      },
    }),
  );

const anyCaller = fc
  .record({
    user: fc.option(fc.constant('u'), { freq: 4, nil: undefined }),
    groups: fc.subarray(['a', 'b']),
    guest: fc.boolean(),
    client: some('app', 'bot'),
    actor: fc.option(some('app', 'bot'), { freq: 3, nil: undefined }),
  })
  .map(({ user, actor, ...rest }): Caller => {
    return caller({ ...rest, ...(user === undefined ? {} : { user }), ...(actor === undefined ? {} : { actor }) });
  });

interface Parties {
  readonly judged: readonly (readonly string[])[];
  readonly actor: readonly string[];
}

function partiesOf(one: Caller): Parties {
  const user = one.user.kind === 'user' ? [userPrincipals(one)] : [];
  return { judged: [...user, [one.client]], actor: one.actor.kind === 'actor' ? one.actor.principals : [] };
}

describe('the two keys, Casbin over all lines, Casbin with its own roles, and the specification', () => {
  it('agree on every zone of every generated tenant', async () => {
    const policy = newPolicy();
    const seen = { permit: 0, refuse: 0 };
    const property = fc.asyncProperty(
      anyView,
      anyLines('other'),
      fc.array(anyCaller, { minLength: 1, maxLength: 3 }),
      fc.oneof({ weight: 3, arbitrary: fc.constant<Action>('retrieve') }, some(...ACTIONS)),
      some(...purposes),
      async (tenantView, foreign, callers, action, purpose) => {
        const lines = [...tenantView.policy.lines, ...foreign];
        const spec = specification(lines);
        const parties = callers.map(partiesOf);
        const judges: readonly Judge[] = [
          spec,
          await plainCasbin(lines),
          await casbinWithItsOwnRoles(
            lines,
            parties.flatMap((one) => one.judged),
          ),
        ];
        for (const [index, one] of callers.entries()) {
          const { judged, actor } = parties[index] ?? { judged: [], actor: [] };
          const decision = policy.decide(tenantView, one, action, purpose);
          const compiled: readonly number[] = decision.kind === 'zones' ? decision.zones : [];
          expect(compiled).toEqual([...compiled].sort((a, b) => a - b));
          const known = objects(tenantView);
          for (const { id, object } of known) {
            const outside = circumstancesPermit(tenantView, one, object, action) && !spec.denies(actor, object, action, purpose);
            const answers = judges.map((judge) => outside && judged.every((names) => judge(names, object, action, purpose)));
            const second = policy.confirm(tenantView, one, id as ZoneId, action, purpose).kind === 'permit';
            expect([...answers, compiled.includes(id), second]).toEqual(Array(5).fill(answers[0]));
            seen[second ? 'permit' : 'refuse'] += 1;
          }
          expect(compiled.every((id) => known.some((zone) => zone.id === id))).toBe(true);
        }
      },
    );
    const runs = trials(300, 5_000);
    await fc.assert(property, { numRuns: runs });
    // The generator must produce both answers, or agreement would mean nothing.
    expect(Math.min(seen.permit, seen.refuse)).toBeGreaterThan(runs / 2);
  });

  it('agree that a caller of another tenant may do nothing', () => {
    const policy = newPolicy();
    const property = fc.property(anyView, anyCaller, some(...ACTIONS), (tenantView, one, action) => {
      const stranger: Caller = { ...one, tenant: 'other' as TenantId };
      expect(policy.decide(tenantView, stranger, action, 'answer')).toEqual({ kind: 'none' });
      for (const id of tenantView.zones.keys()) expect(policy.confirm(tenantView, stranger, id, action, 'answer').kind).toBe('refuse');
    });
    fc.assert(property, { numRuns: trials(100, 1_000) });
  });
});
