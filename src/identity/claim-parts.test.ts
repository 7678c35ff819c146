import { describe, expect, it } from 'vitest';
import { claimsOf, ISSUER, issuerOf, reasonOf } from '../../test/support/identity-parts.ts';
import { ASYMMETRIC_ALGORITHMS, type DpopRule } from '../core/ports/identity.ts';
import { actorOf } from './actors.ts';
import { keyFitsAlgorithm } from './algorithms.ts';
import { confirmationOf } from './confirmation.ts';
import { groupsOf } from './groups.ts';
import { MAX_ACTORS, MAX_GROUPS } from './limits.ts';
import { membersOf } from './strict-json.ts';
import { refuseOtherKinds } from './token-kinds.ts';

describe('a confirmation', () => {
  const jkt = `${'k'.repeat(41)}-_`;
  const read = (cnf: unknown, rule: DpopRule = 'accepted') => confirmationOf(membersOf(cnf === undefined ? {} : { cnf }), rule);
  const reason = (cnf: unknown, rule: DpopRule = 'accepted') => reasonOf(() => read(cnf, rule));

  it('is the thumbprint of one key, or none', () => {
    for (const rule of ['accepted', 'required'] as const) expect(read({ jkt }, rule)).toEqual({ kind: 'key', thumbprint: jkt });
    for (const rule of ['accepted', 'refused'] as const) expect(read(undefined, rule)).toEqual({ kind: 'none' });
    expect(reason(undefined, 'required')).toBe('invalid_token: a token that is bound to no key');
    expect(reason({ jkt }, 'refused')).toBe('invalid_token: a bound token, which this issuer may not issue');
  });

  it.each([
    { cnf: null },
    { cnf: {} },
    { cnf: [] },
    { cnf: [['jkt', jkt]] },
    { cnf: jkt },
    { cnf: { 'x5t#S256': jkt } },
    { cnf: { jkt, 'x5t#S256': jkt } },
    { cnf: { 'x5t#S256': jkt, jkt } },
    { cnf: { jkt: [jkt] } },
    { cnf: { jkt: '' } },
    { cnf: { jkt: jkt.slice(1) } },
    { cnf: { jkt: `${jkt}k` } },
    { cnf: { jkt: `${jkt.slice(1)}+` } },
    { cnf: { jkt: `${jkt}\n` } },
  ])('that cannot be checked refuses the token, whatever the rule: %j', ({ cnf }) => {
    for (const rule of ['accepted', 'required', 'refused'] as const) {
      expect(reason(cnf, rule)).toBe('invalid_token: a confirmation that cannot be checked');
    }
  });
});

describe('groups', () => {
  const read = (changes: Readonly<Record<string, unknown>>, maximum?: number) => {
    const rule = { kind: 'claim', claim: 'groups', ...(maximum === undefined ? {} : { maximum }) } as const;
    return groupsOf(claimsOf(changes), issuerOf({ claims: { ...issuerOf().claims, groups: rule } }));
  };
  const reason = (changes: Readonly<Record<string, unknown>>) => reasonOf(() => read(changes));
  const LEFT_OUT = { kind: 'elsewhere', detail: 'the provider left groups out' };

  it('are those that the token names, each once', () => {
    expect(read({ groups: ['hr', 'b', 'hr'] })).toEqual({ kind: 'named', groups: ['group:test|hr', 'group:test|b'] });
    expect(read({ groups: [] })).toEqual({ kind: 'named', groups: [] });
    const none = issuerOf({ claims: { ...issuerOf().claims, groups: { kind: 'none' } } });
    expect(groupsOf(claimsOf({ hasgroups: true }), none)).toEqual({ kind: 'named', groups: [] });
  });

  it('that are elsewhere are said to be', () => {
    for (const names of [{ groups: 's' }, 'x', null, [], 1]) expect(read({ _claim_names: names })).toEqual(LEFT_OUT);
    for (const hasgroups of [true, 'true', null, 0]) expect(read({ hasgroups })).toEqual(LEFT_OUT);
    expect(read({ hasgroups: false, _claim_names: { address: 's' } }).kind).toBe('named');
    // Not a member of its own: nothing is read off a prototype.
    const claims = membersOf({ ...Object.fromEntries(claimsOf()), _claim_names: {}, toString: ['hr'] });
    const odd = issuerOf({ claims: { ...issuerOf().claims, groups: { kind: 'claim', claim: 'toString' } } });
    expect(groupsOf(claims, odd).kind).toBe('named');
  });

  it('as many as the provider gives at most are some of them', () => {
    const cut = { kind: 'elsewhere', detail: 'as many groups as the provider gives at most' };
    expect([read({ groups: ['a', 'b'] }, 3).kind, read({ groups: ['a', 'b', 'c'] }, 3)]).toEqual(['named', cut]);
    expect(read({ groups: ['a', 'a', 'a'] }, 3)).toEqual(cut);
  });

  it('that are missing, no list, too many or no names are refused', () => {
    expect(reason({ groups: undefined })).toBe('groups_incomplete: the groups claim is missing');
    for (const groups of [null, 'hr', { 0: 'hr', length: 1 }]) expect(reason({ groups })).toBe('invalid_token: groups are not a list');
    const many = Array.from({ length: MAX_GROUPS + 1 }, (_, i) => String(i));
    expect(reason({ groups: many })).toBe('invalid_token: more groups than the limit');
    expect(reason({ groups: many.slice(1) })).toBe('ok');
    for (const member of [1, null, '', {}, 'a\nb'])
      expect(reason({ groups: ['hr', member] })).toBe('invalid_token: a group that is no name');
  });
});

