import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_ACL_ENTRIES, MAX_GATES } from '../core/acl.ts';
import { readAcl } from './acl-body.ts';
import type { AclBody } from './types.ts';

const ONE = ['idp'];
const TWO = ['idp', 'guests'];

describe('readAcl', () => {
  it('takes allow as one gate, sorts, and names the only issuer', () => {
    expect(readAcl({ allow: ['user:b', 'group:idp|a', 'user:b'] }, ONE)).toEqual({
      acl: { gates: [['group:idp|a', 'user:idp|b']], deny: [] },
      warnings: [],
      dangling: false,
    });
    const written = { gates: [['everyone'], ['client:idp|x', 'everyone-except-guests']], deny: ['user:guests|z|1'] };
    expect(readAcl(written, TWO)).toEqual({ acl: written, warnings: [], dangling: false });
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
    expect(grant).toMatchObject({ dangling: false, warnings: [{ pointer: '/acl/gates/1/1' }] });
    expect(grant.acl.gates[1]).toEqual(['group:idp|a', 'group:old|a']);
    const deny = readAcl({ allow: ['everyone'], deny: ['user:idp|a', 'user:old|a'] }, ONE);
    expect(deny).toMatchObject({ dangling: true, warnings: [{ pointer: '/acl/deny/1' }] });
    expect(readAcl({ allow: ['everyone'], deny: ['user:idp|a'] }, ONE).dangling).toBe(false);
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
    expect(readAcl(body, ONE)).toMatchObject({ dangling: false, warnings: [] });
    expect(readAcl(body, ONE, ONE)).toMatchObject({ dangling: true, warnings: [{ pointer: '/acl/deny/0' }] });
    expect(readAcl({ allow: ['everyone'], deny: ['user:idp|bob'] }, ONE, ONE)).toMatchObject({ dangling: false, warnings: [] });
    expect(readAcl({ allow: ['group:idp|staff'] }, ONE, ONE)).toMatchObject({ dangling: false, warnings: [{ pointer: '/acl/allow/0' }] });
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

  it('reads its own answer as the same ACL', () => {
    const name = fc.constantFrom('everyone', 'everyone-except-guests', 'user:a', 'group:idp|b', 'client:old|c', 'user:idp|a|b');
    const body = fc.record({ gates: fc.array(fc.array(name, { maxLength: 4 }), { maxLength: 4 }), deny: fc.array(name, { maxLength: 4 }) });
    fc.assert(
      fc.property(body, (written) => {
        const { acl } = readAcl(written, ONE);
        expect(readAcl(acl, ONE).acl).toEqual(acl);
      }),
    );
  });
});
