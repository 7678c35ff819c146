import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson, EMPTY_HEAD, leafBytes, leafHash, nextHead, type LeafContent } from './leaf.ts';

const row: LeafContent = {
  tenant: 'acme',
  idx: 7,
  at: 1_767_225_600_000,
  kind: 'intent',
  request_id: 'r-1',
  body: '{"a":1,"b":"ü"}',
  salt: '000102030405060708090a0b0c0d0e0f',
  v: 1,
};

describe('leaf', () => {
  it('is the hash of a fixed text, so that anybody can compute it', () => {
    const text =
      '{"at":1767225600000,"body":{"a":1,"b":"ü"},"index":7,"kind":"intent","requestId":"r-1",' +
      '"salt":"000102030405060708090a0b0c0d0e0f","tenant":"acme","v":1}';
    expect(leafBytes(row)).toBe(text);
    expect(leafHash(row)).toBe(createHash('sha256').update(`\0${text}`).digest('hex'));
  });

  it('is canonical whatever the event holds', () => {
    const text = fc.string({ unit: 'grapheme' });
    fc.assert(
      fc.property(text, fc.nat(), fc.nat(), text, fc.dictionary(text, fc.jsonValue()), (requestId, idx, at, tenant, body) => {
        fc.pre(JSON.stringify(body).isWellFormed() && !/\\ud[89a-f]/i.test(JSON.stringify(body)));
        const bytes = leafBytes({ ...row, request_id: requestId, idx, at, tenant, body: canonicalJson(body) });
        expect(bytes).toBe(canonicalize(JSON.parse(bytes)));
        expect(bytes).toBe(canonicalize({ at, body, index: idx, kind: row.kind, requestId, salt: row.salt, tenant, v: 1 }));
      }),
    );
  });

  it('refuses what has no canonical form', () => {
    expect(canonicalJson({ b: [1, null], a: 'x' })).toBe('{"a":"x","b":[1,null]}');
    for (const value of ['\ud800', { '\udfff': 1 }, Number.NaN, Number.POSITIVE_INFINITY, undefined]) {
      expect(() => canonicalJson(value)).toThrow(/allowed|not a JSON value/);
    }
  });
});

describe('head', () => {
  it('takes in each leaf in its place', () => {
    const [a, b] = ['0a'.repeat(32), '0b'.repeat(32)];
    const expected = createHash('sha256')
      .update(Buffer.from(`01${EMPTY_HEAD}${a}`, 'hex'))
      .digest('hex');
    expect(nextHead(EMPTY_HEAD, a)).toBe(expected);
    expect(nextHead(nextHead(EMPTY_HEAD, a), b)).not.toBe(nextHead(nextHead(EMPTY_HEAD, b), a));
  });
});
