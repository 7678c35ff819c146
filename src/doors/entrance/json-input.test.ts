import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../core/errors.ts';
import { parseJson } from './json-input.ts';

/** The value, or the code it fails with. */
function outcomeOf(bytes: Buffer): unknown {
  try {
    return parseJson(bytes);
  } catch (error) {
    return error instanceof AppError ? error.code : 'foreign';
  }
}

function codeOf(text: string): string {
  const outcome = outcomeOf(Buffer.from(text, 'utf8'));
  return outcome === 'invalid_request' || outcome === 'malformed_json' ? outcome : 'accepted';
}

/** What `parseJson` may refuse although it is JSON. */
function hasTrap(value: unknown): boolean {
  if (typeof value === 'string') return !value.isWellFormed() || value.includes('\0');
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(value).some(([key, item]) => key === '__proto__' || hasTrap(key) || hasTrap(item));
}

describe('parseJson', () => {
  it('reads what JSON.parse reads, or refuses a trap', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'binary', maxDepth: 6 }), fc.integer({ min: 0, max: 3 }), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        const expected: unknown = hasTrap(value) ? 'invalid_request' : JSON.parse(text);
        expect(outcomeOf(Buffer.from(text, 'utf8'))).toEqual(expected);
      }),
    );
    expect(codeOf('{"a":"\\u0000"}')).toBe('invalid_request');
  });

  it('fails with nothing but its two codes, whatever the bytes', () => {
    const pieces = fc.constantFrom('{', '}', '[', ']', '"', '\\', ':', ',', 'a', '1', ' ', '\\u0041', 'null');
    const texts = fc.array(pieces, { maxLength: 30 }).map((parts) => Buffer.from(parts.join(''), 'utf8'));
    const noise = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));
    fc.assert(fc.property(fc.oneof(texts, noise), (bytes) => outcomeOf(bytes) !== 'foreign'));
    expect(outcomeOf(Buffer.from('nul'))).toBe('malformed_json');
  });

  it('finds a key given twice at any depth, and only then', () => {
    expect(codeOf('{"a":{"b":1,"b":1}}')).toBe('invalid_request');
    expect(codeOf('[{"a":1,"\\u0061":2}]')).toBe('invalid_request');
    expect(codeOf('[{"a":1},{"a":2},{"b":{"a":":{[\\":"}}]')).toBe('accepted');
  });

  it('bounds depth at 32, counting no brackets inside strings', () => {
    expect(codeOf(`${'['.repeat(32)}${']'.repeat(32)}`)).toBe('accepted');
    expect(codeOf(`${'['.repeat(33)}${']'.repeat(33)}`)).toBe('invalid_request');
    expect(codeOf(JSON.stringify('['.repeat(100)))).toBe('accepted');
    expect(codeOf(JSON.stringify(`${'\\'.repeat(9)}"${'['.repeat(100)}`))).toBe('accepted');
  });

  it('is linear in backslashes and quotes', () => {
    expect(codeOf(`"${'\\'.repeat(1_000_000)}"`)).toBe('accepted');
    expect(codeOf(`"${'\\"'.repeat(500_000)}"`)).toBe('accepted');
    expect(codeOf(`"${'\\'.repeat(1_000_001)}"`)).toBe('malformed_json');
  });
});
