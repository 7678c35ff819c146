import { describe, expect, it } from 'vitest';
import { digestOf, sha256Hex, uuidOf } from './digest.ts';
import { policyCsv, policyRevision, type PolicyLine } from './policy-lines.ts';
import { isLoopbackHost, isPlainUrl, isProtectedUrl } from './urls.ts';

describe('digests', () => {
  it('are SHA-256 of the bytes', () => {
    // FIPS 180-2, appendix B.1.
    const abc = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
    expect(sha256Hex('abc')).toBe(abc);
    expect(digestOf(new TextEncoder().encode('abc'))).toBe(`sha256:${abc}`);
  });
});

describe('uuidOf', () => {
  it('is a UUID of version 8, the same for the same parts', () => {
    for (let n = 0; n < 64; n++) {
      expect(uuidOf('a', n)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    }
    expect(uuidOf('a', 1)).toBe(uuidOf('a', '1'));
  });

  it('keeps lists of parts apart, however they are cut', () => {
    const lists = [['ab', 'c'], ['a', 'bc'], ['abc'], ['abc', ''], ['', 'abc'], ['1:a'], ['a', '1:']];
    expect(new Set(lists.map((parts) => uuidOf(...parts))).size).toBe(lists.length);
  });

  it('depends on every byte of the hash that a UUID has room for', () => {
    const all = Array.from({ length: 200 }, (_, n) => uuidOf('x', n).replaceAll('-', ''));
    for (let position = 0; position < 32; position++) {
      const seen = new Set(all.map((uuid) => uuid[position]));
      expect(seen.size).toBe(position === 12 ? 1 : position === 16 ? 4 : 16);
    }
  });
});

describe('a policy revision', () => {
  const line = (number: number, ...columns: string[]): PolicyLine => ({ type: number % 2 === 0 ? 'g' : 'p', columns, line: number });

  it('is written with each line where it stood', () => {
    expect(policyCsv([line(4, 'a', 'role:b', 't'), line(1, 'x', 'y')])).toBe('p, x, y\n\n\ng, a, role:b, t\n');
    expect(policyCsv([])).toBe('');
  });

  it('is named by its lines and where they stand', () => {
    const lines = [line(1, 'x', 'y')];
    expect(policyRevision(lines)).toEqual({ id: sha256Hex('p, x, y\n').slice(0, 12), lines });
    expect(policyRevision([line(3, 'x', 'y')]).id).not.toBe(policyRevision(lines).id);
  });
});

describe('URLs', () => {
  it.each(['localhost', '127.0.0.1', '127.255.0.9', '::1', '[::1]'])('%s is this machine', (host) => {
    expect(isLoopbackHost(host)).toBe(true);
  });

  it.each(['a.localhost', '127.0.0.1.example.org', 'x127.0.0.1', '128.0.0.1', '127.0.0', 'example.org', ''])('%s is not', (host) => {
    expect(isLoopbackHost(host)).toBe(false);
  });

  it('are plain without user, password and fragment, with one of the schemes', () => {
    expect(isPlainUrl('https://a/b?c', ['https:'])).toBe(true);
    for (const text of ['http://a/', 'https://u@a/', 'https://:p@a/', 'https://a/#f', 'https:', 'nonsense']) {
      expect(isPlainUrl(text, ['https:'])).toBe(false);
    }
  });

  it('are protected over https, or over http to this machine alone', () => {
    for (const text of ['https://example.org', 'http://localhost', 'http://127.0.0.9:8/x', 'http://[::1]/']) {
      expect(isProtectedUrl(text)).toBe(true);
    }
    for (const text of ['http://example.org', 'ftp://localhost', 'https://u@example.org', 'http://u@localhost', 'x']) {
      expect(isProtectedUrl(text)).toBe(false);
    }
  });
});
