import { describe, expect, it } from 'vitest';
import { batches } from './batches.ts';
import { embeddingsUrl } from './openai-call.ts';

describe('addresses and batches', () => {
  it.each(['http://h', 'http://h/', 'http://h/v1', 'http://h/v1/', 'http://h/v1/embeddings'])('reads %s', (base) => {
    expect(embeddingsUrl(base).href).toBe('http://h/v1/embeddings');
  });

  it('keeps a prefix and a query', () => {
    expect(embeddingsUrl('http://h/openai?api-version=1').href).toBe('http://h/openai/v1/embeddings?api-version=1');
  });

  it('fills batches by count and by characters', () => {
    expect(batches(['aa', 'bb', 'c', 'dddddd', 'e'], { texts: 2, characters: 4 })).toEqual([['aa', 'bb'], ['c'], ['dddddd'], ['e']]);
    expect(batches([], { texts: 2, characters: 4 })).toEqual([]);
  });
});
