import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { trials } from '../../../test/support/scale.ts';
import { AppError } from '../errors.ts';
import { isLosslessObject, losslessNumber, numberText, parseLossless, writeLossless } from './lossless.ts';

/** JSON numbers in every spelling. */
const numbers = fc
  .tuple(
    fc.constantFrom('', '-'),
    fc.oneof(fc.constant('0'), fc.bigInt({ min: 1n, max: 10n ** 22n }).map(String), fc.nat(999).map(String)),
    fc.oneof(
      fc.constant(''),
      fc.constantFrom('.0', '.00', '.50', '.5', '.1', '.1234567890123456789'),
      fc.nat(99_999).map((digits) => `.${digits}`),
    ),
    fc.oneof({ weight: 3, arbitrary: fc.constant('') }, fc.constantFrom('e0', 'e3', 'E+2', 'e-3', 'e-05', 'E22', 'e-300')),
  )
  .map((parts) => parts.join(''));

const texts: fc.Memo<string> = fc.memo((depth) => {
  const scalars = fc.oneof(
    { weight: 3, arbitrary: numbers },
    fc
      .string({ unit: 'grapheme' })
      .filter((text) => !text.includes('\0'))
      .map((text) => JSON.stringify(text)),
    fc.constantFrom('true', 'false', 'null', '"1.0"', '"\\u00e9"', '"a\\"1.0"', '{}', '[]'),
  );
  if (depth <= 1) return scalars;
  const below = texts(depth - 1);
  const key = fc
    .oneof(fc.constantFrom('a', 'rawJSON', '1.0', '"', 'é'), fc.string({ maxLength: 4 }))
    .filter((name) => !/[\0\\]/.test(name) && name !== '__proto__');
  return fc.oneof(
    scalars,
    fc.array(below, { maxLength: 4 }).map((items) => `[${items.join(' ,')}]`),
    fc
      .uniqueArray(fc.tuple(key, below), { maxLength: 4, selector: ([name]) => name })
      .map((members) => `{ ${members.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(', ')} }`),
  );
});

/** As a reader of 64-bit integers and doubles sees a number: its kind and its value. Qdrant is one. */
function seen(source: string): string {
  const value = Number(source);
  if (/[.eE]/.test(source)) return `float ${value}`;
  const whole = BigInt(source);
  if (source.startsWith('-') && whole === 0n) return 'float -0';
  return whole <= 2n ** 64n - 1n && whole >= -(2n ** 63n) ? `integer ${whole}` : `float ${value}`;
}

/** A text as such a reader sees it; strings and keys by their value. A tokenizer of its own. */
function view(text: string): readonly string[] {
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null|[[\]{}:,]/g) ?? [];
  return tokens.map((token) => {
    if (token.startsWith('"')) return `string ${JSON.parse(token) as string}`;
    return /^-?\d/.test(token) ? seen(token) : token;
  });
}

function codeOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof AppError) return error.code;
    throw error;
  }
  return 'none';
}

describe('JSON that goes through unchanged', () => {
  it('keeps each number what it is to a reader of 64-bit integers and doubles', () => {
    fc.assert(
      fc.property(texts(4), (text) => {
        const written = writeLossless(parseLossless(text));
        // Members whose keys are digits move to the front in JavaScript: their order means nothing.
        expect([...view(written)].sort()).toEqual([...view(text)].sort());
        expect(writeLossless(parseLossless(written))).toBe(written);
      }),
      { numRuns: trials(500, 20_000) },
    );
  });

  it('writes what is at risk as it came', () => {
    const text =
      '{"a":9007199254740993,"b":18446744073709551615,"c":1.0,"d":[1e3,-0,0.0,12345678901234567890.0],"e":{"f":-9223372036854775808}}';
    expect(writeLossless(parseLossless(text))).toBe(text);
    expect(writeLossless(parseLossless(Buffer.from(text)))).toBe(text);
  });

  it('takes an object with a member rawJSON for an object', () => {
    const value = parseLossless('{"rawJSON":"1,\\"x\\":2"}');
    expect(isLosslessObject(value)).toBe(true);
    expect(writeLossless(value)).toBe('{"rawJSON":"1,\\"x\\":2"}');
  });

  it.each([
    ['not JSON', '{', 'malformed_json'],
    ['nothing', '', 'malformed_json'],
    ['no UTF-8', Buffer.from([0x22, 0xff, 0x22]), 'malformed_json'],
    ['a key twice', '{"a":1.0,"\\u0061":2}', 'invalid_request'],
    ['a prototype', '{"a":1.0,"__proto__":{"b":1}}', 'invalid_request'],
    ['an unpaired surrogate', '["\\ud800",1.0]', 'invalid_request'],
    ['a NUL', '{"a\\u0000":1}', 'invalid_request'],
    ['no finite number', '[1e400]', 'invalid_request'],
    ['no finite integer', `[${'9'.repeat(400)}]`, 'invalid_request'],
    // Numbers to keep are read as strings that begin with a NUL: what spells one itself is no number.
    ['a number spelt as a string', '["\\u00001.0",1.0]', 'invalid_request'],
    ['a number as a key', '{1.0:1}', 'invalid_request'],
    ['a number with a zero before it', '[01.0]', 'malformed_json'],
    ['a number in two parts', '[1.0.0]', 'malformed_json'],
    ['more numbers to keep than can be read at once', `[${'1.0,'.repeat(1_000_000)}1.0]`, 'invalid_request'],
    ['more keys than can be read at once', `{${'"k":1,'.repeat(500_000)}"k":1.0}`, 'invalid_request'],
    ['more objects than can be read at once', `[${'{},'.repeat(500_000)}1.0]`, 'invalid_request'],
    ['depth', `${'['.repeat(33)}${']'.repeat(33)}`, 'invalid_request'],
  ])('refuses %s', (_name, text, code) => {
    expect(codeOf(() => parseLossless(text))).toBe(code);
  });

  it('reads each key as it is spelt, whatever was parsed before', () => {
    // Keys that the parser of V8 would take for one another afterwards.
    for (const primer of ['{"k":0,"\\\\":1}', '{"k":0,"\\\\u00e9":1}', '{"k":0,"\\u005Cu00e9":1}']) {
      for (let times = 0; times < 3; times += 1) expect(codeOf(() => parseLossless(primer))).toBe('invalid_request');
    }
    expect(parseLossless('{"k":0,"\\"":1}')).toEqual({ k: 0, '"': 1 });
    expect(parseLossless('{"k":0,"\\u00e9":1}')).toEqual({ k: 0, é: 1 });
    expect(parseLossless('{"k":"\\\\u00e9"}')).toEqual({ k: '\\u00e9' });
  });

  it('reads numbers with every digit', () => {
    expect(numberText(parseLossless('18446744073709551615'))).toBe('18446744073709551615');
    expect(numberText(parseLossless('12'))).toBe('12');
    expect(numberText(parseLossless('"12"'))).toBeUndefined();
    expect(writeLossless([losslessNumber('9007199254740993'), losslessNumber('7')])).toBe('[9007199254740993,7]');
  });
});
