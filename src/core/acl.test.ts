import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AclEntry } from './acl-entry.ts';
import {
  aclPrincipals,
  indexedPrincipals,
  indexedValidity,
  isNoNarrower,
  isNoWider,
  judgeAcl,
  normaliseAcl,
  permittedUntil,
  type Acl,
} from './acl.ts';
import { aclSubject, type Caller } from './caller.ts';
import { figure, trials } from '../../test/support/scale.ts';
import { EVERYONE, EVERYONE_EXCEPT_GUESTS, type Principal } from './principal.ts';

const USERS = ['user:i|a', 'user:i|b'] as readonly string[] as readonly Principal[];
const GROUPS = ['group:i|x', 'group:i|y'] as readonly string[] as readonly Principal[];
const CLIENTS = ['client:i|m', 'client:i|n'] as readonly string[] as readonly Principal[];
const NAMES = [...USERS, ...GROUPS, ...CLIENTS, EVERYONE, EVERYONE_EXCEPT_GUESTS];

/** Milliseconds at which entries begin and end; between and beside them lie all the moments that can differ. */
const BOUNDS = [10, 20, 30, 40];
const MOMENTS = [0, ...BOUNDS.flatMap((at) => [at - 1, at])];
const START = fc.constantFrom(undefined, ...BOUNDS.slice(0, 3));
const timed = fc
  .record({ principal: fc.constantFrom(...NAMES), from: START, length: fc.constantFrom(undefined, 10, 20) })
  .map(({ principal, from, length }): AclEntry => {
    const until = length === undefined ? undefined : (from ?? 10) + length;
    return { principal, ...(from === undefined ? {} : { from }), ...(until === undefined ? {} : { until }) };
  });
const entry: fc.Arbitrary<AclEntry> = fc.oneof({ weight: 2, arbitrary: fc.constantFrom(...NAMES) }, { weight: 1, arbitrary: timed });
const list = fc.array(entry, { maxLength: 4 });
const acl = fc.record({ gates: fc.array(list, { maxLength: 3 }), deny: list }).map(normaliseAcl);

/** Every caller there can be over these names: a person in any groups, guest or not, through a client, or a client alone. */
const CALLERS: readonly Caller[] = CLIENTS.flatMap((client) => {
  const base = { tenant: 't', issuer: 'i', client, actorChain: [], scopes: new Set(), tokenDigest: '', expiresAt: 0 };
  const people = USERS.flatMap((principal) =>
    [[], GROUPS, ...GROUPS.map((group) => [group])].flatMap((groups) =>
      [true, false].map((guest) => ({ kind: 'user', principal, groups, guest }) as const),
    ),
  );
  return [{ kind: 'none' } as const, ...people].flatMap((user) =>
    [{ kind: 'none' } as const, { kind: 'actor', principals: [USERS[0]] } as const].map(
      (actor) => ({ ...base, user, actor }) as unknown as Caller,
    ),
  );
});

const SUBJECTS = CALLERS.map(aclSubject);
const reads = (rule: Acl, subject: (typeof SUBJECTS)[number], at: number): boolean => judgeAcl(rule, subject, at).kind === 'permit';

/** Who reads when, spelt out a second time, from the rules as documented. */
function mayRead({ gates, deny }: Acl, subject: (typeof SUBJECTS)[number], at: number): boolean {
  const counts = (one: AclEntry, held: ReadonlySet<Principal>): boolean => {
    if (typeof one === 'string') return held.has(one);
    return held.has(one.principal) && (one.from === undefined || at >= one.from) && (one.until === undefined || at < one.until);
  };
  if (deny.some((one) => counts(one, subject.deny))) return false;
  return gates.length > 0 && gates.every((gate) => gate.some((one) => counts(one, subject.gate)));
}

