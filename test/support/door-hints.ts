import { rawNumber, type Json } from './lossless.ts';
import { FIELDS, samplePayload, SHAPES, type ShapeName } from './point-samples.ts';
import type { Hints } from './random-requests.ts';

/** Every way to spell a path below the key that is ours. */
export const RESERVED = [
  '_sluice',
  '_sluice.zone',
  '_sluice.tenant',
  '_sluice.document',
  '_sluice.g0',
  '_sluice.deny',
  '_sluice.acl_v',
  '_sluice.valid_from',
  '_sluice[].zone',
  '_sluice[0].zone',
  '"_sluice".zone',
  '"_sluice"."zone"',
  '"_sluice"[].zone',
  '_sluice."zone"',
];

/** Ids that no point has. */
const NOWHERE: readonly Json[] = [
  424_242,
  '0b5e9f4e-7c1d-4a6b-8d2f-ffffffffffff',
  rawNumber('18446744073709551000'),
  '{0b5e9f4e-7c1d-4a6b-8d2f-00000000ffff}',
];

/** What a request may name where nothing is hidden. */
export function openHints(shape: ShapeName, ids: readonly Json[]): Hints {
  const { vectors } = SHAPES[shape];
  return { ids: [...ids, ...NOWHERE], vectors, fields: FIELDS, payload: samplePayload, collections: ['plain', 'named', 'nowhere'] };
}

/** The same with every name of something hidden: ids and values of points of others, keys of ours, collections of others. */
export function hostileHints(
  shape: ShapeName,
  ids: readonly Json[],
  hidden: readonly { readonly payload: Readonly<Record<string, Json>> }[],
): Hints {
  const open = openHints(shape, ids);
  const contents = hidden.map(({ payload }) => payload['content']).filter((value) => typeof value === 'string');
  const reserved = RESERVED.map((key) => ({ key, values: [1, '*', 'w0'], facet: true as const, order: true as const }));
  return {
    ...open,
    fields: [
      ...open.fields,
      ...open.fields,
      { key: 'content', values: contents.length === 0 ? ['nothing'] : contents, facet: true },
      { key: 'access.level', values: ['public', 'internal', 'confidential', 'restricted'] },
      { key: 'access.acl.gates[][]', values: ['everyone', 'group:test|board', 'group:test|hr'] },
      { key: 'access.acl.deny[]', values: ['client:test|outside', 'group:test|staff'] },
      ...reserved.slice(0, 5),
    ],
    collections: ['plain', 'named', 'sluice', 'secret', 'nowhere', 'sluice-hosted'],
  };
}
