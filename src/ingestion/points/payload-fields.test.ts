import { describe, expect, it } from 'vitest';
import { AppError } from '../../core/errors.ts';
import { parseLossless, writeLossless } from '../../core/points/lossless.ts';
import type { LosslessObject } from '../../core/points/raw-json.ts';
import { fieldAt, pointText, visibleText, withoutReserved, withPointText } from './payload-fields.ts';

const payload = (text: string): LosslessObject => parseLossless(text) as LosslessObject;
const INNER = { path: '_node_content', inner: 'body.text' };

describe('the text of a point', () => {
  it('stands at a dotted path, or in JSON in a string', () => {
    expect(pointText(payload('{"a":{"b":"here"}}'), { path: 'a.b' })).toBe('here');
    expect(pointText(payload(JSON.stringify({ _node_content: '{"body":{"text":"within"}}' })), INNER)).toBe('within');
  });

  it.each(['{}', '{"a":1}', '{"a":{"b":null}}', '{"a":[{"b":"in a list"}]}', '{"a.b":"one key"}'])('is not there in %s', (text) => {
    expect(pointText(payload(text), { path: 'a.b' })).toBeUndefined();
  });

  it.each(['not JSON', '[1]', '{"body":"text"}', '{"body":{"text":1}}', '{"body":{"text":"\\u0000"}}'])(
    'is not there in a string with %s',
    (text) => {
      expect(pointText({ _node_content: text }, INNER)).toBeUndefined();
    },
  );

  it('is replaced alone: every other number stays as it came', () => {
    const before = payload('{"n":1.0,"a":{"id":18446744073709551615,"b":"old"},"list":[1e2]}');
    expect(writeLossless(withPointText(before, { path: 'a.b' }, 'new'))).toBe(
      '{"n":1.0,"a":{"id":18446744073709551615,"b":"new"},"list":[1e2]}',
    );
    const within = { _node_content: '{"id":9007199254740993,"body":{"text":"old"}}', other: 1 };
    expect(withPointText(within, INNER, 'new')).toEqual({ _node_content: '{"id":9007199254740993,"body":{"text":"new"}}', other: 1 });
  });

  it('a path never reaches what an object inherits', () => {
    expect(fieldAt({}, 'constructor.name')).toBeUndefined();
    expect(fieldAt({ constructor: 'own' }, 'constructor')).toBe('own');
  });
});

describe('hidden characters', () => {
  it('go, with everything around them as it was', () => {
    expect(visibleText('a\u{e0041}b\u202ec\u200b\r\nd')).toEqual({ text: 'abc\r\nd', removed: { tag: 1, bidi: 1, zeroWidth: 1 } });
    expect(visibleText('a\u001b[31mb').text).toBe('a [31mb');
  });

  it.each(['plain', 'two\r\nlines\tand a tab', 'e\u0301 spelt with two characters', '👩‍👩‍👧 and می‌خواهم'])('%j stays as it came', (text) => {
    expect(visibleText(text)).toEqual({ text, removed: { tag: 0, bidi: 0, zeroWidth: 0 } });
  });
});

describe('the reserved key', () => {
  it('is left out at the root, and nowhere else', () => {
    expect(withoutReserved({ _sluice: { zone: 1 }, a: { _sluice: 2 } })).toEqual({ a: { _sluice: 2 } });
  });

  it.each(['_SLUICE', '_sluice\u200b', '\uff3fsluice'])('%j looks like it and is refused', (key) => {
    expect(() => withoutReserved({ [key]: 1 })).toThrow(AppError);
  });
});
