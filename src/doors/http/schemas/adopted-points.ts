import { z } from 'zod';
import { isLosslessObject, numberText, writeLossless } from '../../../core/points/lossless.ts';
import { payloadHasReserved } from '../../../core/points/payload-path.ts';
import { numberPointId, uuidPointId, type PointId } from '../../../core/points/point-id.ts';
import type { LosslessJson, LosslessObject } from '../../../core/points/raw-json.ts';
import type { WantedAccess } from '../../../ingestion/points/check-access.ts';
import type { PointWrite } from '../../../ingestion/points/types.ts';
import { levelSchema, trustSchema } from '../../entrance/schemas/reading.ts';
import { namesSchema } from './common.ts';
import { aclOf, aclSchema } from './documents.ts';

export const MAX_ADOPTED = 256;

function pointId(value: LosslessJson): PointId | undefined {
  const digits = numberText(value);
  if (digits !== undefined) return numberPointId(digits);
  return typeof value === 'string' ? uuidPointId(value) : undefined;
}

const isNumber = (value: LosslessJson): boolean => numberText(value) !== undefined;
const isList = (value: LosslessJson | undefined): value is readonly LosslessJson[] => Array.isArray(value);
const isNumbers = (value: LosslessJson): boolean => isList(value) && value.length > 0 && value.every(isNumber);

/** Dense, multi or sparse; nothing that Qdrant would compute from. */
function isVector(value: LosslessJson): boolean {
  if (isList(value)) return isNumbers(value) || (value.length > 0 && value.every(isNumbers));
  if (!isLosslessObject(value)) return false;
  const { indices, values, ...others } = value;
  if (!isList(indices) || !isList(values) || indices.length !== values.length) return false;
  return [...indices, ...values].every(isNumber) && Object.keys(others).length === 0;
}

function isVectors(value: LosslessJson): boolean {
  return isVector(value) || (isLosslessObject(value) && Object.values(value).every(isVector));
}

function isPayload(value: LosslessJson): boolean {
  return isLosslessObject(value) && !payloadHasReserved(value);
}

const accessShape = {
  acl: aclSchema.optional(),
  level: levelSchema.nullable().optional(),
  compartments: namesSchema.nullable().optional(),
  trust: trustSchema.nullable().optional(),
};

const adoptedPointSchema = z.strictObject({
  id: z
    .custom<LosslessJson>((value) => pointId(value as LosslessJson) !== undefined, 'an integer from 0 to 2^64 − 1, or a UUID')
    .meta({
      anyOf: [
        { type: 'integer', minimum: 0 },
        { type: 'string', format: 'uuid' },
      ],
    }),
  vector: z
    .custom<LosslessJson>((value) => isVectors(value as LosslessJson), 'a dense, multi or sparse vector, or an object of named ones')
    .meta({ description: 'As in a point of Qdrant.' }),
  payload: z
    .custom<LosslessObject>((value) => isPayload(value as LosslessJson), 'an object without the key _sluice')
    .meta({ type: 'object', description: 'Kept as it is, with every digit of its numbers.' }),
  ...accessShape,
});

export const adoptedPointsSchema = z
  .strictObject({
    source: z.string().min(1).max(128).meta({ description: 'The source that the points belong to from now on.' }),
    points: z.array(adoptedPointSchema).min(1).max(MAX_ADOPTED),
  })
  .meta({
    id: 'AdoptedPoints',
    description:
      'What stands beside a payload counts in place of what the profile of the collection would read in it; null: nothing is said of it.',
    examples: [{ source: 'wiki', points: [{ id: 7, vector: [0.1, 0.2], payload: { text: 'Ferry times' }, acl: { allow: ['everyone'] } }] }],
  });

export const adoptedAnswerSchema = z.strictObject({ points: z.int() }).meta({ id: 'Adopted' });

/** By name: Qdrant gives named vectors in any order, and the same point is to be the same write each time. */
function inOrder(vector: LosslessJson): LosslessJson {
  if (!isLosslessObject(vector)) return vector;
  return Object.fromEntries(Object.entries(vector).sort(([a], [b]) => (a < b ? -1 : 1)));
}

export function toPointWrites({ points }: z.output<typeof adoptedPointsSchema>): readonly PointWrite[] {
  return points.flatMap(({ id, vector, payload, acl, level, compartments, trust }) => {
    const read = pointId(id);
    const said = {
      ...(acl === undefined ? {} : { acl: aclOf(acl) }),
      ...(level === undefined ? {} : { level: level ?? undefined }),
      ...(compartments === undefined ? {} : { compartments: compartments ?? undefined }),
      ...(trust === undefined ? {} : { trust: trust ?? undefined }),
    };
    return read === undefined ? [] : [{ id: read, vector: writeLossless(inOrder(vector)), payload, said }];
  });
}

export const checkAccessSchema = z
  .strictObject({
    access: z
      .array(z.strictObject({ source: z.string().min(1).max(128), ...accessShape }))
      .min(1)
      .max(MAX_ADOPTED),
  })
  .meta({ id: 'AccessToCheck', examples: [{ access: [{ source: 'wiki', acl: { allow: ['group:staff'] }, level: 'internal' }] }] });

export const checkedAccessSchema = z
  .strictObject({
    problems: z.array(
      z.strictObject({
        place: z.int().meta({ description: 'In `access`, from 0.' }),
        code: z.string().meta({ description: 'Of the error that a write would fail with; or `quarantined`.' }),
        errors: z.array(z.strictObject({ pointer: z.string(), message: z.string() })),
      }),
    ),
  })
  .meta({ id: 'CheckedAccess' });

export function toWantedAccess({ access }: z.output<typeof checkAccessSchema>): readonly WantedAccess[] {
  return access.map(({ source, acl, level, compartments, trust }) => ({
    source,
    acl: acl === undefined ? undefined : aclOf(acl),
    level: level ?? undefined,
    compartments: compartments ?? undefined,
    trust: trust ?? undefined,
  }));
}