describe('judgeAcl', () => {
  it('says of every caller at every moment what the rules say, before and after it is made normal', () => {
    const raw = fc.record({ gates: fc.array(list, { maxLength: 3 }), deny: list });
    fc.assert(
      fc.property(raw, (rule) => {
        const normal = normaliseAcl(rule);
        const wrong: unknown[] = [];
        for (const at of MOMENTS) {
          for (const subject of SUBJECTS) {
            const expected = mayRead(rule, subject, at);
            if (reads(rule, subject, at) !== expected || reads(normal, subject, at) !== expected) wrong.push([subject, at]);
          }
        }
        // Once for all: an assertion for each of thousands would be most of the time that this takes.
        expect(wrong).toEqual([]);
      }),
      { numRuns: trials(50, 10_000) },
    );
  });

  it('tells a refusal that time may end from one that it cannot', () => {
    fc.assert(
      fc.property(acl, fc.constantFrom(...SUBJECTS), (rule, subject) => {
        const verdicts = MOMENTS.map((at) => judgeAcl(rule, subject, at));
        const ever = verdicts.some((one) => one.kind === 'permit');
        for (const one of verdicts) expect(!ever || one.kind === 'permit' || one.timed).toBe(true);
      }),
      { numRuns: trials(2_000, 100_000) },
    );
  });

  it('holds, once it permits, until permittedUntil says', () => {
    const seen = { bounded: 0, ever: 0 };
    const numRuns = trials(2_000, 100_000, 400);
    fc.assert(
      fc.property(acl, fc.constantFrom(...SUBJECTS), fc.constantFrom(...MOMENTS), (rule, subject, at) => {
        fc.pre(reads(rule, subject, at));
        const until = permittedUntil(rule, subject, at);
        seen[until === 'forever' ? 'ever' : 'bounded'] += 1;
        const end = until === 'forever' ? Infinity : until;
        expect(end).toBeGreaterThan(at);
        for (const later of MOMENTS.filter((moment) => moment >= at && moment < end)) expect(reads(rule, subject, later)).toBe(true);
      }),
      { numRuns, maxSkipsPerRun: 1_000 },
    );
    expect(Math.min(seen.bounded, seen.ever)).toBeGreaterThan(numRuns / 40);
  });
});

describe('what the index holds of an ACL', () => {
  it('never hides what key two permits, and admits nobody whom key two would refuse at all times', () => {
    const validity = fc.record({ validFrom: fc.constantFrom('always' as const, 0), validUntil: fc.constantFrom('forever' as const, 1) });
    const seen = { admitted: 0, kept: 0 };
    const numRuns = trials(2_000, 100_000, 400);
    fc.assert(
      fc.property(acl, validity, fc.constantFrom(...SUBJECTS), (rule, bounds, subject) => {
        const { gates, deny } = indexedPrincipals(rule);
        const whole = indexedValidity(rule, bounds);
        const admits =
          gates.length > 0 && gates.every((gate) => gate.some((p) => subject.gate.has(p))) && !deny.some((p) => subject.deny.has(p));
        const within = (at: number): boolean =>
          (whole.validFrom === 'always' || whole.validFrom <= Math.floor(at / 1_000)) &&
          (whole.validUntil === 'forever' || whole.validUntil > Math.floor(at / 1_000));
        for (const at of MOMENTS) {
          if (!reads(rule, subject, at) || (bounds.validUntil !== 'forever' && at >= bounds.validUntil * 1_000)) continue;
          expect(admits && within(at)).toBe(true);
        }
        const timeless =
          typeof rule.deny.find((one) => typeof one !== 'string') === 'undefined' &&
          rule.gates.flat().every((one) => typeof one === 'string');
        expect(timeless ? admits : true).toBe(timeless ? reads(rule, subject, 0) : true);
        seen[admits ? 'admitted' : 'kept'] += 1;
      }),
      { numRuns },
    );
    expect(Math.min(seen.admitted, seen.kept)).toBeGreaterThan(numRuns / 20);
  });

  it('names a principal that is denied for ever and for a time, and not one that is denied for a time alone', () => {
    const [a, b] = USERS as [Principal, Principal];
    const rule = normaliseAcl({
      gates: [[{ principal: a, until: 5 }, b, a]],
      deny: [{ principal: a, from: 3 }, { principal: b, until: 3 }, a],
    });
    expect(rule).toEqual({ gates: [[a, b]], deny: [a, { principal: b, until: 3 }] });
    expect(indexedPrincipals(rule)).toEqual({ gates: [[a, b]], deny: [a] });
    expect(aclPrincipals(rule)).toEqual([a, b]);
  });

  it('ends with the last grant of a gate and begins with the first, in whole seconds outwards', () => {
    const [a, b] = USERS as [Principal, Principal];
    const always = { validFrom: 'always', validUntil: 'forever' } as const;
    const grants = [
      { principal: a, from: 1_500, until: 2_500 },
      { principal: b, from: 3_000, until: 9_001 },
    ];
    expect(indexedValidity({ gates: [grants], deny: [] }, always)).toEqual({ validFrom: 1, validUntil: 10 });
    expect(indexedValidity({ gates: [grants], deny: [] }, { validFrom: 2, validUntil: 9 })).toEqual({ validFrom: 2, validUntil: 9 });
    expect(indexedValidity({ gates: [[...grants, EVERYONE], []], deny: grants }, always)).toEqual(always);
  });
});

