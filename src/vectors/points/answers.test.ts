import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newChunkId } from '../../../test/support/vector-fixture.ts';
import { AppError } from '../../core/errors.ts';
import { items, members } from './answer-text.ts';
import { batchAnswer, countOf, facetAnswer, groupsAnswer, pointsAnswer } from './answers.ts';
import { refusal, structuralReason } from './refusals.ts';

const code = (run: () => unknown): string => {
  try {
    run();
    return 'no failure';
  } catch (error) {
    return error instanceof AppError ? error.code : String(error);
  }
};
const answer = (result: string) => `{"result":${result},"status":"ok","time":0.1}`;

describe('the text of an answer', () => {
  it('is taken apart as a parser would, whatever stands in it', () => {
    const spaced = fc.constantFrom(undefined, 1, '\t');
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), spaced, (value, space) => {
        const text = JSON.stringify(value, undefined, space);
        const found: [string, unknown][] = [];
        members(text, 0, (name, start, end) => found.push([JSON.parse(`"${name}"`) as string, JSON.parse(text.slice(start, end))]));
        expect(found).toEqual(Object.entries(JSON.parse(text) as object));
      }),
    );
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), spaced, (value, space) => {
        const text = JSON.stringify(value, undefined, space);
        const found: unknown[] = [];
        items(text, 0, (start, end) => found.push(JSON.parse(text.slice(start, end))));
        expect(found).toEqual(JSON.parse(text));
      }),
    );
  });

  it('keeps every digit of scores, values of an order, vectors, groups and facets', () => {
    const [a, b] = [newChunkId(), newChunkId()];
    const point = `{"id":"${a}","version":3,"score":1.0,"order_value":9007199254740993,"payload":null,"vector":{"x":[1.0,-2e-7]}}`;
    const hit = { chunk: a, score: '1.0', orderValue: '9007199254740993', vector: '{"x":[1.0,-2e-7]}' };
    expect(pointsAnswer(answer(`{"points":[${point}]}`), 1)).toEqual([hit]);
    // Beyond the floats of Qdrant.
    expect(pointsAnswer(answer(`{"points":[{"id":"${a}","score":null}]}`), 1)).toEqual([{ chunk: a, score: 'null' }]);
    expect(batchAnswer(answer(`[{"points":[]},{"points":[${point}]}]`), [1, 1])).toEqual([[], [hit]]);
    const groups = answer(`{"groups":[{"hits":[${point},{"id":"${b}","score":0.5}],"id":12345678901234567890},{"id":"}","hits":[]}]}`);
    expect(groupsAnswer(groups, 2, 2)).toEqual([
      { id: '12345678901234567890', hits: [hit, { chunk: b, score: '0.5' }] },
      { id: '"}"', hits: [] },
    ]);
    expect(facetAnswer(answer('{"hits":[{"value":12345678901234567890,"count":2},{"value":"ключ \\" }","count":1}]}'))).toEqual([
      { value: '12345678901234567890', count: 2 },
      { value: '"ключ \\" }"', count: 1 },
    ]);
    expect(countOf(answer('{"count":17}'))).toBe(17);
  });

  it('that is another one is not understood', () => {
    const id = newChunkId();
    const wrong = [
      ['not JSON', '{"result":'],
      ['no result', '{"status":"ok"}'],
      ['no points', answer('{}')],
      ['points that are none', answer('{"points":{}}')],
      ['an id that is no chunk', answer('{"points":[{"id":1,"score":1}]}')],
      ['no id', answer('{"points":[{"score":1}]}')],
      ['a score that is no number', answer(`{"points":[{"id":"${id}","score":"1"}]}`)],
      ['more than was asked for', answer(`{"points":[{"id":"${id}"},{"id":"${newChunkId()}"}]}`)],
    ] as const;
    for (const [what, text] of wrong) expect([what, code(() => pointsAnswer(text, 1))]).toEqual([what, 'index_unavailable']);
    expect(code(() => batchAnswer(answer('[]'), [1]))).toBe('index_unavailable');
    expect(code(() => groupsAnswer(answer('{"groups":[{"hits":[]}]}'), 1, 1))).toBe('index_unavailable');
    expect(code(() => facetAnswer(answer('{"hits":[{"value":1}]}')))).toBe('index_unavailable');
    expect(code(() => countOf(answer('{"count":-1}')))).toBe('index_unavailable');
  });

  it('names a point once, by its better place', () => {
    const id = newChunkId();
    expect(pointsAnswer(answer(`{"points":[{"id":"${id}","score":2},{"id":"${id}","score":1}]}`), 2)).toEqual([{ chunk: id, score: '2' }]);
  });
});

describe('a refusal', () => {
  const error = (text: string) => JSON.stringify({ status: { error: text }, time: 0 });
  it('says what is wrong with the request, and nothing that could be of a point or of our filter', () => {
    const told = [
      'Vector dimension error: expected dim: 2, got 3',
      'Not existing vector name error: nope',
      'Conversion between sparse and regular vectors failed',
      'Validation failed: cannot apply Fusion without prefetches',
    ];
    for (const reason of told) expect(structuralReason(error(`Wrong input: ${reason}`))).toBe(reason);
    const kept = [
      'Not found: No point with id 11111111-1111-1111-1111-111111111112 found',
      'Wrong input: The expression 1/0 = inf produced a non-finite number',
      'Format error in JSON body: invalid type: string "x" at line 1 column 612',
      'Validation error in JSON body: [internal.filter.must[3].limit: value 0 invalid]',
      'Wrong input: Vector dimension error: expected dim: 2, got 3 for point 7',
    ];
    for (const reason of kept) expect([reason, structuralReason(error(reason))]).toEqual([reason, undefined]);
    expect(structuralReason('<html>')).toBeUndefined();
  });

  it('is of the request only where it is the request that has to change', () => {
    const codes = [400, 413, 422, 401, 403, 404, 408, 409].map((status) => refusal({ status, text: error('x') }).code);
    expect(codes.slice(0, 3)).toEqual(Array.from({ length: 3 }, () => 'unsupported_request'));
    expect(codes.slice(3)).toEqual(Array.from({ length: 5 }, () => 'index_unavailable'));
  });
});
