import { describe, expect, it } from 'vitest';
import { reasonOf } from '../../test/support/identity-parts.ts';
import { MAX_PROOF_LENGTH, MAX_TOKEN_LENGTH } from './limits.ts';
import { parseStrictObject } from './strict-json.ts';
import { normaliseType, takeApart } from './token-shape.ts';

const encode = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
const HEADER = { alg: 'ES256', typ: 'at+jwt', kid: 'k' };
const token = (header: unknown = HEADER, payload: unknown = { a: 1 }, signature = 'AAAA') =>
  `${encode(header)}.${encode(payload)}.${signature}`;
const reason = (text: string, use?: 'token' | 'proof') => reasonOf(() => takeApart(text, use));

describe('a token taken apart', () => {
  it('gives what the header and the payload say', () => {
    expect(takeApart(token())).toEqual({
      algorithm: 'ES256',
      keyId: 'k',
      type: 'at+jwt',
      claims: new Map([['a', 1]]),
      embeddedKey: undefined,
    });
    expect(takeApart(token({ alg: 'x' }))).toMatchObject({ keyId: undefined, type: '' });
    expect(takeApart(token({ alg: 'x', jwk: { kty: 'EC' } }), 'proof').embeddedKey).toEqual({ kty: 'EC' });
    expect(['application/AT+JWT', 'JWT', 'x/application/y'].map(normaliseType)).toEqual(['at+jwt', 'jwt', 'x/application/y']);
  });

  it.each<[string, string, string]>([
    ['nothing', '', 'not a compact JWS'],
    ['two parts', 'e30.e30', 'not a compact JWS'],
    ['four parts', `${token()}.AAAA`, 'not a compact JWS'],
    ['five parts', 'e30.AA.AA.AA.AA', 'not a compact JWS'],
    ['six parts', 'e30.AA.AA.AA.AA.AA', 'not a compact JWS'],
    ['no signature', token(HEADER, {}, ''), 'not base64url'],
    ['an empty header', '.e30.AAAA', 'not base64url'],
    ['an empty payload', `${encode(HEADER)}..AAAA`, 'not base64url'],
    ['padding', token(HEADER, {}, 'AAA='), 'not base64url'],
    ['plain base64', token(HEADER, {}, 'AA+/'), 'not base64url'],
    ['a space before', ` ${token()}`, 'not base64url'],
    ['a line break behind', `${token()}\n`, 'not base64url'],
    ['another spelling of its signature', token(HEADER, {}, 'AB'), 'not canonical base64url'],
    ['a header that is no JSON', token('x'), 'not JSON in UTF-8'],
    ['a header that is a list', token([]), 'not a JSON object'],
    ['a payload that is null', token(HEADER, null), 'not a JSON object'],
    ['a payload with a name twice', token(HEADER, '{"a":1,"a":1}'), 'a JSON name occurs twice'],
    ['no algorithm', token({}), 'a header of the wrong type'],
    ['an empty algorithm', token({ alg: '' }), 'a header of the wrong type'],
    ['an algorithm that is no text', token({ alg: ['ES256'] }), 'a header of the wrong type'],
    ['a type that is null', token({ alg: 'x', typ: null }), 'a header of the wrong type'],
    ['an empty type', token({ alg: 'x', typ: '' }), 'a header of the wrong type'],
    ['a key id that is a number', token({ alg: 'x', kid: 1 }), 'a header of the wrong type'],
    ['a key id of 257', token({ alg: 'x', kid: 'k'.repeat(257) }), 'a key id longer than the limit'],
    ['a key of its own', token({ alg: 'x', jwk: {} }), 'a key of its own, or a proof without one'],
    ...['jku', 'x5u', 'x5c', 'crit', 'b64', 'enc', 'zip'].map((name): [string, string, string] => [
      name,
      token({ ...HEADER, [name]: null }),
      'a header that is never accepted',
    ]),
  ])('is refused with %s', (_name, text, why) => {
    expect(reason(text)).toBe(`invalid_token: ${why}`);
  });

  it('may be as long as the limit, a key id as well', () => {
    const filled = (length: number) => token().padEnd(length, 'A');
    const long = [MAX_TOKEN_LENGTH, MAX_TOKEN_LENGTH + 1].map((length) => reason(filled(length)));
    expect(long.map((one) => one.includes('longer'))).toEqual([false, true]);
    expect(long[1]).toBe('invalid_token: longer than the limit');
    const proof = (length: number) => reason(token({ alg: 'x', jwk: {} }).padEnd(length, 'A'), 'proof');
    expect([proof(MAX_PROOF_LENGTH), proof(MAX_PROOF_LENGTH + 1)].map((one) => one.includes('longer'))).toEqual([false, true]);
    expect(reason(token({ alg: 'x', kid: 'k'.repeat(256) }))).toBe('ok');
    expect(reason(token(), 'proof')).toBe('invalid_token: a key of its own, or a proof without one');
  });
});

describe('strict JSON', () => {
  const read = (text: string) => reasonOf(() => parseStrictObject(Buffer.from(text)));

  it.each([
    '{"a":1,"b":{"a":1,"c":[{"a":1},{"a":1}]},"c":2}',
    '{"a":"{\\"a\\":1,\\"a\\":2}","b":"a"}',
    '{"a":["a","a",{"b":"b"},"b"],"b":["b"]}',
    '{"a":"\\\\","b":"\\"","c":"],\\"a"}',
    '{"a":{},"b":[],"c":[[],{}],"d":{"a":{}}}',
    '{"":1," ":2}',
    ' { "a" : "x" , "b" : [ "a" , "a" ] } ',
    '{"a":{"x":1},"x":{"a":1}}',
    '{"__proto__":1,"constructor":2}',
  ])('takes %s', (text) => {
    expect(read(text)).toBe('ok');
    expect(parseStrictObject(Buffer.from(text))).toEqual(new Map(Object.entries(JSON.parse(text) as object)));
  });

  it.each([
    '{"a":1,"a":1}',
    '{"a":1,"b":2,"a":1}',
    '{"a":{"b":1,"b":2}}',
    '{"a":[{"b":1,"b":2}]}',
    '{"a":[1,[2,{"b":1,"b":2}]]}',
    '{"a":{},"a":1}',
    '{"a":[],"a":1}',
    '{"a":["x"],"b":1,"a":1}',
    '{"a":{"b":[1,2]},"c":1,"a":1}',
    '{"b":{"b":1},"b":1}',
    '{"a":1,"\\u0061":1}',
    '{"\\"":1,"\\"":1}',
    '{"a\\\\":1,"b":"\\\\","a\\\\":1}',
    '{"":1,"":1}',
    '{"__proto__":1,"__proto__":2}',
    '{ "a" : 1 , "a" : 1 }',
  ])('refuses %s', (text) => {
    expect(read(text)).toBe('invalid_token: a JSON name occurs twice');
  });

  it('is UTF-8 without a byte order mark, and one object', () => {
    for (const bytes of [[0xff], [0x7b, 0x22, 0xc3, 0x22, 0x3a, 0x31, 0x7d], [0xef, 0xbb, 0xbf, 0x7b, 0x7d], []]) {
      expect(reasonOf(() => parseStrictObject(Uint8Array.from(bytes)))).toBe('invalid_token: not JSON in UTF-8');
    }
    for (const text of ['null', '[]', '1', '"a"', 'true']) expect(read(text)).toBe('invalid_token: not a JSON object');
    expect(read('{}')).toBe('ok');
  });
});
