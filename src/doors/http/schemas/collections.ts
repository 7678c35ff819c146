import { z } from 'zod';
import { PRESETS, profileOf } from '../../../core/points/profiles.ts';
import type { LosslessObject } from '../../../core/points/raw-json.ts';
import type { CollectionBody } from '../../../ingestion/collections.ts';
import { principalTextSchema } from './common.ts';
import { aclOf, aclSchema } from './documents.ts';

const MAX_APPLICATIONS = 256;
const MAX_VECTORS = 64;
const MAX_SIZE = 65_536;
const sourceText = z.string().min(1).max(128);
const pathSchema = z.string().min(1).max(256).meta({ description: 'Dotted path of a member of the payload.' });

const hnswSchema = z.strictObject({
  m: z.int().min(0).optional(),
  ef_construct: z.int().min(0).optional(),
  full_scan_threshold: z.int().min(0).optional(),
  payload_m: z.int().min(0).optional(),
  on_disk: z.boolean().optional(),
});

const vectorSchema = z.strictObject({
  size: z.int().min(1).max(MAX_SIZE),
  distance: z.enum(['Cosine', 'Euclid', 'Dot', 'Manhattan']),
  hnsw_config: hnswSchema.optional(),
  on_disk: z.boolean().optional(),
  datatype: z.enum(['float32', 'uint8', 'float16']).optional(),
  multivector_config: z.strictObject({ comparator: z.literal('max_sim') }).optional(),
});

const sparseSchema = z.strictObject({
  modifier: z
    .literal('none', 'the server would weigh terms by how many points hold them, hidden ones too; weigh terms where the vectors are made')
    .optional(),
  index: z.strictObject({ on_disk: z.boolean().optional(), full_scan_threshold: z.int().min(0).optional() }).optional(),
});

const few = (record: object): boolean => Object.keys(record).length <= MAX_VECTORS;

const profileFields = {
  title: pathSchema.optional(),
  document: pathSchema.optional(),
  uri: pathSchema.optional(),
  acl: pathSchema.optional(),
  level: pathSchema.optional(),
  compartments: pathSchema.optional(),
  trust: pathSchema.optional(),
  provenance: z.enum(['payload', 'none']).optional().meta({ description: 'Whether payloads that leave carry `_sluice`.' }),
};

const profileSchema = z.union([
  z.enum(PRESETS),
  z
    .strictObject({
      preset: z.enum(PRESETS).optional().meta({ description: 'What is not named here is taken from it.' }),
      text: z
        .union([pathSchema, z.strictObject({ path: pathSchema, inner: pathSchema.optional() })])
        .optional()
        .meta({ description: 'Where the text stands; `inner`: within JSON in a string at `path`.' }),
      ...profileFields,
    })
    .refine((profile) => profile.preset !== undefined || profile.text !== undefined, 'needs text, or a preset'),
]);

export const collectionSchema = z
  .strictObject({
    source: sourceText.optional().meta({ description: 'The source that applications write into; yours to label.' }),
    byClient: z
      .array(z.strictObject({ client: principalTextSchema, source: sourceText }))
      .max(MAX_APPLICATIONS)
      .optional()
      .meta({ description: 'Applications that write into another source.' }),
    profile: profileSchema,
    defaultAcl: aclSchema.optional().meta({ description: 'Of points that bring no ACL; without it they are refused.' }),
    vectors: z
      .union([vectorSchema, z.record(z.string().max(256), vectorSchema).refine(few, `at most ${MAX_VECTORS} vectors`)])
      .optional()
      .meta({ description: 'As in Qdrant: of the one vector, or by name.' }),
    sparseVectors: z.record(z.string().max(256), sparseSchema).refine(few, `at most ${MAX_VECTORS} vectors`).optional(),
  })
  .meta({
    id: 'CollectionBody',
    examples: [
      { source: 'wiki', profile: 'langchain', defaultAcl: { allow: ['group:staff'] }, vectors: { size: 384, distance: 'Cosine' } },
    ],
  });

const profileAnswer = z.strictObject({
  text: z.strictObject({ path: z.string(), inner: z.string().optional() }),
  ...profileFields,
  provenance: z.enum(['payload', 'none']),
});

const entry = z.union([z.string(), z.strictObject({ principal: z.string(), from: z.string().optional(), until: z.string().optional() })]);

export const collectionAnswerSchema = z
  .strictObject({
    collection: z.string(),
    revision: z.int(),
    source: z.string().optional(),
    byClient: z.array(z.strictObject({ client: z.string(), source: z.string() })),
    sources: z.array(z.string()).meta({ description: 'Every source that points lie in, or are written into.' }),
    profile: profileAnswer,
    defaultAcl: z.strictObject({ gates: z.array(z.array(entry)), deny: z.array(entry) }).optional(),
    params: z.record(z.string(), z.unknown()).meta({ description: '`vectors` and `sparse_vectors`, as Qdrant takes them.' }),
    missing: z.array(z.string()).optional().meta({ description: 'What keeps applications from writing points there.' }),
  })
  .meta({ id: 'Collection' });

export const collectionsAnswerSchema = z
  .strictObject({ collections: z.array(collectionAnswerSchema), next: z.string().optional() })
  .meta({ id: 'Collections' });

export function toCollectionBody(input: z.output<typeof collectionSchema>): CollectionBody {
  const { source, byClient, profile, defaultAcl, vectors, sparseVectors } = input;
  const params = {
    ...(vectors === undefined ? {} : { vectors }),
    ...(sparseVectors === undefined ? {} : { sparse_vectors: sparseVectors }),
  } as LosslessObject;
  return {
    source,
    byClient,
    profile: profileOf(profile),
    defaultAcl: defaultAcl === undefined ? undefined : aclOf(defaultAcl),
    params: vectors === undefined && sparseVectors === undefined ? undefined : params,
  };
}
