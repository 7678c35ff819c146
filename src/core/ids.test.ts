import { describe, expect, it } from 'vitest';
import { parseDocumentId, parseSourceId, parseTenantId } from './ids.ts';

describe('a tenant', () => {
  it.each(['a', '7', 'acme', 'a-1', `a${'b'.repeat(62)}`])('may be named %s', (name) => {
    expect(parseTenantId(name)).toBe(name);
  });

  it.each(['', '*', '-a', 'Acme', 'a_b', 'a b', 'a\n', ' a', 'ä', `a${'b'.repeat(63)}`])('may not be named %j', (name) => {
    expect(parseTenantId(name)).toBeUndefined();
  });
});

describe('a source', () => {
  it.each(['a', '7', 'People.Handbook_2-x', `a${'b'.repeat(127)}`])('may be named %s', (name) => {
    expect(parseSourceId(name)).toBe(name);
  });

  it.each(['', '*', 'a*', '.a', '-a', '_a', 'a/b', 'a|b', 'a b', 'a\n', ' a', `a${'b'.repeat(128)}`])('may not be named %j', (name) => {
    expect(parseSourceId(name)).toBeUndefined();
  });
});

describe('a document', () => {
  it.each(['a', 'a/b c.md', '../x', 'ä', '日本', 'x'.repeat(512), 'ä'.repeat(256), 'erased:plan', 'erased:'])('may be named %s', (name) => {
    expect(parseDocumentId(name)).toBe(name);
  });

  it.each([
    ['nothing', ''],
    ['a NUL', 'a\0'],
    ['a line break', 'a\nb'],
    ['DEL', 'a\u007f'],
    ['a C1 control', 'a\u0085'],
    ['an unpaired surrogate', 'a\ud800'],
    ['what readers of the log see of one that was erased', `erased:${'0a'.repeat(16)}`],
    ['513 letters', 'x'.repeat(513)],
    ['514 bytes in 257 letters', 'ä'.repeat(257)],
  ])('may not be named by %s', (_what, name) => {
    expect(parseDocumentId(name)).toBeUndefined();
  });
});
