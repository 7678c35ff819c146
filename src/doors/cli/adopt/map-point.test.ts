import { describe, expect, it } from 'vitest';
import { parseLossless, isLosslessObject } from '../../../core/points/lossless.ts';
import type { LosslessObject } from '../../../core/points/raw-json.ts';
import { PROFILES, profileOf } from '../../../core/points/profiles.ts';
import { adoptedParams } from './adoption-params.ts';
import { parseMap } from './map-file.ts';
import { mapPoint } from './map-point.ts';

const object = (text: string): LosslessObject => {
  const value = parseLossless(text);
  if (!isLosslessObject(value)) throw new Error('no object');
  return value;
};
const map = (more: object = {}) =>
  parseMap({ profile: 'plain', source: { is: 'wiki' }, acl: { is: ['everyone'] }, level: 'source', ...more }, 'map.yaml');
const mapped = (payload: string, more: object = {}) => mapPoint(map(more), PROFILES.plain, object(payload));
const missing = (payload: string, more: object = {}) => {
  const found = mapped(payload, more);
  return found.kind === 'missing' ? found.missing.map(({ what, value }) => [what, value]) : found;
};

describe('a map', () => {
  it('says of each part what holds, by field, by table, and where the field is missing', () => {
    const rules = {
      source: { field: 'team', table: { hr: 'people', '9007199254740993': 'big', true: 'yes' }, missing: 'rest' },
      acl: { field: 'seen' },
      level: { field: 'meta.level', table: { 1: 'internal' } },
      compartments: { field: 'tags', missing: [] },
      trust: { is: 'external' },
    };
    const access = (payload: string) => {
      const found = mapped(`{"text":"t","seen":["group:a"],"meta":{"level":1},${payload}}`, rules);
      return found.kind === 'mapped' ? found.access : found;
    };
    const whole = { source: 'people', acl: { allow: ['group:a'] }, level: 'internal', compartments: ['x'], trust: 'external' };
    expect(access('"team":"hr","tags":["x"]')).toEqual(whole);
    expect(access('"team":9007199254740993')).toEqual({ ...whole, source: 'big', compartments: [] });
    expect(access('"team":true')).toMatchObject({ source: 'yes' });
    expect(access('"team":null')).toMatchObject({ source: 'rest' });
    expect(mapped('{"text":"t","level":"restricted"}')).toMatchObject({ access: { source: 'wiki', level: null, trust: null } });
  });

  it('guesses nothing: every part that it does not give is missing', () => {
    const rules = { source: { field: 'team', table: { hr: 'people' } }, acl: { field: 'seen' }, level: { field: 'level' } };
    expect(missing('{"text":"t"}', rules)).toEqual([
      ['no-source', undefined],
      ['no-acl', undefined],
      ['no-level', undefined],
    ]);
    expect(missing('{"text":"t","team":"toString","seen":"all","level":3}', rules)).toEqual([
      ['unmapped-source', 'toString'],
      ['unusable-acl', undefined],
      ['unusable-level', undefined],
    ]);
    expect(missing('{"text":" ","_sluice":{}}')).toEqual([
      ['no-text', undefined],
      ['reserved-key', undefined],
    ]);
  });

  it('is refused where it says nothing of sources, ACLs or levels, or has what it cannot have', () => {
    const wrong = [{ level: undefined }, { acl: undefined }, { source: undefined }, { source: { field: '_sluice.zone' } }, { nonsense: 1 }];
    for (const more of wrong) expect(() => map(more)).toThrow('no map');
  });
});

describe('profiles', () => {
  it('of libraries say where the text stands, and take other paths beside', () => {
    const node = '{"_node_content":"{\\"text\\":\\"within\\"}"}';
    expect(mapPoint(map(), PROFILES.llamaindex, object(node)).kind).toBe('mapped');
    expect(mapPoint(map(), PROFILES.llamaindex, object('{"_node_content":"{}"}')).kind).toBe('missing');
    expect(profileOf({ preset: 'haystack', acl: 'meta.who' })).toEqual({ ...PROFILES.haystack, acl: 'meta.who' });
    expect(profileOf({ text: 'body', provenance: 'none' })).toEqual({ text: { path: 'body' }, provenance: 'none' });
  });
});

describe('vectors of an old collection', () => {
  it('are made again as they were, without what is the operator’s, and what weighs terms is named', () => {
    const params = object(
      '{"vectors":{"a":{"size":4,"distance":"Cosine","on_disk":null,"quantization_config":{"scalar":{}},"hnsw_config":{"m":8,"x":1}}},' +
        '"sparse_vectors":{"t":{"modifier":"idf","index":{"on_disk":true,"datatype":"float16"}},"u":{}},"shard_number":3}',
    );
    expect(adoptedParams(params)).toEqual({
      vectors: { a: { size: 4, distance: 'Cosine', hnsw_config: { m: 8 } } },
      sparseVectors: { t: { index: { on_disk: true } }, u: {} },
      idf: ['t'],
    });
    expect(adoptedParams(object('{"vectors":{"size":2,"distance":"Dot"}}'))).toEqual({ vectors: { size: 2, distance: 'Dot' }, idf: [] });
  });
});