describe('actors', () => {
  const read = (act: unknown) => actorOf(claimsOf({ act }), issuerOf());
  const reason = (act: unknown) => reasonOf(() => read(act));
  const chainOf = (length: number): object => (length === 1 ? { sub: 'a1' } : { sub: `a${length}`, act: chainOf(length - 1) });

  it('are none, the outermost under every name it may have, and the rest for the audit', () => {
    expect(read(undefined)).toEqual({ actor: { kind: 'none' }, actorChain: [] });
    const bot = { kind: 'actor', principals: ['client:test|bot'] };
    const anybody = { kind: 'actor', principals: ['client:test|bot', 'user:test|bot'] };
    expect(read({ client_id: 'bot' })).toEqual({ actor: bot, actorChain: ['bot'] });
    expect(read({ sub: 'bot' })).toEqual({ actor: anybody, actorChain: ['bot'] });
    expect(read({ sub: 'bot', client_id: 'bot', iss: ISSUER })).toEqual({ actor: anybody, actorChain: ['bot'] });
    expect(read({ client_id: 'bot', act: { sub: 'b', iss: 'https://else.test' } })).toEqual({ actor: bot, actorChain: ['bot', 'b'] });
    expect(read(chainOf(3)).actorChain).toEqual(['a3', 'a2', 'a1']);
  });

  it('are refused where they could be somebody else than is recorded', () => {
    for (const act of [null, 'bot', ['bot'], 1]) expect(reason(act)).toBe('invalid_token: an act claim of the wrong shape');
    expect([reason(chainOf(MAX_ACTORS)), reason(chainOf(MAX_ACTORS + 1))]).toEqual([
      'ok',
      'invalid_token: an act claim of the wrong shape',
    ]);
    for (const iss of ['https://else.test', null, '']) expect(reason({ sub: 'b', iss })).toBe('invalid_token: an actor of another issuer');
    for (const act of [{}, { sub: '' }, { sub: 1 }, { sub: null, client_id: 'b' }, { client_id: 1, sub: 'b' }, { client_id: '' }]) {
      expect(reason(act)).toBe('invalid_token: an actor without a name');
    }
    expect(reason({ sub: 'a', client_id: 'b' })).toBe('invalid_token: an actor with two names');
    expect(reason({ sub: 'a', act: {} })).toBe('invalid_token: an actor without a name');
    for (const act of [{ sub: 'a\nb' }, { client_id: 'x'.repeat(600) }]) {
      expect(reason(act)).toBe('invalid_token: an actor that can be no principal');
    }
  });
});

describe('tokens of another kind', () => {
  const reason = (claims: Readonly<Record<string, unknown>>, type = 'jwt', audience: readonly string[] = ['api'], client = 'app') =>
    reasonOf(() => refuseOtherKinds(type, membersOf(claims), audience, client));

  it.each(['nonce', 'at_hash', 'c_hash', 's_hash', 'events', 'htm', 'htu', 'ath', 'token_introspection'])('%s marks one', (name) => {
    for (const type of ['jwt', 'at+jwt']) expect(reason({ [name]: null }, type)).toBe('invalid_token: a token of another kind');
  });

  it('are those for their own client alone, and those that say so', () => {
    const ID = 'invalid_token: an ID token';
    expect([reason({}, 'jwt', ['app']), reason({}, 'jwt', ['app', 'app']), reason({}, 'at+jwt', ['app'])]).toEqual([ID, ID, 'ok']);
    expect([reason({}, 'jwt', []), reason({}, 'jwt', ['app', 'api']), reason({}, '')]).toEqual(['ok', 'ok', 'ok']);
    expect([reason({ token_use: 'id' }), reason({ token_use: 'access' }), reason({ token_use: 'id' }, 'at+jwt')]).toEqual([ID, 'ok', 'ok']);
    expect(['ID', 'Refresh', 'bearer', 'Bearer', 'DPoP'].map((typ) => reason({ typ }))).toEqual([ID, ID, ID, 'ok', 'ok']);
  });
});

describe('algorithms', () => {
  it('take the keys that fit them and no others', () => {
    const fitting: Readonly<Record<string, readonly string[]>> = {
      'RSA undefined': ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
      'EC P-256': ['ES256'],
      'EC P-384': ['ES384'],
      'EC P-521': ['ES512'],
      'OKP Ed25519': ['EdDSA', 'Ed25519'],
    };
    for (const kty of ['RSA', 'EC', 'OKP', 'oct']) {
      for (const curve of [undefined, 'P-256', 'P-384', 'P-521', 'Ed25519', 'Ed448', 'secp256k1']) {
        const fits = [...ASYMMETRIC_ALGORITHMS, 'HS256', 'none', '', 'toString'].filter((name) => keyFitsAlgorithm({ kty, curve }, name));
        expect(fits, `${kty} ${curve}`).toEqual(fitting[`${kty} ${curve}`] ?? []);
      }
    }
  });
});
