import { describe, expect, it } from 'vitest';
import { covers, entrySpan, hull, inForce, normaliseEntries, type AclEntry } from './acl-entry.ts';
import { aclCharacters, aclEntryCount, isNoWider, judgeAcl, permittedUntil, type Acl } from './acl.ts';
import { EVERYONE, type Principal } from './principal.ts';

const [A, B, C] = ['user:i|a', 'user:i|b', 'user:i|c'] as readonly string[] as [Principal, Principal, Principal];
const at = (principal: Principal, from?: number, until?: number): AclEntry => ({
  principal,
  ...(from === undefined ? {} : { from }),
  ...(until === undefined ? {} : { until }),
});
const subject = { gate: new Set([A]), deny: new Set([A, B]) };
const judge = (acl: Acl, moment = 0) => judgeAcl(acl, subject, moment);
const acl = (gates: Acl['gates'], deny: Acl['deny'] = []): Acl => ({ gates, deny });

describe('a verdict', () => {
  it('names what decided, and whether time may change it', () => {
    expect(judge(acl([[A]]))).toEqual({ kind: 'permit' });
    expect(judge(acl([[A]], [B]))).toEqual({ kind: 'refused-by-deny', timed: false });
    expect(judge(acl([[A]], [at(B, 0, 1)]))).toEqual({ kind: 'refused-by-deny', timed: true });
    expect(judge(acl([[A]], [at(B, 0, 1), A]))).toEqual({ kind: 'refused-by-deny', timed: false });
    expect(judge(acl([[A]], [at(B, 1), at(B, undefined, 0), C]))).toEqual({ kind: 'permit' });
    expect(judge(acl([]))).toEqual({ kind: 'refused-by-gate', gate: 0, timed: false });
    expect(judge(acl([[A], []]))).toEqual({ kind: 'refused-by-gate', gate: 1, timed: false });
    expect(judge(acl([[A], [B, C], [C]]))).toEqual({ kind: 'refused-by-gate', gate: 1, timed: false });
    expect(judge(acl([[at(A, 1), C]]))).toEqual({ kind: 'refused-by-gate', gate: 0, timed: true });
    expect(judge(acl([[at(C, 1)]]))).toEqual({ kind: 'refused-by-gate', gate: 0, timed: false });
  });

  it('holds until the next end of a grant or beginning of a deny of this reader', () => {
    const until = (one: Acl, moment = 0) => permittedUntil(one, subject, moment);
    expect(until(acl([[A]]))).toBe('forever');
    expect(until(acl([[at(A, 0, 9)]]))).toBe(9);
    expect(until(acl([[at(A, 0, 9), at(A, 0, 5)], [at(A, 0, 7)]]))).toBe(5);
    expect(until(acl([[A]], [at(B, 3), at(A, 6)]))).toBe(3);
    // Of others, and what is past.
    expect(until(acl([[A, at(B, 0, 9)]], [at(C, 4)]))).toBe('forever');
    expect(until(acl([[A, at(A, 0, 9)]], [at(B, 3, 4)]), 9)).toBe('forever');
    expect(until(acl([[at(A, 0, 9)]]), 8)).toBe(9);
  });
});

describe('the size of an ACL', () => {
  it('is its entries, and their characters as they are stored', () => {
    const one = acl([[A, B], [at(A, 1)]], [C]);
    expect(aclEntryCount(one)).toBe(4);
    expect(aclCharacters(one)).toBe(8 * 3 + '{"principal":"user:i|a","from":1}'.length);
    expect([aclEntryCount(acl([])), aclCharacters(acl([]))]).toEqual([0, 0]);
  });
});

describe('spans', () => {
  it('of an entry end before its end, and begin at its beginning', () => {
    expect(entrySpan(at(A, 1, 2))).toEqual({ from: 1, until: 2 });
    expect(entrySpan(A)).toEqual({ from: -Infinity, until: Infinity });
    expect([0, 1, 2].map((moment) => inForce(at(A, 1, 2), moment))).toEqual([false, true, false]);
    expect([inForce(A, 0), inForce(at(A, undefined, 1), -9), inForce(at(A, 1), 9)]).toEqual([true, true, true]);
  });

  it('cover another where no moment of it is outside', () => {
    const span = (from: number, until: number) => ({ from, until });
    expect(covers([span(0, 5), span(5, 9)], span(0, 9))).toBe(true);
    expect(covers([span(5, 9), span(0, 5)], span(1, 8))).toBe(true);
    expect(covers([span(0, 5), span(6, 9)], span(0, 9))).toBe(false);
    expect(covers([span(0, 9), span(1, 2)], span(0, 8))).toBe(true);
    expect(covers([span(1, 9)], span(0, 8))).toBe(false);
    expect(covers([], span(3, 3))).toBe(true);
    expect(covers([], span(3, 4))).toBe(false);
  });

  it('have the shortest one that holds them all', () => {
    expect(
      hull([
        { from: 3, until: 5 },
        { from: 1, until: 2 },
      ]),
    ).toEqual({ from: 1, until: 5 });
    expect(hull([])).toEqual({ from: Infinity, until: -Infinity });
  });
});

describe('entries in the one spelling that is stored', () => {
  it('are sorted by principal, beginning and end, in whatever order they came', () => {
    const sorted = [A, at(B, undefined, 1), at(B, undefined, 2), at(B, 1, 2), at(B, 1, 3), at(B, 1), at(B, 2, 3), C];
    const orders = [sorted, sorted.toReversed(), [...sorted.slice(4), ...sorted.slice(0, 4)], [...sorted, ...sorted]];
    for (const order of orders) expect(normaliseEntries(order)).toEqual(sorted);
    expect(normaliseEntries([C, A, B, A])).toEqual([A, B, C]);
  });

  it('keep nothing that a plain entry covers, and an entry without bounds is plain', () => {
    expect(normaliseEntries([at(A, 1, 2), A, at(B, 1)])).toEqual([A, at(B, 1)]);
    expect(normaliseEntries([{ principal: A }, at(A, 1)])).toEqual([A]);
    expect(normaliseEntries([{ until: 2, from: 1, principal: A }, at(A, 1, 2)]).map((one) => JSON.stringify(one))).toEqual([
      '{"principal":"user:i|a","from":1,"until":2}',
    ]);
  });
});

describe('everyone', () => {
  it('holds people and groups, and neither an application nor a name that is none', () => {
    const open = acl([[EVERYONE]]);
    const narrowed = (name: string) => isNoWider(open, acl([[name as Principal]]));
    expect(['user:i|a', 'group:i|g', 'everyone-except-guests', 'everyone'].map(narrowed)).toEqual([true, true, true, true]);
    expect(['client:i|a', 'role:x', ''].map(narrowed)).toEqual([false, false, false]);
  });
});
