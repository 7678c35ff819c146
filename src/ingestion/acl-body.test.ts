import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_ACL_CHARACTERS, MAX_ACL_ENTRIES, MAX_GATES } from '../core/acl.ts';
import { danglingDenies, readAcl, writtenAcl } from './acl-body.ts';
import type { AclBody } from './types.ts';

const ONE = ['idp'];
const TWO = ['idp', 'guests'];

describe('readAcl', () => {
  it('takes allow as one gate, sorts, and names the only issuer', () => {
    expect(readAcl({ allow: ['user:b', 'group:idp|a', 'user:b'] }, ONE)).toEqual({
      acl: { gates: [['group:idp|a', 'user:idp|b']], deny: [] },
      warnings: [],
      dangling: [],
    });
    const written = { gates: [['everyone'], ['client:idp|x', 'everyone-except-guests']], deny: ['user:guests|z|1'] };
    expect(readAcl(written, TWO)).toEqual({ acl: written, warnings: [], dangling: [] });
  });

  it('keeps nobody as nobody', () => {
    expect(readAcl({ allow: [] }, ONE).acl).toEqual({ gates: [[]], deny: [] });
    expect(readAcl({ gates: [] }, ONE).acl).toEqual({ gates: [], deny: [] });
    expect(readAcl({ gates: [['everyone'], []] }, ONE).acl).toEqual({ gates: [['everyone'], []], deny: [] });
  });

  it('refuses absence: public is written out', () => {
    expect(() => readAcl(undefined, ONE)).toThrow(
      expect.objectContaining({ code: 'acl_required', issues: [{ pointer: '/acl', message: 'is required' }] }),
    );
  });

  it('warns of grants to issuers that are not configured, and quarantines for denies of them', () => {
    const grant = readAcl({ gates: [['everyone'], ['group:idp|a', 'group:old|a']] }, ONE);
    expect(grant).toMatchObject({ dangling: [], warnings: [{ pointer: '/acl/gates/1/1' }] });
    expect(grant.acl.gates[1]).toEqual(['group:idp|a', 'group:old|a']);
    const deny = readAcl({ allow: ['everyone'], deny: ['user:idp|a', 'user:old|a'] }, ONE);
    expect(deny).toMatchObject({ dangling: ['user:old|a'], warnings: [{ pointer: '/acl/deny/1' }] });
    expect(readAcl({ allow: ['everyone'], deny: ['user:idp|a'] }, ONE).dangling).toEqual([]);
  });

  it.each([
    'nobody',
    '',
    'role:admin',
    'user:',
    'user:idp|',
    'Group:idp|a',
    'group:IDP|a',
    'group:|a',
    'user:idp|a\nb',
    'user:idp|\ud800',
    `user:idp|${'x'.repeat(600)}`,
  ])('refuses %j, which can name nobody, in grants and denies, naming the place and not the value', (name) => {
    for (const [body, pointer] of [
      [{ allow: ['everyone', name] }, '/acl/allow/1'],
      [{ gates: [[name]] }, '/acl/gates/0/0'],
      [{ allow: [], deny: [name] }, '/acl/deny/0'],
    ] as readonly (readonly [AclBody, string])[]) {
      expect(() => readAcl(body, ONE)).toThrow(
        expect.objectContaining({ code: 'invalid_acl', issues: [expect.objectContaining({ pointer })] }),
      );
    }
  });

  it('needs the issuer where there are several, or none', () => {
    expect(readAcl({ allow: ['user:a'] }, ONE).acl.gates).toEqual([['user:idp|a']]);
    for (const issuers of [TWO, []])
      expect(() => readAcl({ allow: ['user:a'] }, issuers)).toThrow(expect.objectContaining({ code: 'invalid_acl' }));
    expect(readAcl({ allow: ['everyone'] }, []).acl.gates).toEqual([['everyone']]);
  });

  it('lets a deny on a group dangle where the issuer names no groups, and only there', () => {
    const body: AclBody = { allow: ['everyone'], deny: ['group:idp|contractors'] };
    expect(readAcl(body, ONE)).toMatchObject({ dangling: [], warnings: [] });
    expect(readAcl(body, ONE, ONE)).toMatchObject({ dangling: ['group:idp|contractors'], warnings: [{ pointer: '/acl/deny/0' }] });
    expect(readAcl({ allow: ['everyone'], deny: ['user:idp|bob'] }, ONE, ONE)).toMatchObject({ dangling: [], warnings: [] });
    expect(readAcl({ allow: ['group:idp|staff'] }, ONE, ONE)).toMatchObject({ dangling: [], warnings: [{ pointer: '/acl/allow/0' }] });
  });

  it('refuses what is too much and cuts nothing off', () => {
    const names = (count: number): string[] => Array.from({ length: count }, (_, n) => `user:idp|u${n}`);
    const limit = (body: AclBody, ...pointers: readonly string[]): void => {
      expect(() => readAcl(body, ONE)).toThrow(
        expect.objectContaining({
          code: 'limit_exceeded',
          issues: pointers.map((pointer) => expect.objectContaining({ pointer }) as unknown),
        }),
      );
    };
    expect(readAcl({ allow: names(MAX_ACL_ENTRIES) }, ONE).acl.gates[0]).toHaveLength(MAX_ACL_ENTRIES);
    limit({ allow: names(MAX_ACL_ENTRIES + 1) }, '/acl');
    limit({ allow: names(600), deny: names(401) }, '/acl');
    const gates = (count: number): string[][] => Array.from({ length: count }, () => ['everyone']);
    expect(readAcl({ gates: gates(MAX_GATES) }, ONE).acl.gates).toHaveLength(MAX_GATES);
    limit({ gates: gates(MAX_GATES + 1) }, '/acl/gates');
    limit({ gates: [...gates(MAX_GATES), names(MAX_ACL_ENTRIES)] }, '/acl/gates', '/acl');
  });

  it('bounds the characters of all entries, bounds of time included', () => {
    const name = (n: number): string => `user:idp|${String(n).padStart(500, 'x')}`;
    const some = Math.floor(MAX_ACL_CHARACTERS / name(0).length);
    const rest = MAX_ACL_CHARACTERS - some * name(0).length;
    const names = Array.from({ length: some }, (_, n) => name(n));
    const last = `user:idp|${'y'.repeat(rest - 'user:idp|'.length)}`;
    expect(readAcl({ allow: [...names, last] }, ONE).acl.gates[0]).toHaveLength(some + 1);
    for (const more of [`${last}y`, { principal: last, until: '2030-01-01T00:00:00Z' }]) {
      expect(() => readAcl({ allow: names, deny: [more] }, ONE)).toThrow(expect.objectContaining({ code: 'limit_exceeded' }));
    }
  });

  it('reads entries that hold for a time, to the millisecond', () => {
    const bob = { principal: 'user:bob', from: '2026-01-01T00:00:00.250Z', until: '2026-02-01T02:00:00+02:00' };
    const stored = { principal: 'user:idp|bob', from: Date.UTC(2026, 0, 1) + 250, until: Date.UTC(2026, 1, 1) };
    expect(readAcl({ allow: ['group:a', bob], deny: [{ principal: 'user:eve', from: bob.from }] }, ONE).acl).toEqual({
      gates: [['group:idp|a', stored]],
      deny: [{ principal: 'user:idp|eve', from: stored.from }],
    });
    // Without bounds it is a plain entry, and what a plain entry covers says nothing more.
    expect(readAcl({ allow: [{ principal: 'user:bob' }, bob] }, ONE).acl.gates).toEqual([['user:idp|bob']]);
    for (const until of [bob.from, '2025-01-01T00:00:00Z']) {
      expect(() => readAcl({ gates: [['everyone', { ...bob, until }]] }, ONE)).toThrow(
        expect.objectContaining({ code: 'invalid_acl', issues: [{ pointer: '/acl/gates/0/1/until', message: 'must be after from' }] }),
      );
    }
  });

  it('lets a deny of nobody dangle for however short a time', () => {
    const body: AclBody = { allow: ['everyone'], deny: [{ principal: 'user:old|a', until: '2020-01-01T00:00:00Z' }] };
    const { acl, dangling } = readAcl(body, ONE);
    expect(dangling).toEqual(['user:old|a']);
    expect(danglingDenies(acl, ONE, [])).toEqual(dangling);
    expect(danglingDenies(acl, [...ONE, 'old'], [])).toEqual([]);
  });

  it('reads its own answer as the same ACL', () => {
    const principal = fc.constantFrom('everyone', 'everyone-except-guests', 'user:a', 'group:idp|b', 'client:old|c', 'user:idp|a|b');
    const from = fc.constantFrom('2026-01-01T00:00:00Z', '2026-03-01T00:00:00.001Z');
    const until = fc.constantFrom('2026-06-01T00:00:00Z', '2027-01-01T00:00:00Z');
    const entry = fc.oneof(principal, fc.record({ principal, from, until }, { requiredKeys: ['principal'] }));
    const body = fc.record({
      gates: fc.array(fc.array(entry, { maxLength: 4 }), { maxLength: 4 }),
      deny: fc.array(entry, { maxLength: 4 }),
    });
    fc.assert(
      fc.property(body, (written) => {
        const { acl } = readAcl(written, ONE);
        expect(readAcl(writtenAcl(acl), ONE).acl).toEqual(acl);
      }),
    );
  });
});