describe('isNoWider', () => {
  it('is never true where somebody can read afterwards who could not before, at any time', () => {
    let seen = 0;
    const numRuns = trials(20_000, 500_000, 400);
    fc.assert(
      fc.property(acl, acl, (before, after) => {
        const [noWider, noNarrower] = [isNoWider(before, after), isNoNarrower(before, after)];
        if (!noWider && !noNarrower) return;
        seen += 1;
        for (const at of MOMENTS) {
          for (const subject of SUBJECTS) {
            const [was, is] = [reads(before, subject, at), reads(after, subject, at)];
            if ((noWider && is && !was) || (noNarrower && was && !is)) throw new Error(`${JSON.stringify([before, after])} at ${at}`);
          }
        }
      }),
      { numRuns },
    );
    figure('ACLs with timed entries: `isNoWider` against every reader at every moment', `${seen} pairs of ACLs that it calls narrower`);
    expect(seen).toBeGreaterThan(numRuns / 20);
  });

  it('is true of the ways in which owners narrow', () => {
    const open: Acl = { gates: [[EVERYONE]], deny: [] };
    const narrower: readonly Acl[] = [
      open,
      { gates: [[EVERYONE_EXCEPT_GUESTS]], deny: [] },
      { gates: [GROUPS], deny: [] },
      { gates: [[...USERS, ...GROUPS]], deny: [] },
      { gates: [[EVERYONE], GROUPS], deny: [] },
      { gates: [[EVERYONE]], deny: USERS },
      { gates: [], deny: [] },
      { gates: [[]], deny: [] },
    ];
    for (const after of narrower) expect(isNoWider(open, after), JSON.stringify(after)).toBe(true);
    for (const after of narrower.slice(1)) expect(isNoWider(after, open), JSON.stringify(after)).toBe(false);
  });

  it('knows time: shorter grants and longer denies narrow, spans that meet are one, and nothing else is believed', () => {
    const [a] = USERS as [Principal];
    const grant = (from: number, until: number): Acl => ({ gates: [[{ principal: a, from, until }]], deny: [] });
    const deny = (from: number, until: number): Acl => ({ gates: [[EVERYONE]], deny: [{ principal: a, from, until }] });
    const spans = {
      gates: [
        [
          { principal: a, from: 10, until: 20 },
          { principal: a, from: 20, until: 30 },
        ],
      ],
      deny: [],
    };
    for (const [before, after] of [
      [{ gates: [[a]], deny: [] }, grant(10, 20)],
      [grant(10, 30), grant(10, 20)],
      [spans, grant(10, 30)],
      [grant(10, 30), spans],
      [{ gates: [[EVERYONE]], deny: [] }, grant(10, 20)],
      [deny(10, 20), deny(5, 25)],
      [deny(10, 20), { gates: [[EVERYONE]], deny: [a] }],
    ] as const) {
      expect(isNoWider(before, after), JSON.stringify([before, after])).toBe(true);
    }
    for (const [before, after] of [
      [grant(10, 20), { gates: [[a]], deny: [] }],
      [grant(10, 20), grant(10, 21)],
      [grant(10, 20), grant(9, 20)],
      [
        {
          gates: [
            [
              { principal: a, until: 10 },
              { principal: a, from: 11 },
            ],
          ],
          deny: [],
        },
        grant(5, 15),
      ],
      [{ gates: [[EVERYONE]], deny: [a] }, deny(0, 1_000_000)],
      [deny(5, 25), deny(10, 20)],
    ] as const) {
      expect(isNoWider(before, after), JSON.stringify([before, after])).toBe(false);
    }
  });

  it('is false where a client comes in, since a client alone is not of everyone', () => {
    expect(isNoWider({ gates: [[EVERYONE]], deny: [] }, { gates: [CLIENTS], deny: [] })).toBe(false);
    expect(isNoWider({ gates: [[EVERYONE, ...CLIENTS]], deny: [] }, { gates: [CLIENTS], deny: [] })).toBe(true);
  });

  it('holds of an ACL and itself, and one narrowing after another is a narrowing', () => {
    fc.assert(
      fc.property(acl, (one) => {
        expect([isNoWider(one, one), isNoNarrower(one, one)]).toEqual([true, true]);
      }),
    );
    fc.assert(
      fc.property(acl, acl, acl, (a, b, c) => {
        fc.pre(isNoWider(a, b) && isNoWider(b, c));
        expect(isNoWider(a, c)).toBe(true);
      }),
      { numRuns: 50, maxSkipsPerRun: 10_000 },
    );
  });
});
