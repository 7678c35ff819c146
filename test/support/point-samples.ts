import { rawNumber, type Json } from './lossless.ts';
import type { Random } from './random.ts';
import type { Hints } from './random-requests.ts';

/** Two collections as applications make them: LangChain's single unnamed vector, and named ones of every kind. */
export const SHAPES = {
  plain: {
    params: { vectors: { size: 6, distance: 'Cosine' } },
    vectors: [{ name: '', kind: 'dense', size: 6 }],
  },
  named: {
    params: {
      vectors: {
        dense: { size: 6, distance: 'Dot' },
        multi: { size: 4, distance: 'Cosine', multivector_config: { comparator: 'max_sim' } },
      },
      sparse_vectors: { words: {} },
    },
    vectors: [
      { name: 'dense', kind: 'dense', size: 6 },
      { name: 'multi', kind: 'multi', size: 4 },
      { name: 'words', kind: 'sparse', size: 0 },
    ],
  },
} as const satisfies Record<string, { readonly params: object; readonly vectors: Hints['vectors'] }>;
export type ShapeName = keyof typeof SHAPES;

/** Payload keys that have an index, and its type. */
export const INDEXES: Readonly<Record<string, string>> = {
  'metadata.kind': 'keyword',
  'metadata.year': 'integer',
  price: 'float',
  flag: 'bool',
  'metadata.at': 'datetime',
  place: 'geo',
  content: 'text',
};

const KINDS = ['page', 'note', 'policy'];
const TAGS = ['alpha', 'beta', 'gamma', 'Größe', 'a.b'];
const DAYS = ['2024-05-01T00:00:00Z', '2025-01-31T12:30:00Z', '2026-07-15T08:00:00Z'];
const PLACES = [
  { lon: 13.4, lat: 52.5 },
  { lon: -0.12, lat: 51.5 },
  { lon: 2.35, lat: 48.85 },
];
export const PRICES: readonly Json[] = [rawNumber('1.0'), 2.5, rawNumber('1000.0'), 0.25];

export const FIELDS: Hints['fields'] = [
  { key: 'metadata.kind', values: KINDS, facet: true },
  { key: 'metadata.year', values: [2020, 2021, 2022, 2023], facet: true, order: true },
  { key: 'price', values: [1, 2.5, 1_000, 0.25], order: true },
  { key: 'flag', values: [true, false], facet: true },
  { key: 'metadata.at', values: DAYS, order: true },
  { key: 'place', values: PLACES },
  { key: 'content', values: ['parental leave', 'travel costs', 'on call'] },
  { key: 'tags[]', values: TAGS },
  { key: 'parts[].size', values: [1, 2, 3] },
  { key: 'nowhere', values: ['x', 1] },
];

export interface SamplePoint {
  readonly id: Json;
  readonly vector: Json;
  readonly payload: Readonly<Record<string, Json>>;
}

/** Ids of every size and kind: beyond 2^53, up to 2^64 − 1, and UUIDs. `number` makes them differ. */
export function sampleId(number: number): Json {
  const beyond = [
    () => rawNumber(String(9_007_199_254_740_993n + BigInt(number))),
    () => rawNumber(String(2n ** 64n - 1n - BigInt(number))),
  ];
  const uuid = `0b5e9f4e-7c1d-4a6b-8d2f-${number.toString(16).padStart(12, '0')}`;
  return number % 3 === 0 ? uuid : number % 7 === 1 ? (beyond[number % 2]?.() ?? number) : number;
}

export function sampleVector(shape: ShapeName, random: Random): Json {
  const float = (): number => Math.round((random.next() * 2 - 1) * 1_000) / 1_000;
  const dense = (size: number): Json => Array.from({ length: size }, float);
  if (shape === 'plain') return dense(6);
  const indices = random.some([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 2, 5);
  return {
    dense: dense(6),
    ...(random.chance(0.8) ? { multi: [dense(4), dense(4)] } : {}),
    ...(random.chance(0.9) ? { words: { indices, values: indices.map(() => (1 + random.below(1_023)) / 1_024) } } : {}),
  };
}

/** What an application writes into a point besides its access: text, metadata, numbers of every spelling, lists, nested objects. */
export function samplePayload(random: Random): Record<string, Json> {
  return {
    content: `${random.pick(['parental leave', 'travel costs', 'on call'])} ${random.below(1_000_000)}`,
    metadata: { kind: random.pick(KINDS), year: 2020 + random.below(4), ...(random.chance(0.8) ? { at: random.pick(DAYS) } : {}) },
    ...(random.chance(0.9) ? { price: random.pick(PRICES) } : {}),
    ...(random.chance(0.7) ? { flag: random.chance(0.5) } : {}),
    ...(random.chance(0.5) ? { place: random.pick(PLACES) } : {}),
    tags: random.some(TAGS, 0, 3),
    parts: Array.from({ length: random.below(3) }, () => ({ size: 1 + random.below(3), name: random.pick(TAGS) })),
    ...(random.chance(0.2) ? { none: null } : {}),
    big: rawNumber('12345678901234567890'),
  };
}
