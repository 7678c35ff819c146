import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isNoNarrower, isNoWider, judgeAcl, normaliseAcl, type Acl } from './acl.ts';
import { aclSubject, type Caller } from './caller.ts';
import { EVERYONE, EVERYONE_EXCEPT_GUESTS, type Principal } from './principal.ts';

const USERS = ['user:i|a', 'user:i|b'] as readonly string[] as readonly Principal[];
const GROUPS = ['group:i|x', 'group:i|y'] as readonly string[] as readonly Principal[];
const CLIENTS = ['client:i|m', 'client:i|n'] as readonly string[] as readonly Principal[];
const NAMES = [...USERS, ...GROUPS, ...CLIENTS, EVERYONE, EVERYONE_EXCEPT_GUESTS];

const list = fc.uniqueArray(fc.constantFrom(...NAMES), { maxLength: 4 });
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

const reads = (rule: Acl, caller: Caller): boolean => judgeAcl(rule, aclSubject(caller), 0).kind === 'permit';

describe('isNoWider', () => {
  it('is never true where somebody can read afterwards who could not before', () => {
    fc.assert(
      fc.property(acl, acl, (before, after) => {
        const gained = CALLERS.filter((caller) => reads(after, caller) && !reads(before, caller));
        const lost = CALLERS.filter((caller) => reads(before, caller) && !reads(after, caller));
        expect(isNoWider(before, after) ? gained : []).toEqual([]);
        expect(isNoNarrower(before, after) ? lost : []).toEqual([]);
      }),
      { numRuns: 20_000 },
    );
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
