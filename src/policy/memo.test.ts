import { describe, expect, it } from 'vitest';
import { memoByObject, memoByText } from './memo.ts';

interface Weighed {
  readonly of: string;
  readonly weight: number;
}

describe('memoByText', () => {
  const memo = () => {
    const made: string[] = [];
    const known = memoByText<Weighed>(10, ({ weight }) => weight);
    const ask = (key: string, weight = 1): string => {
      return known(key, (of) => {
        made.push(of);
        return { of, weight };
      }).of;
    };
    return { made, ask };
  };

  it('answers each key with its own value, made once', () => {
    const { made, ask } = memo();
    expect(['a', 'b', 'a', '', 'b', ''].map((key) => ask(key))).toEqual(['a', 'b', 'a', '', 'b', '']);
    expect(made).toEqual(['a', 'b', '']);
  });

  it('holds no more than the weight allows: then everything before is forgotten', () => {
    const { made, ask } = memo();
    ask('a', 4);
    ask('b', 6);
    ask('a');
    expect(made).toEqual(['a', 'b']);
    ask('c', 1);
    ask('a', 9);
    ask('c');
    expect(made).toEqual(['a', 'b', 'c', 'a']);
    ask('d', 1);
    ask('a');
    expect(made).toEqual(['a', 'b', 'c', 'a', 'd', 'a']);
  });
});

describe('memoByObject', () => {
  it('takes equal objects for two', () => {
    const known = memoByObject<{ readonly name: string }, { readonly number: number }>(10, () => 1);
    let number = 0;
    const make = () => ({ number: (number += 1) });
    const [one, other] = [{ name: 'x' }, { name: 'x' }];
    expect([one, other, one].map((key) => known(key, make).number)).toEqual([1, 2, 1]);
  });
});
