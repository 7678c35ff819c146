import { describe, expect, it } from 'vitest';
import {
  EVERYONE,
  EVERYONE_EXCEPT_GUESTS,
  MAX_PRINCIPAL_LENGTH,
  parsePrincipal,
  principal,
  principalParts,
  qualifyPrincipal,
  type Principal,
} from './principal.ts';

const LONGEST_ISSUER = `i${'x'.repeat(30)}`;

describe('parsePrincipal', () => {
  it.each([
    'everyone',
    'everyone-except-guests',
    'user:idp|a',
    'group:idp|a|b',
    'client:i-1|app',
    'user:7|x y',
    `user:${LONGEST_ISSUER}|a`,
    `user:i|${'a'.repeat(MAX_PRINCIPAL_LENGTH - 7)}`,
  ])('takes %s as it stands', (text) => {
    expect(parsePrincipal(text)).toBe(text);
  });

  it.each([
    '',
    'Everyone',
    'role:admin',
    'role:idp|admin',
    'user:idp|',
    'user:|a',
    'user:a',
    'user:Idp|a',
    'user:-i|a',
    'user:i_d|a',
    ' user:i|a',
    'xuser:i|a',
    'users:i|a',
    'user:i|a\n',
    'user:i|a\0',
    'user:i|\ud800',
    `user:${LONGEST_ISSUER}x|a`,
    `user:i|${'a'.repeat(MAX_PRINCIPAL_LENGTH - 6)}`,
  ])('refuses %j', (text) => {
    expect(parsePrincipal(text)).toBeUndefined();
  });
});

describe('principal', () => {
  it('joins kind, issuer and id, whatever the id says', () => {
    expect(principal('group', 'idp', 'role:admin|x')).toBe('group:idp|role:admin|x');
    expect(principal('user', 'idp', '')).toBeUndefined();
    expect(principal('client', 'no issuer', 'x')).toBeUndefined();
  });
});

describe('principalParts', () => {
  it('takes apart at the first bar, and finds no issuer in the built-in ones', () => {
    expect(principalParts('user:i|a|b' as Principal)).toEqual({ kind: 'user', issuer: 'i', id: 'a|b' });
    expect(principalParts(EVERYONE)).toBeUndefined();
    expect(principalParts(EVERYONE_EXCEPT_GUESTS)).toBeUndefined();
  });
});

describe('qualifyPrincipal', () => {
  it('puts the only issuer in where none is named', () => {
    expect(qualifyPrincipal('group:hr', ['idp'])).toBe('group:idp|hr');
    expect(qualifyPrincipal('user:other|a', ['idp'])).toBe('user:other|a');
    expect(qualifyPrincipal('everyone', ['idp', 'b'])).toBe('everyone');
  });

  it.each([
    ['several issuers', 'group:hr', ['idp', 'b']],
    ['no issuer', 'group:hr', []],
    ['an issuer that cannot be one', 'group:No|hr', ['idp']],
    ['another kind', 'role:hr', ['idp']],
    ['no id', 'group:', ['idp']],
    ['text before it', 'a group:hr', ['idp']],
    ['too long a name', `group:${'x'.repeat(MAX_PRINCIPAL_LENGTH - 6)}`, ['idp']],
  ])('refuses %s', (_what, text, issuers) => {
    expect(qualifyPrincipal(text, issuers)).toBeUndefined();
  });
});
